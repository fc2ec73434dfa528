"""Faults of one user's sockets, made on purpose (docs/faults.md). Only a server in development has them."""

import asyncio
import math
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from regoods.core.faults import Disturbance, Disturbed
from regoods.core.metrics import Metrics, event_type
from regoods.realtime.closing import Close
from regoods.realtime.connection import SLOW_BYTES, Connection
from regoods.realtime.disturbance import DisturbedWay
from regoods.realtime.expiry import Expiry
from regoods.realtime.frames import text_frame
from regoods.realtime.registry import ConnectionRegistry

FILLING = text_frame(b'{"type":"pong"' + b" " * 128_000 + b"}")
"""An event that every client knows and none minds, with blanks between its tokens."""

LOOK_SECONDS = 0.01
"""How often it is looked whether a client has read what was filled in."""

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for 0 s: a close drops what is unsent and says so by RST."""


class Disturbing(NamedTuple):
    way: DisturbedWay
    timer: asyncio.TimerHandle
    """Its end."""


class SocketFaults:
    """Those of one server, on the loop's thread: `core/faults.py: Faults`."""

    def __init__(self, registry: ConnectionRegistry[Connection], metrics: Metrics) -> None:
        self._registry = registry
        self._metrics = metrics
        self._disturbing: dict[int, Disturbing] = {}
        self._silent: set[asyncio.Transport] = set()
        self._filling: set[asyncio.Task[None]] = set()

    def start(self, loop: asyncio.AbstractEventLoop, expiry: Expiry) -> None:
        self._loop = loop
        self._expiry = expiry

    def stop(self) -> None:
        """What is held back is written, and who was left in silence is cut off."""
        for user_id in list(self._disturbing):
            self.calm(user_id)
        for task in self._filling:
            task.cancel()
        for transport in self._silent:
            transport.abort()

    def take(self, connections: Sequence[Connection], ready: bytes) -> bool:
        """Whether this frame for a user's sockets goes a disturbed way: then it is not the caller's any more."""
        if not self._disturbing or not connections:
            return False
        disturbing = self._disturbing.get(connections[0].user_id)
        if disturbing is None:
            return False
        disturbing.way.take(connections, ready)
        return True

    def disturb(self, user_id: int, disturbance: Disturbance, seconds: float) -> None:
        self.calm(user_id)
        if any(disturbance):
            way = DisturbedWay(self._loop, disturbance, self._write)
            self._disturbing[user_id] = Disturbing(way, self._loop.call_later(seconds, self.calm, user_id))

    def calm(self, user_id: int) -> None:
        disturbing = self._disturbing.pop(user_id, None)
        if disturbing is not None:
            disturbing.timer.cancel()
            disturbing.way.end()

    def disturbed(self, user_id: int) -> Disturbed | None:
        disturbing = self._disturbing.get(user_id)
        if disturbing is None:
            return None
        way, timer = disturbing
        return Disturbed(way.disturbance, way.tally, math.ceil(timer.when() - self._loop.time()))

    def sockets(self, user_id: int) -> int:
        return len(self._registry.of(user_id))

    def reset(self, user_id: int) -> None:
        for transport in self._transports(user_id):
            # Where TLS is ended here there is none, and the connection ends by FIN.
            sock = getattr(transport, "_sock", None)  # What asyncio would say of it was let go: `connection.lighten`.
            if sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            transport.abort()

    def close(self, user_id: int, code: int, reason: str) -> None:
        for connection in self._registry.of(user_id):
            connection.close(Close(code, reason, True))

    def silence(self, user_id: int) -> None:
        for connection in self._registry.of(user_id):
            transport = connection.transport
            if transport is not None:
                connection.connection_lost(None)
                transport.set_protocol(Silence(transport, self._silent))
                transport.resume_reading()

    def expire(self, user_id: int, seconds: float) -> None:
        for connection in self._registry.of(user_id):
            self._expiry.end(connection, seconds)

    def fill(self, user_id: int, size: int) -> None:
        for connection in self._registry.of(user_id):
            task = asyncio.ensure_future(_fill(connection, size))
            self._filling.add(task)
            task.add_done_callback(self._filling.discard)

    def _transports(self, user_id: int) -> list[asyncio.Transport]:
        found = [connection.transport for connection in self._registry.of(user_id)]
        return [transport for transport in found if transport is not None]

    def _write(self, connections: Sequence[Connection], ready: bytes) -> None:
        for connection in connections:
            connection.push(ready)
        self._metrics.events[event_type(ready)] += len(connections)


class Silence(asyncio.Protocol):
    """In a `Connection`'s place: reads and drops, until the client ends the TCP connection."""

    def __init__(self, transport: asyncio.Transport, others: set[asyncio.Transport]) -> None:
        self._transport = transport
        self._others = others
        others.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._others.discard(self._transport)


async def _fill(connection: Connection, size: int) -> None:
    """A socket's own rule of slow readers decides: more is written only once all is read, so who reads is never over
    its bounds, and who does not stays above the lower one."""
    is_full = False
    while size > 0 and connection.transport is not None and connection.is_open:
        unsent = connection.transport.get_write_buffer_size()
        is_full = unsent > SLOW_BYTES or (is_full and unsent > 0)
        if is_full:
            await asyncio.sleep(LOOK_SECONDS)
            continue
        connection.push(FILLING)
        size -= len(FILLING)
        await asyncio.sleep(0)
