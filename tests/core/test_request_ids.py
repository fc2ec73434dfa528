"""Every answer has an `X-Request-Id`: the client's own, where it is one, or ours."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from regoods.core.http import MAX_BODY
from tests.support.line import line
from tests.support.people import Answer, Person
from tests.support.raw_socket import connect_raw, dial_raw
from tests.support.server import RunningServer

GIVEN = "spa:7f/a+b=c@d_e.f-1"
OURS = re.compile(r"[0-9a-f]{8}-[0-9a-f]+")

BAD = ["x" * 65, "two words", "ümlaut", "a\tb", "<b>", "a,b", "'", "a" * 20 + "." + "b" * 60 + "." + "c" * 43]
"""The last as long as a token is."""


def id_of(answer: Answer) -> str:
    (request_id,) = answer.headers.get_list("X-Request-Id")
    return str(request_id)


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/messages/unread-count", {}, 200),
        ("GET", "/messages/unread-count", {"token": ""}, 401),
        ("OPTIONS", "/messages", {"token": ""}, 204),
        ("GET", "/nothing", {}, 404),
        ("PATCH", "/messages", {}, 404),
        ("POST", "/messages", {"raw": b"{"}, 400),
        ("POST", "/messages", {"raw": b"x" * (MAX_BODY + 1)}, 413),
        ("GET", "/health", {"root": "", "token": ""}, 200),
        ("GET", "/health/ready", {"root": "", "token": ""}, 200),
        ("GET", "/messages", {"root": "", "token": ""}, 400),
        ("GET", "/debug/chat", {"root": "", "token": ""}, 200),
        ("GET", "/attachments/none.png", {"root": "", "token": ""}, 404),
    ],
)
async def test_every_answer_has_the_clients_id_or_ours(
    ann: Person, method: str, path: str, options: Any, status: int
) -> None:
    given = await ann.call(method, path, headers={"X-Request-Id": GIVEN}, **options)
    ours = await ann.call(method, path, **options)

    assert (given.status, ours.status) == (status, status)
    assert id_of(given) == GIVEN
    assert OURS.fullmatch(id_of(ours))


async def test_so_has_one_of_our_own_failures(server: RunningServer, ann: Person) -> None:
    server.execute(sa.text('ALTER TABLE "Messages" RENAME TO "Elsewhere"'))

    answer = await ann.get("/messages/conversations", headers={"X-Request-Id": GIVEN})

    assert answer.status in (500, 503)
    assert id_of(answer) == GIVEN


async def test_so_has_who_finds_a_full_queue(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.app.services.work._writer, "room", 0)

    answer = await ann.post("/messages", {}, headers={"X-Request-Id": GIVEN})
    bad = await ann.post("/messages", {}, headers={"X-Request-Id": "<b>"})

    assert (answer.status, bad.status) == (503, 503)
    assert id_of(answer) == GIVEN
    assert OURS.fullmatch(id_of(bad))


async def test_so_has_a_handshake(ann: Person) -> None:
    opened = await connect_raw(ann, headers={"X-Request-Id": GIVEN})
    assert (opened.answer.status, id_of(opened.answer)) == (101, GIVEN)
    opened.close()
    for options, status in (({"headers": {"Origin": "https://evil.example.com"}}, 403), ({"upgrade": False}, 400)):
        refused = await dial_raw(ann, ann.token(), **options)
        assert refused.answer.status == status
        assert OURS.fullmatch(id_of(refused.answer))
    for _ in range(2):  # the second one before the upgrade
        refused = await dial_raw(ann, "no-token")
        assert OURS.fullmatch(id_of(refused.answer))
    assert refused.answer.status == 401


async def test_so_has_what_is_no_http_and_each_its_own(server: RunningServer, logged: list[Any]) -> None:
    ids = []
    for _ in range(2):
        async with line(server) as wire:
            await wire.say(b"nonsense\r\n\r\n")
            answer = await wire.answer()
            assert answer.status == 400
            ids.append(id_of(answer))

    assert len(set(ids)) == 2
    assert [one["requestId"] for one in logged if one["event"] == "request"] == ids


@pytest.mark.parametrize("bad", BAD)
async def test_what_is_no_id_is_replaced(server: RunningServer, bad: str) -> None:
    host = urlsplit(server.base_url).netloc
    async with line(server) as wire:
        await wire.say(f"GET /health HTTP/1.1\r\nHost: {host}\r\nX-Request-Id: {bad}\r\n\r\n".encode())
        answer = await wire.answer()

    assert answer.status in (200, 400)
    assert OURS.fullmatch(id_of(answer))
