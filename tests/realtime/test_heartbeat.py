"""Pings come, who answers lives, who does not is reaped; and who never says anything is let go."""

from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from regoods.core.settings import Settings
from regoods.realtime import connection, heartbeat
from regoods.realtime.closing import IDLE, NO_PONG
from regoods.realtime.connection import Connection
from tests.support.nodes import holds
from tests.support.people import Person
from tests.support.raw_socket import CLOSE, PING, PONG, connect_raw, eventually, frame, parse_close, text
from tests.support.server import RunningServer

QUICK = pytest.mark.settings(ws_heartbeat_interval=500)
INTERVAL = 0.5


@dataclass
class Beat:
    """One visit of the heartbeat to a socket; seconds of the server's loop."""

    at: float
    pinged: bool
    silent_for: float


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> list[Beat]:
    """All of them, noted beside what they do: how late a busy machine makes them is in their times."""
    made: list[Beat] = []
    beat = Connection.beat

    def noted(self: Connection, now: float) -> None:
        silent_for = now - self.heard_at
        beat(self, now)
        made.append(Beat(now, self.pinged_at == now, silent_for))

    monkeypatch.setattr(Connection, "beat", noted)
    return made


class ByHand:
    """Heartbeats that the test makes, by a clock that nothing else moves: however long a busy machine takes, an answer
    is in time if it is there before the next one."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._loop = server.app.realtime.loop
        self._now = self._loop.time()
        server.app.heartbeat.stop()
        realtime: Any = server.app.realtime
        realtime.loop = self  # whose other parts are the loop's

    def time(self) -> float:
        return self._now

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def beat(self, after: float = INTERVAL) -> None:
        """Visit each socket, an interval after the last time."""
        self._now += after
        for _ in range(self._server.app.registry.slices):
            self._server.app.heartbeat.tick()
        self._now += 0.001  # what is heard from now on was said later

    async def heard(self, *connections: Connection) -> None:
        """Wait until these have answered."""
        await holds(lambda: all(one.heard_at > one.pinged_at for one in connections))


@pytest.fixture
def by_hand(server: RunningServer) -> ByHand:
    return ByHand(server)


@pytest.mark.parametrize(("heartbeat_ms", "idle_ms"), [(30_000, 300_000), (30_000, 0), (500, 0), (300_000, 1_000)])
async def test_each_socket_is_visited_once_an_interval(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, heartbeat_ms: int, idle_ms: int
) -> None:
    visited: list[Connection] = []
    # Noted and not made: who has been connected for long, as a busy machine counts, might be reaped.
    monkeypatch.setattr(Connection, "beat", lambda connection, _now: visited.append(connection))
    server = RunningServer(replace(settings, ws_heartbeat_interval=heartbeat_ms, ws_idle_timeout=idle_ms))
    server.start()
    server.app.heartbeat.stop()
    people = [server.person(1), server.person(2)]
    for _ in range(5):
        for person in people:
            await person.connect()
    ticks = server.app.registry.slices

    for _ in range(3):
        for _ in range(ticks):
            server.app.heartbeat.tick()
        assert set(visited) == set(server.app.registry)
        assert len(visited) == 10
        visited.clear()

    assert server.app.heartbeat.callback.callback_time * ticks == min(heartbeat_ms, idle_ms or heartbeat_ms)
    await server.stop()


@pytest.mark.settings(ws_heartbeat_interval=2000)  # which leaves the time that a busy machine may need to answer
async def test_pings_come_and_who_answers_lives(
    server: RunningServer, ann: Person, ben: Person, beats: list[Beat]
) -> None:
    raw = await connect_raw(ann)
    for _ in range(3):
        ping = await raw.until(PING)
        await raw.send(frame(PONG, ping.payload))

    due = 0.0
    for beat in beats:
        assert beat.pinged == (beat.at >= due)
        due = beat.at + 0.9 * 2 if beat.pinged else due
    await ben.write(ann)
    assert (await raw.event())["type"] == "message"
    assert server.app.registry.is_online(1)


@QUICK
async def test_who_does_not_answer_is_reaped_within_two_heartbeats_and_offline(
    server: RunningServer, ann: Person, ben: Person, beats: list[Beat]
) -> None:
    server.app.heartbeat.stop()
    beats.clear()
    await ann.write(ben)
    dead = await connect_raw(ann)
    assert (await ben.get("/messages/conversations")).data[0]["isOnline"] is True

    server.app.heartbeat.start()
    assert (await dead.next()).opcode == PING
    closed = await dead.next()

    assert (closed.opcode, parse_close(closed.payload)) == (CLOSE, (NO_PONG.code, NO_PONG.reason))
    assert NO_PONG.code != 1000  # which clients read as normal
    # The first visit asks, and the next one reaps that leaves the whole interval to answer in.
    first, *early, last = beats
    assert first.pinged
    assert all(beat.at - first.at < 0.9 * INTERVAL for beat in early)
    assert last.at - first.at >= 0.9 * INTERVAL
    assert (await ben.get("/messages/conversations")).data[0]["isOnline"] is False
    assert (await ben.get("/health/websocket-stats", root="")).body["activeConnections"] == 0


@QUICK
async def test_who_talks_need_not_pong(by_hand: ByHand, ann: Person) -> None:
    raw = await connect_raw(ann)

    for _ in range(3):
        by_hand.beat()
        await raw.until(PING)
        await raw.send(text({"type": "ping"}))
        assert await raw.event() == {"type": "pong"}


@QUICK
async def test_an_old_answer_is_none_to_a_new_ping(by_hand: ByHand, server: RunningServer, ann: Person) -> None:
    raw = await connect_raw(ann)
    (held,) = server.app.registry.of(1)
    await raw.send(frame(PONG), frame(PONG, b"unasked"))
    assert await raw.quiet() == []
    by_hand.beat()
    first = await raw.until(PING)
    await raw.send(frame(PONG, first.payload))
    await by_hand.heard(held)

    by_hand.beat()
    await raw.until(PING)  # this one is not answered
    by_hand.beat()

    assert (await raw.next()).opcode == CLOSE


@QUICK
async def test_the_dead_go_and_the_living_stay(
    by_hand: ByHand, server: RunningServer, ann: Person, ben: Person
) -> None:
    living = [await ann.connect(), await ben.connect()]
    answering = list(server.app.registry)
    dead = [await connect_raw(ann), await connect_raw(ben), await connect_raw(ben)]

    for _ in range(2):
        by_hand.beat()
        await by_hand.heard(*answering)

    for raw in dead:
        assert await raw.closed() == (NO_PONG.code, NO_PONG.reason)
    assert set(server.app.registry) == set(answering)
    for tab in living:
        assert await tab.quiet() == []
    stats = (await ann.get("/health/websocket-stats", root="")).body
    assert (stats["activeConnections"], stats["onlineUsers"]) == (2, 2)


@QUICK
async def test_a_reaped_client_that_hears_nothing_is_cut_off(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.3)  # the five it has are a long time
    dead = await connect_raw(ann)
    await dead.closed()

    assert await dead.ended() == b""  # though it never answered the close frame either

    async def counted() -> bool:
        closed = (await ann.get("/health/websocket-stats", root="")).body["closed"]
        return bool(closed.get(str(NO_PONG.code)) == 1)

    await eventually(counted)


@pytest.mark.settings(ws_heartbeat_interval=300_000, ws_idle_timeout=500)
async def test_who_sends_nothing_at_all_is_let_go(server: RunningServer, ann: Person, beats: list[Beat]) -> None:
    silent = await connect_raw(ann)

    assert await silent.closed() == (IDLE.code, IDLE.reason)

    *before, last = beats
    assert all(beat.silent_for < 0.5 for beat in before)
    assert last.silent_for >= 0.5
    assert not server.app.registry.is_online(1)


async def test_who_sends_anything_at_all_is_not_idle(server: RunningServer, ann: Person) -> None:
    """The contract's five minutes, as the heartbeat is told that they are over."""
    server.app.heartbeat.stop()
    raw = await connect_raw(ann)
    (held,) = server.app.registry.of(1)

    for sign in (text({"type": "ping"}), frame(PING), frame(PONG), text("nonsense"), text("y")[:3]):
        before = held.heard_at
        await raw.send(sign)
        await holds(lambda before=before: held.heard_at > before)
        held.beat(held.heard_at + 299)
        assert held.is_open

    held.beat(held.heard_at + 300)
    assert await raw.closed() == (IDLE.code, IDLE.reason)


@pytest.mark.settings(ws_heartbeat_interval=500, ws_idle_timeout=0)
async def test_with_no_time_out_silence_is_no_fault(by_hand: ByHand, server: RunningServer, ann: Person) -> None:
    tab = await ann.connect()  # answers pings, says nothing else
    (held,) = server.app.registry.of(1)

    for _ in range(2):
        by_hand.beat(after=24 * 3600)
        await by_hand.heard(held)

    assert await tab.quiet() == []


def test_a_round_is_short_enough_for_both_times() -> None:
    assert heartbeat.round_ms(30_000, 300_000) == 30_000
    assert heartbeat.round_ms(300_000, 500) == 500
    assert heartbeat.round_ms(30_000, 0) == 30_000


def test_a_round_is_made_in_slices_so_that_the_loop_is_never_long_away() -> None:
    assert heartbeat.slices(30_000, 300_000) >= 30
    assert heartbeat.slices(500, 0) >= 2
    assert heartbeat.slices(300_000, 0) <= heartbeat.MOST_SLICES


@pytest.mark.settings(ws_heartbeat_interval=30_000)
async def test_sockets_are_spread_over_the_slices(server: RunningServer, ann: Person, ben: Person) -> None:
    for person in (ann, ben):
        for _ in range(3):
            await person.connect()

    sizes = [len(server.app.registry.slice(index)) for index in range(server.app.registry.slices)]

    assert sum(sizes) == 6
    assert max(sizes) == 1
