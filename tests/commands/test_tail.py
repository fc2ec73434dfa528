"""`run.py tail`: a user's events, whatever becomes of the server and of the token."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from regoods.commands.running import address
from regoods.commands.tail.follower import Follower
from regoods.core.tokens import LIFETIME
from regoods.realtime import expiry
from regoods.realtime.closing import GOING_AWAY
from regoods.realtime.frames import text_frame
from tests.commands.test_stats import answering
from tests.support.people import LIMIT, Person
from tests.support.process import Start
from tests.support.server import RunningServer, serving

Shown = asyncio.Queue[tuple[dict[str, Any], bool]]


@asynccontextmanager
async def tailing(server: RunningServer, user_id: int) -> AsyncIterator[Shown]:
    """What `tail` shows of this user: events, and whether each was missed."""
    shown: Shown = asyncio.Queue()

    def show(event: dict[str, Any], missed: bool) -> None:
        shown.put_nowait((event, missed))

    follower = Follower(address(server.base_url), server.settings, user_id, show, lambda _words: None)
    following = asyncio.ensure_future(follower.follow())
    try:
        yield shown
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def events(shown: Shown, *kinds: str) -> list[tuple[int | None, bool]]:
    """The next events are of these types; number of each, and whether it was missed."""
    found = []
    for kind in kinds:
        event, missed = await asyncio.wait_for(shown.get(), LIMIT)
        assert event["type"] == kind, event
        found.append((event.get("seq"), missed))
    return found


@pytest.fixture
def neighbour(server: RunningServer, io_loop: IOLoop) -> Iterator[RunningServer]:
    """Another server on the same database, who tells the first one nothing."""
    with serving(io_loop, RunningServer(server.settings), migrated=True) as neighbour:
        yield neighbour


# As a process


async def test_an_event_is_a_line_also_after_a_restart_of_the_server(start: Start) -> None:
    server = await start().started()
    ann, ben = server.person(1), server.person(2)
    tail = start("tail", "--user", "2", "--url", server.base_url)
    await tail.line("(connected)")

    await ann.write(ben, "First\u009b2J 🚲")
    line = await tail.line(r'^(\d\d:\d\d:\d\d\.\d{3}  message +1  \{"seq":1,"type":"message",.*)')
    assert r"First\u009b2J 🚲" in line

    server.signal(signal.SIGTERM)
    await tail.line('(going_away +{"type")')
    assert await server.exit_code() == 0
    again = await start(PORT=server.port).started()
    await tail.line('connected.*"latest":(1)')
    await again.person(1).write(again.person(2), "Second")
    assert "Second" in await tail.line(r"message +2  (.*)")

    tail.signal(signal.SIGINT)
    assert await tail.exit_code() == 0
    assert tail.errors.endswith("Ended.\n")
    assert "1001 Server is restarting" in tail.errors
    assert "eyJ" not in "".join(tail.lines) + tail.errors


async def test_it_is_refused_in_production(start: Start) -> None:
    tail = start("tail", "--user", "1", APP_ENV="production")

    assert await tail.exit_code() == 2
    (line,) = tail.errors.splitlines()
    assert "in development only" in line


async def test_no_server_is_one_line(start: Start) -> None:
    tail = start("tail", "--user", "1", "--url", "http://127.0.0.1:1")

    assert await tail.exit_code() == 2
    (line,) = tail.errors.splitlines()
    assert "No server answers at http://127.0.0.1:1 (Connection refused)" in line


async def test_another_program_at_the_address_is_one_line(start: Start) -> None:
    async with answering({"/messages": b"<html>"}) as url:
        tail = start("tail", "--user", "1", "--url", url)

        assert await tail.exit_code() == 2
        (line,) = tail.errors.splitlines()
        assert f"{url} is no ReGoods messaging" in line


async def test_a_token_that_is_not_good_there_is_one_line(start: Start) -> None:
    server = await start().started()

    tail = start("tail", "--user", "21", "--url", server.base_url)

    assert await tail.exit_code() == 2
    (line,) = tail.errors.splitlines()
    assert "refuses the token of user 21" in line


# At its socket

ON_ONE = pytest.mark.editions("sqlite")
"""What a client sees is no matter of the database."""


@ON_ONE
async def test_what_another_server_wrote_is_shown_as_missed(
    server: RunningServer, neighbour: RunningServer, ann: Person, ben: Person
) -> None:
    async with tailing(server, 2) as shown:
        await events(shown, "connected")
        await neighbour.person(1).write(ben, "Not pushed here")
        await ann.write(ben, "Pushed, behind a gap")

        # The second one comes from the log together with the first, and is not shown again.
        assert await events(shown, "message", "message") == [(1, True), (2, True)]
        # As a push that was under way while the log was read.
        for connection in server.app.registry.of(2):
            connection.push(text_frame(b'{"seq":2,"type":"message","message":{}}'))
        await ann.write(ben)
        assert await events(shown, "message") == [(3, False)]


@ON_ONE
async def test_what_came_while_it_was_away_is_shown_when_it_is_back(
    server: RunningServer, neighbour: RunningServer, ben: Person
) -> None:
    async with tailing(server, 2) as shown:
        await events(shown, "connected")
        await neighbour.person(1).write(ben)
        for connection in list(server.app.registry.of(2)):
            connection.close(GOING_AWAY)

        assert await events(shown, "connected", "message") == [(None, False), (1, True)]


@ON_ONE
async def test_receipts_under_one_number_are_all_shown(server: RunningServer, ann: Person, ben: Person) -> None:
    for _ in range(2):
        await ann.write(ben)
    async with tailing(server, 1) as shown:
        await events(shown, "connected")
        await ben.post("/messages/conversations/1/read")
        await ben.write(ann)

        several = await events(shown, "message_read", "message_read", "conversation_read", "message")
        assert several == [(3, False), (3, False), (3, False), (4, False)]


@ON_ONE
async def test_its_token_is_renewed_in_place(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # A token of 15 minutes is warned of after a second.
    monkeypatch.setattr(expiry, "WARNING_SECONDS", LIFETIME.total_seconds() - 1)
    async with tailing(server, 1) as shown:
        await events(shown, "connected", "token_expiring", "authenticated")
