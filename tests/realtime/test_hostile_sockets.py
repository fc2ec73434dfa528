"""Clients that mean harm, against a server in its own process: nobody beside them waits, its memory stays as it is."""

import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from tornado.ioloop import IOLoop

from regoods.realtime.closing import NO_PONG, TOO_BIG, TOO_MANY_FRAMES, TOO_SLOW
from tests.support.crowd import Crowd
from tests.support.figures import Figures
from tests.support.nodes import holds
from tests.support.people import LIMIT, Person
from tests.support.process import ServerProcess
from tests.support.raw_socket import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    connect_raw,
    eventually,
    frame,
    parse_close,
    text,
)

MEBIBYTE = 2**20
PAGE = "界" * 5000
"""15 kB on the wire, in one message."""

BESIDE = 0.25
"""Seconds that nobody beside a hostile client waits; what one alone waits is a thousandth of it."""

TURN = 0.1
"""The server's own seconds within which everybody has his turn: of frames in turns it is 0.03 at most, and 0.24 and
more where all that the kernel hands over at once is read."""

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""A process's time is counted in these."""

LAST = b"\x8a\x08the last"
"""A pong as the server sends it."""


@pytest.fixture
def process(io_loop: IOLoop, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    marker = request.node.get_closest_marker("environment")
    running = ServerProcess(
        tmp_path,
        DEMO_DATA="true",
        RATE_LIMIT_WRITES_PER_MINUTE="0",
        RATE_LIMIT_READS_PER_MINUTE="0",
        WS_MAX_CONNECTIONS_PER_USER="1000",
        **(marker.kwargs if marker else {}),
    )
    io_loop.run_sync(running.started)
    yield running
    io_loop.run_sync(running.clean_up)


class Beside:
    """Somebody who chats while others do harm."""

    def __init__(self, process: ServerProcess, person: Person) -> None:
        self._process = process
        self._person = person
        self.waits: list[float] = []
        """Seconds that each of his pings took."""
        self._worked: list[float] = []
        """The server's own seconds of these, if they were less: what other processes of this machine take is no matter
        of a hostile client's."""
        self._enough = False

    async def __aenter__(self) -> Self:
        self._raw = await connect_raw(self._person)
        self._task = asyncio.ensure_future(self._chat())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._enough = True
        await self._task

    async def _chat(self) -> None:
        number = 0
        while not self._enough:
            begun, worked = time.monotonic(), self._process.processor_seconds
            await self._raw.send(frame(PING, b"%d" % number))
            while (await self._raw.until(PONG)).payload != b"%d" % number:
                pass
            self.waits.append(time.monotonic() - begun)
            self._worked.append(min(self.waits[-1], self._process.processor_seconds - worked + TICK))
            number += 1
            await asyncio.sleep(0.01)

    async def chatted(self, more: int) -> None:
        """Wait for so many more of his pings to be answered."""
        enough = len(self.waits) + more
        await holds(lambda: len(self.waits) >= enough)

    def assert_never_waited(self) -> None:
        """One in twenty may have met more than the hostile client's share of it."""
        worked = sorted(self._worked)
        assert worked[int(len(worked) * 0.95)] < BESIDE, worked[-10:]
        # Nor does the server stand still without working, for a lock or a disk.
        assert statistics.median(self.waits) < BESIDE, sorted(self.waits)[-10:]

    def assert_longest_below(self, seconds: float) -> None:
        assert max(self._worked) < seconds, sorted(self._worked)[-10:]


async def test_a_million_fragments_of_nothing(process: ServerProcess, figures: Figures) -> None:
    before = process.memory("VmRSS")
    raw = await connect_raw(process.person(1))
    async with Beside(process, process.person(2)) as beside:
        await raw.send(frame(TEXT, final=False))
        for _ in range(100):
            await raw.send(frame(CONTINUATION, final=False) * 10_000)
        assert await raw.closed() == (TOO_BIG.code, TOO_BIG.reason)
        await beside.chatted(10)  # and afterwards, too

    figures.say(f"a million fragments: longest wait beside it {max(beside.waits):.3f} s")
    beside.assert_never_waited()
    assert process.memory("VmHWM") - before < 10 * MEBIBYTE


@pytest.mark.parametrize("kind", ["pings", "fragments", "pongs"])
async def test_who_sends_frames_without_end_holds_nobody_up(
    process: ServerProcess, kind: str, figures: Figures
) -> None:
    message = (
        frame(TEXT, final=False) + 3000 * frame(CONTINUATION, final=False) + frame(CONTINUATION, '{"type":"ping"}')
    )
    flood = {"pings": frame(PING) * 3000, "pongs": frame(PONG) * 3000, "fragments": message}[kind]
    raw = await connect_raw(process.person(1))

    async def read_all() -> None:
        tail = b""
        while not tail.endswith(LAST):
            received = await raw.reader.read(2**20)
            assert received
            tail = (tail + received)[-len(LAST) :]

    reading = asyncio.ensure_future(read_all())
    async with Beside(process, process.person(2)) as beside:
        for _ in range(80):
            await raw.send(flood)
        # What was sent waits in the kernels: the last one's answer tells that the server has read it all.
        await raw.send(frame(PING, b"the last"))
        await asyncio.wait_for(reading, LIMIT)

    figures.say(f"240,000 {kind}: longest wait beside them {max(beside.waits):.3f} s")
    # So many frames that each has taken its turn many times; the longest wait counts, for there it would show.
    beside.assert_longest_below(TURN)


async def test_ten_thousand_typing_frames_at_once(process: ServerProcess) -> None:
    ann, ben, chloe = (process.person(number) for number in (1, 2, 3))
    await ann.write(ben)
    raw, at_ben = await connect_raw(ann), await ben.connect()

    async with Beside(process, chloe) as beside:
        begun = time.monotonic()
        await raw.send(text({"type": "typing", "conversationId": 2}) * 10_000)
        assert await raw.closed() == (TOO_MANY_FRAMES.code, TOO_MANY_FRAMES.reason)
        # The first one waits for the database, which says that the two are in touch.
        await at_ben.until("typing")
        more = [event["type"] for event in await at_ben.quiet()].count("typing")
        took = time.monotonic() - begun

    assert more <= took
    beside.assert_never_waited()


async def never_reads(process: ServerProcess, megabytes: int, figures: Figures) -> None:
    ann, ben, chloe = (process.person(number) for number in (1, 2, 3))
    await connect_raw(ben, receive_buffer=4096)
    other_tab = await ben.connect()
    count = megabytes * 1_000_000 // 15_000
    received = asyncio.Event()

    async def read() -> None:
        for _ in range(count):
            await other_tab.until("message")
        received.set()

    reading = asyncio.ensure_future(read())
    before = process.memory("VmRSS")
    async with Beside(process, chloe) as beside:
        for done in range(0, count, 10):
            await asyncio.gather(*(ann.write(ben, PAGE) for _ in range(min(10, count - done))))
        await asyncio.wait_for(received.wait(), LIMIT)

        async def let_go() -> bool:
            closed = (await ann.get("/health/websocket-stats", root="")).body["closed"]
            return bool(closed.get(str(TOO_SLOW.code)) == 1)

        await eventually(let_go)
    reading.cancel()

    grown = process.memory("VmHWM") - before
    figures.say(f"{megabytes} MB: grown by {grown / MEBIBYTE:.1f} MiB, longest wait {max(beside.waits):.3f} s")
    assert grown < 25 * MEBIBYTE
    beside.assert_never_waited()


async def test_who_never_reads_ten_megabytes(process: ServerProcess, figures: Figures) -> None:
    await never_reads(process, 10, figures)


@pytest.mark.soak
@pytest.mark.gen_test(timeout=240)
async def test_who_never_reads_fifty_megabytes(process: ServerProcess, figures: Figures) -> None:
    await never_reads(process, 50, figures)


@pytest.mark.environment(WS_HEARTBEAT_INTERVAL="1000")
async def test_a_half_open_peer_is_reaped_and_then_offline(process: ServerProcess) -> None:
    ann, ben = process.person(1), process.person(2)
    await ann.write(ben)
    at_ann = await ann.connect()
    half_open = await connect_raw(ben)
    assert (await at_ann.next_presence())[:2] == (2, True)

    # It hears nothing and says nothing, and no TCP reset tells of it: what a cable does that was pulled out.
    asked, closed = await half_open.next(), await half_open.next()
    gone = await at_ann.next_presence()

    # Of two heartbeats the first asks and the second reaps, each within an interval: test_heartbeat.py counts them.
    assert asked.opcode == PING
    assert (closed.opcode, parse_close(closed.payload)) == (CLOSE, (NO_PONG.code, NO_PONG.reason))
    assert gone[:2] == (2, False)
    assert (await ann.get("/messages/conversations")).data[0]["isOnline"] is False


async def come_and_go(process: ServerProcess, rounds: int, at_once: int, figures: Figures) -> None:
    """Sockets come and go; memory is what it was after as many as show whether anything is kept."""
    crowd = Crowd([process.person(number) for number in range(1, 21)])

    async def once() -> None:
        await crowd.come(at_once)
        await crowd.leave()

    for _ in range(3):
        await once()
    before = process.memory("VmRSS")
    for _ in range(rounds):
        await once()

    async def all_gone() -> bool:
        stats = (await process.person(1).get("/health/websocket-stats", root="")).body
        return bool(stats["activeConnections"] == 0)

    await eventually(all_gone)
    after = process.memory("VmRSS")
    figures.say(
        f"{rounds * at_once} sockets: {before >> 10} kB before, {after >> 10} kB after ({after / before - 1:+.1%})"
    )
    assert after < 1.05 * before


@pytest.mark.gen_test(timeout=120)
async def test_a_thousand_come_and_go(process: ServerProcess, figures: Figures) -> None:
    await come_and_go(process, 4, 250, figures)


@pytest.mark.soak
@pytest.mark.gen_test(timeout=300)
async def test_twenty_thousand_come_and_go(process: ServerProcess, figures: Figures) -> None:
    await come_and_go(process, 40, 500, figures)
