"""A client that does not read is let go; nobody waits for him, and the server's memory stays bounded."""

import asyncio

import pytest

from regoods.realtime import connection
from regoods.realtime.closing import TOO_SLOW
from tests.support.nodes import holds
from tests.support.people import LIMIT, Person, Socket
from tests.support.raw_socket import PING, closing, connect_raw, eventually, frame
from tests.support.server import RunningServer

PAGE = "界" * 5000
"""15 kB on the wire, in one message."""

UNLIMITED = pytest.mark.settings(rate_limit_writes_per_minute=0)
SMALL = 4096
"""Bytes the slow client's kernel takes; the server's own takes up to 4 MB more before anything is left to us."""


async def write_pages(sender: Person, recipient: Person, count: int) -> None:
    for done in range(0, count, 10):
        await asyncio.gather(*(sender.write(recipient, PAGE) for _ in range(min(10, count - done))))


async def read_pages(socket: Socket, count: int) -> None:
    for _ in range(count):
        assert (await socket.next())["message"]["messageContent"] == PAGE


@UNLIMITED
async def test_who_never_reads_is_let_go_while_the_others_get_everything(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.3)  # the five he has are a long time
    monkeypatch.setattr(connection, "SLOW_SECONDS", 3600)  # so that only the bytes count
    await connect_raw(ben, receive_buffer=SMALL)
    other_tab, at_ann = await ben.connect(), await ann.connect()
    count = 500  # 7.5 MB, beyond any kernel's buffers

    reading = [asyncio.ensure_future(read_pages(tab, count)) for tab in (other_tab, at_ann)]
    await write_pages(ann, ben, count)
    await asyncio.gather(*reading)

    async def let_go() -> bool:
        stats = (await ann.get("/health/websocket-stats", root="")).body
        return bool(stats["closed"].get(str(TOO_SLOW.code)) == 1 and stats["activeConnections"] == 2)

    await eventually(let_go)
    assert TOO_SLOW.code == 4008
    assert len(server.app.registry.of(2)) == 1
    assert (await ann.write(ben))["messageId"] == count + 1


@UNLIMITED
async def test_who_reads_too_little_for_too_long_is_let_go(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SLOW_SECONDS", 0.5)
    monkeypatch.setattr(connection, "BUFFER_BYTES", 2**30)  # so that only the time counts
    await connect_raw(ben, receive_buffer=SMALL)
    await write_pages(ann, ben, 400)

    async def is_gone() -> bool:
        return not server.app.registry.is_online(2)

    await eventually(is_gone)


async def test_who_pings_without_end_and_reads_no_pong_is_let_go(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    at_ann, flooder = await ann.connect(), await connect_raw(ben, receive_buffer=SMALL)

    for _ in range(100):  # 13 MB
        await flooder.send(frame(PING, b"x" * 125) * 1000)
        if not server.app.registry.is_online(2):
            break

    await holds(lambda: not server.app.registry.is_online(2))  # once what the kernels hold is read
    assert await at_ann.quiet() == []


@UNLIMITED
async def test_who_falls_behind_and_catches_up_stays(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SLOW_SECONDS", LIMIT)  # a busy machine may take longer than the five to catch up
    slow = await connect_raw(ben, receive_buffer=SMALL)
    (held,) = server.app.registry.of(2)
    count = 0

    while not held._transport.get_write_buffer_size():  # until the kernel takes no more
        await write_pages(ann, ben, 10)
        count += 10
        assert count < 600
    for _ in range(count):
        assert (await slow.event())["message"]["messageContent"] == PAGE

    assert await slow.quiet() == []
    assert server.app.registry.of(2) == (held,)
    assert held._timer is None  # he is watched no longer


async def test_a_slow_sender_is_not_mistaken_for_a_slow_reader(ann: Person, ben: Person) -> None:
    raw = await connect_raw(ben)
    await raw.send(b"\x81")  # the first byte of a frame whose rest is long in coming

    sent = await ann.write(ben, PAGE)

    assert await raw.event() == {"type": "message", "message": sent}


async def test_who_says_goodbye_and_does_not_read_is_cut(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.3)
    at_ann, leaving = await ann.connect(), await connect_raw(ben, receive_buffer=SMALL)
    (held,) = server.app.registry.of(2)
    while not held._transport.get_write_buffer_size():  # type: ignore[union-attr]
        await leaving.send(frame(PING, b"x" * 125) * 100)
        await at_ann.quiet()

    await leaving.send(closing(1000))

    async def is_gone() -> bool:
        return server.app.metrics.connections_closed == 1

    await eventually(is_gone)
