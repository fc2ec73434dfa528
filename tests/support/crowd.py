"""Thousands of sockets, each as small as can be: a handshake, frames read by their heads, the closing handshake."""

import asyncio
import json
import struct
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from tests.support.people import LIMIT, Person
from tests.support.raw_socket import CLOSE, KEY, PING, PONG, TEXT, closing, frame


class Visitor(asyncio.Protocol):
    """One socket, from its dialling on."""

    def __init__(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.connected: asyncio.Future[float] = loop.create_future()
        """When its `connected` event was there."""
        self.gone: asyncio.Future[None] = loop.create_future()
        self.events: list[Any] = []
        """All but `presence` and `connected`."""
        self.code: int | None = None
        """Of the server's close frame."""
        self._request = request
        self._received = b""
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._open:
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.transport.abort()
                return
            self._open, self._received = True, rest
        while (taken := self._take()) is not None:
            self._hear(*taken)

    def _take(self) -> tuple[int, bytes] | None:
        """A whole frame."""
        held = self._received
        if len(held) < 2:
            return None
        length, start = held[1], 2
        if length == 126:
            length, start = struct.unpack("!H", held[2:4].rjust(2, b"\0"))[0], 4
        elif length == 127:
            length, start = struct.unpack("!Q", held[2:10].rjust(8, b"\0"))[0], 10
        if len(held) < start + length:
            return None
        self._received = held[start + length :]
        return held[0] & 0xF, held[start : start + length]

    def _hear(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.transport.write(frame(PONG, payload))
        elif opcode == CLOSE:
            (self.code,) = struct.unpack("!H", payload[:2])
            self.transport.write(closing(self.code))
        elif opcode == TEXT:
            event = json.loads(payload)
            if event["type"] == "connected":
                self.connected.set_result(asyncio.get_running_loop().time())
            elif event["type"] != "presence":
                self.events.append(event)

    def leave(self) -> None:
        self.transport.write(closing(1000))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.connected.done():
            self.connected.set_exception(ConnectionError("gone before it was connected"))
        self.gone.set_result(None)


class Crowd:
    """Sockets of these people, in turn."""

    def __init__(self, people: Sequence[Person]) -> None:
        address = urlsplit(people[0].base_url)
        assert address.hostname is not None
        self._host, self._port = address.hostname, address.port
        self._requests = [
            f"GET /messages?token={person.token()} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode()
            for person in people
        ]
        self.visitors: list[Visitor] = []

    async def come(self, count: int, delays: Iterable[float] = ()) -> list[float]:
        """All at once, or each after its delay; how long each waited for its `connected`, in seconds."""
        requests = [self._requests[number % len(self._requests)] for number in range(count)]
        waits = list(delays) or [0.0] * count
        return list(await asyncio.gather(*map(self._come, requests, waits)))

    async def _come(self, request: bytes, delay: float) -> float:
        await asyncio.sleep(delay)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        _, visitor = await loop.create_connection(lambda: Visitor(request), self._host, self._port)
        self.visitors.append(visitor)
        return await asyncio.wait_for(visitor.connected, 2 * LIMIT) - begun

    async def leave(self) -> None:
        """With the closing handshake."""
        for visitor in self.visitors:
            visitor.leave()
        await self.gone()

    async def gone(self) -> list[Visitor]:
        """Wait until all are gone; they are."""
        visitors, self.visitors = self.visitors, []
        async with asyncio.timeout(LIMIT):
            await asyncio.gather(*(visitor.gone for visitor in visitors))
        return visitors
