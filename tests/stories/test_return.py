"""A restart with many sockets open: each is told its time to come back, and even all at once they get in."""

import asyncio
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from regoods.realtime.connection import RESTART_MS, RETURNS_PER_SECOND
from tests.support.crowd import Crowd
from tests.support.figures import Figures
from tests.support.people import LIMIT, Person
from tests.support.process import ServerProcess
from tests.support.sender import Sender
from tests.support.server import RunningServer

LONGEST_WAIT = 10.0
SLOWEST_SEND = 5.0
"""Seconds, over a connection that is open, as a proxy has it."""

PEOPLE = 100


async def test_each_socket_is_told_a_time_of_its_own(server: RunningServer, ann: Person, ben: Person) -> None:
    tabs = [await person.connect() for person in (ann, ben, ann, ben, ann)]

    await server.app.realtime.stop(2)

    told = []
    for tab in tabs:
        event = await tab.next()
        assert event.keys() == {"type", "retryAfterMs"}
        assert event["type"] == "going_away"
        told.append(event["retryAfterMs"])
        assert await tab.closed() == (1001, "Server is restarting")
    assert sorted(told) == [RESTART_MS + number * 1000 // RETURNS_PER_SECOND for number in range(5)]


class Restarted:
    """A server that is stopped, or killed, and started anew at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.now = self._new("0")

    def _new(self, port: str) -> ServerProcess:
        return ServerProcess(
            self._folder,
            PORT=port,
            DEMO_DATA="true",
            DEMO_USERS=str(PEOPLE),
            WS_MAX_CONNECTIONS_PER_USER="1000",
            RATE_LIMIT_WRITES_PER_MINUTE="0",
        )

    async def again(self) -> None:
        port = self.now.port
        await self.now.exit_code()
        await self.now.clean_up()
        self.now = await self._new(port).started()


@pytest.fixture
def restarted(io_loop: IOLoop, tmp_path: Path) -> Iterator[Restarted]:
    running = Restarted(tmp_path)
    yield running
    io_loop.run_sync(running.now.clean_up)


async def all_at_once(restarted: Restarted, count: int, figures: Figures) -> None:
    first = await restarted.now.started()
    crowd = Crowd([first.person(number) for number in range(1, PEOPLE + 1)])
    for _ in range(0, count, 500):
        await crowd.come(min(500, count))
    first.signal(signal.SIGKILL)
    await crowd.gone()
    await restarted.again()
    begun = restarted.now.processor_seconds

    async with Sender(restarted.now.person(1), restarted.now.person(2)) as sender:
        waits = await crowd.come(count)

    figures.say(
        f"{count} sockets: back within {max(waits):.1f} s, by {restarted.now.processor_seconds - begun:.1f} s of a "
        f"processor; sends {sender.statuses}, the slowest {sender.slowest:.2f} s"
    )
    assert len(waits) == count
    assert max(waits) < LONGEST_WAIT
    assert sender.statuses.keys() == {"201"}
    assert sender.slowest < SLOWEST_SEND
    stats = (await restarted.now.person(1).get("/health/websocket-stats", root="")).body
    assert stats["activeConnections"] == count


async def test_five_hundred_come_back_at_once(restarted: Restarted, figures: Figures) -> None:
    await all_at_once(restarted, 500, figures)


@pytest.mark.soak
@pytest.mark.gen_test(timeout=240)
async def test_five_thousand_come_back_at_once(restarted: Restarted, figures: Figures) -> None:
    await all_at_once(restarted, 5000, figures)


async def as_told(restarted: Restarted, count: int, figures: Figures) -> None:
    first = await restarted.now.started()
    crowd = Crowd([first.person(number) for number in range(1, PEOPLE + 1)])
    for _ in range(0, count, 500):
        await crowd.come(min(500, count))

    first.signal(signal.SIGTERM)
    gone = await crowd.gone()

    assert {visitor.code for visitor in gone} == {1001}
    times = sorted(event["retryAfterMs"] for visitor in gone for event in visitor.events)
    assert len(times) == count
    assert times[-1] - times[0] == (count - 1) * 1000 // RETURNS_PER_SECOND  # so the span grows with their number
    assert max(Counter(time // 100 for time in times).values()) <= RETURNS_PER_SECOND / 10
    await restarted.again()
    waits = await crowd.come(count, [time / 1000 for time in times])
    figures.say(f"{count} sockets, each at its time: none waited over {max(waits):.2f} s")
    assert max(waits) < LONGEST_WAIT / 4


async def test_five_hundred_come_back_as_they_were_told(restarted: Restarted, figures: Figures) -> None:
    await as_told(restarted, 500, figures)


@pytest.mark.soak
@pytest.mark.gen_test(timeout=240)
async def test_five_thousand_come_back_as_they_were_told(restarted: Restarted, figures: Figures) -> None:
    await as_told(restarted, 5000, figures)


async def test_as_many_as_the_system_allows_may_knock_at_once(restarted: Restarted) -> None:
    """Whose handshake finds the queue of new connections full tries again after 1, 3, 7 and 15 s."""
    process = await restarted.now.started()
    process.signal(signal.SIGSTOP)  # accepts nobody
    loop = asyncio.get_running_loop()
    knocking = [socket.socket() for _ in range(1000)]
    try:
        for one in knocking:
            one.setblocking(False)
        async with asyncio.timeout(LIMIT):
            await asyncio.gather(*(loop.sock_connect(one, ("127.0.0.1", int(process.port))) for one in knocking))
    finally:
        process.signal(signal.SIGCONT)
        for one in knocking:
            one.close()
