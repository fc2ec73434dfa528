"""Pings come, who answers lives, who does not is reaped; and who never says anything is let go."""

import asyncio
import time

import pytest

from regoods.realtime import connection, heartbeat
from regoods.realtime.closing import IDLE, NO_PONG
from tests.support.people import Person
from tests.support.raw_socket import CLOSE, PING, PONG, connect_raw, eventually, frame, text
from tests.support.server import RunningServer

QUICK = pytest.mark.settings(ws_heartbeat_interval=500)
INTERVAL = 0.5
SLACK = 3.0
"""Seconds by which a busy machine may be late: other tests run beside these."""


@QUICK
async def test_pings_come_and_who_answers_lives(server: RunningServer, ann: Person, ben: Person) -> None:
    raw = await connect_raw(ann)
    (held,) = server.app.registry.of(1)
    asked = []
    for _ in range(4):
        ping = await raw.until(PING)
        asked.append(held.pinged_at)
        await raw.send(frame(PONG, ping.payload))

    # The first may be late by what a busy machine takes, and then the second comes sooner after it.
    assert 2 * INTERVAL < asked[-1] - asked[0] < 3 * INTERVAL + SLACK
    await ben.write(ann)
    assert (await raw.event())["type"] == "message"
    assert server.app.registry.is_online(1)


@QUICK
async def test_who_does_not_answer_is_reaped_and_offline(server: RunningServer, ann: Person, ben: Person) -> None:
    await ann.write(ben)
    dead = await connect_raw(ann)
    (held,) = server.app.registry.of(1)
    assert (await ben.get("/messages/conversations")).data[0]["isOnline"] is True

    assert (await dead.next()).opcode == PING
    closed = await dead.closed()
    took = asyncio.get_running_loop().time() - held.pinged_at

    assert closed == (NO_PONG.code, NO_PONG.reason)
    assert closed[0] != 1000  # which clients read as normal
    assert 0.9 * INTERVAL <= took < 2 * INTERVAL + SLACK
    assert (await ben.get("/messages/conversations")).data[0]["isOnline"] is False
    assert (await ben.get("/health/websocket-stats", root="")).body["activeConnections"] == 0


@QUICK
async def test_who_talks_need_not_pong(ann: Person) -> None:
    raw = await connect_raw(ann)

    for _ in range(3):
        await raw.until(PING)
        await raw.send(text({"type": "ping"}))
        assert await raw.event() == {"type": "pong"}


@QUICK
async def test_an_old_answer_is_none_to_a_new_ping(ann: Person) -> None:
    raw = await connect_raw(ann)
    await raw.send(frame(PONG), frame(PONG, b"unasked"))
    first = await raw.until(PING)
    await raw.send(frame(PONG, first.payload))

    await raw.until(PING)  # this one is not answered

    assert (await raw.next()).opcode == CLOSE


@QUICK
async def test_the_dead_go_and_the_living_stay(server: RunningServer, ann: Person, ben: Person) -> None:
    living = [await ann.connect(), await ben.connect()]
    dead = [await connect_raw(ann), await connect_raw(ben), await connect_raw(ben)]

    for raw in dead:
        assert await raw.closed() == (NO_PONG.code, NO_PONG.reason)

    assert len(server.app.registry) == 2
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
async def test_who_sends_nothing_at_all_is_let_go(server: RunningServer, ann: Person) -> None:
    begun = time.monotonic()
    silent = await connect_raw(ann)

    assert await silent.closed() == (IDLE.code, IDLE.reason)

    assert INTERVAL <= time.monotonic() - begun < 2 * INTERVAL + SLACK
    assert not server.app.registry.is_online(1)


@pytest.mark.settings(ws_heartbeat_interval=300_000, ws_idle_timeout=1_200)
async def test_who_sends_anything_at_all_is_not_idle(ann: Person) -> None:
    raw = await connect_raw(ann)
    begun = time.monotonic()

    for sign in (text({"type": "ping"}), frame(PING), frame(PONG), text("nonsense"), text("y")[:3]):
        await asyncio.sleep(0.4)
        await raw.send(sign)

    assert (await raw.closed())[0] == IDLE.code
    assert time.monotonic() - begun >= 5 * 0.4 + 1.2


@pytest.mark.settings(ws_heartbeat_interval=500, ws_idle_timeout=0)
async def test_with_no_time_out_silence_is_no_fault(ann: Person) -> None:
    tab = await ann.connect()  # answers pings, says nothing else
    witness = await connect_raw(ann)

    for _ in range(2):
        await witness.send(frame(PONG, (await witness.until(PING)).payload))

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
