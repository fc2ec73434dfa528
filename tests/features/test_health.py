"""Health: is the process alive, may it be asked, what are its sockets doing; for anyone, without a token."""

import asyncio
import dataclasses
import json
import threading
from urllib.parse import urlsplit

import pytest

from regoods import app
from regoods.core import patience
from regoods.core.settings import Settings
from regoods.core.work_queue import READERS
from regoods.features.health import events, probe
from regoods.features.health.events import readiness
from regoods.features.health.probe import PROBE_SECONDS, Probe, ProcessFigures
from tests.support.nodes import holds
from tests.support.people import LIMIT, Person
from tests.support.server import RunningServer, hang_a_reader


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


@pytest.mark.parametrize("root", ["", "/api/v1"])
async def test_ready_says_that_requests_may_be_sent(ann: Person, root: str) -> None:
    answer = await ann.get("/health/ready", root=root, token="")

    assert (answer.status, answer.body) == (200, {"status": "ok", "degraded": []})


async def test_not_ready_while_the_database_does_not_answer(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    hanging = [await hang_a_reader(server, answered) for _ in range(READERS)]
    begun = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(ann.get("/health/ready", root="", token="") for _ in range(5)))

    # Each waits for so long, and all together: not one after the other.
    assert asyncio.get_running_loop().time() - begun < len(answers) * PROBE_SECONDS
    for answer in answers:
        assert (answer.status, answer.body) == (503, {"status": "unavailable", "degraded": ["database"]})
    assert (await ann.get("/health", root="", token="")).status == 200
    answered.set()
    await asyncio.gather(*hanging)
    monkeypatch.setattr(probe, "PROBE_SECONDS", LIMIT)  # which a busy machine may take
    assert (await ann.get("/health/ready", root="", token="")).body["status"] == "ok"


async def test_who_asks_just_when_an_answer_came_disturbs_nobody(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "PROBE_SECONDS", LIMIT)
    asked, work = Probe(), server.app.services.work

    async def ask_again_and_again() -> list[bool]:
        return [await asked.database_answers(work) for _ in range(20)]

    assert await asyncio.gather(*(ask_again_and_again() for _ in range(3))) == [[True] * 20] * 3


async def test_stats_are_read_once_however_many_ask(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    monkeypatch.setattr(events, "process_figures", lambda services: read.append(services) or {"files": len(read)})
    figures = ProcessFigures()

    first = await asyncio.gather(*(figures.read(server.app.services) for _ in range(100)))
    later = await figures.read(server.app.services)

    assert first == [{"files": 1}] * 100
    assert later == {"files": 2}


def test_ready_without_what_is_not_needed(server: RunningServer) -> None:
    services = dataclasses.replace(server.app.services, degraded=lambda: ("redis",))

    ready = readiness(services, draining=False, database_answers=True)
    assert (ready.status, ready.degraded) == ("degraded", ["redis"])
    ready = readiness(services, draining=False, database_answers=False)
    assert (ready.status, ready.degraded) == ("unavailable", ["database", "redis"])


async def test_a_server_that_drains_answers_all_it_has_accepted_and_says_so(settings: Settings) -> None:
    server = RunningServer(settings)
    server.start()
    ann = server.person(1)
    busy, fresh = await Wire.open(ann), await Wire.open(ann)
    body = json.dumps({"recipientId": 2, "messageContent": "Just in time"})
    busy.ask("POST", "/api/v1/messages", body, begin_only=True)
    await ann.get("/health", root="")  # accepted, and read, after the two

    stopping = asyncio.ensure_future(server.app.stop(server.http))
    await asyncio.sleep(0)
    fresh.ask("GET", "/health/ready")

    status, headers, said = await fresh.answer()
    assert (status, said) == (503, b'{"status":"draining","degraded":[]}')
    assert "Connection: close" in headers
    busy.write(body)
    assert (await busy.answer())[0] == 201
    await stopping


async def test_a_connection_that_was_accepted_before_a_stop_is_heard(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "DRAIN_REQUESTS_SECONDS", 10 * LIMIT)
    monkeypatch.setattr(app, "PATIENCE_MS", int(10_000 * LIMIT))
    monkeypatch.setattr(patience, "GRACE_SECONDS", 10 * LIMIT)
    looks = []
    lively = patience.Patience._lively
    monkeypatch.setattr(patience.Patience, "_lively", lambda self: looks.append(self) or lively(self))
    server = RunningServer(settings)
    server.start()
    ann = server.person(1)
    wires = [await Wire.open(ann) for _ in range(3)]
    await ann.get("/health", root="")

    stopping = asyncio.ensure_future(server.app.stop(server.http))
    for number, wire in enumerate(wires):
        await holds(lambda number=number: len(looks) > 3 * number)  # whether somebody may be about to ask
        wire.ask("POST", "/api/v1/messages", json.dumps({"recipientId": 2, "messageContent": f"Number {number}"}))
        assert (await wire.answer())[0] == 201
    await asyncio.wait_for(stopping, LIMIT)  # nobody is left to wait for


class Wire:
    """A connection that stays open, and says each thing when it is told to."""

    def __init__(self, person: Person, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.person = person
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, person: Person) -> "Wire":
        address = urlsplit(person.base_url)
        return cls(person, *await asyncio.open_connection(address.hostname, address.port))

    def write(self, data: str) -> None:
        self.writer.write(data.encode())

    def ask(self, method: str, path: str, body: str = "", *, begin_only: bool = False) -> None:
        self.write(
            f"{method} {path} HTTP/1.1\r\nHost: regoods\r\nAuthorization: Bearer {self.person.token()}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n" + ("" if begin_only else body)
        )

    async def answer(self) -> tuple[int, list[str], bytes]:
        """Status, headers, body."""
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), LIMIT)
        first, *headers = head.decode().splitlines()
        (length,) = (int(line.split()[1]) for line in headers if line.startswith("Content-Length: "))
        body = await asyncio.wait_for(self.reader.readexactly(length), LIMIT)
        self.writer.close()
        return int(first.split()[1]), headers, body


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
