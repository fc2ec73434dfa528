"""Health: is the process alive, what are its sockets doing; for anyone, without a token."""

import pytest

from tests.support.people import Person
from tests.support.server import RunningServer


@pytest.mark.parametrize("root", ["", "/api/v1"])
async def test_health_says_ok_and_when(ann: Person, root: str) -> None:
    answer = await ann.get("/health", root=root, token="")

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.body == {"status": "ok", "timestamp": "2026-01-06T10:00:00.000Z"}


@pytest.mark.parametrize("root", ["", "/api/v1"])
async def test_stats_count_sockets_and_their_users(ann: Person, ben: Person, root: str) -> None:
    async def figures() -> tuple[int, int]:
        stats = (await ann.get("/health/websocket-stats", root=root, token="")).body
        return stats["activeConnections"], stats["onlineUsers"]

    assert await figures() == (0, 0)
    first = await ann.connect()
    await ann.connect()
    at_ben = await ben.connect()
    assert await figures() == (3, 2)

    first.close()
    await first.closed()
    assert await figures() == (2, 2)
    at_ben.close()
    await at_ben.closed()
    assert await figures() == (1, 1)


@pytest.mark.settings(rate_limit_reads_per_minute=1)
async def test_health_is_asked_as_often_as_one_likes(ann: Person) -> None:
    for _ in range(5):
        assert (await ann.get("/health", root="")).status == 200


async def test_health_needs_no_user(server: RunningServer) -> None:
    assert (await server.person(999).get("/health", root="", token="rubbish")).status == 200


@pytest.mark.settings(ws_enabled=False)
async def test_health_stays_when_sockets_are_switched_off(ann: Person) -> None:
    assert (await ann.get("/health", root="", token="")).body["status"] == "ok"
    assert (await ann.get("/health/websocket-stats", root="", token="")).body["activeConnections"] == 0
