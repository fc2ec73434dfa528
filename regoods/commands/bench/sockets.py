"""The generator's sockets. Each frame costs it some 5 µs: it is read by its head, and as the server writes it (`seq`,
`type`, then the rest)."""

import asyncio
import base64
import os
from typing import Protocol

PING, PONG, CLOSE, TEXT = 0x9, 0xA, 0x8, 0x1
MASKED = 0x80
NO_MASK = b"\0\0\0\0"
"""A client masks all it sends (RFC 6455, 5.3); by this key it stays what it was."""
NORMAL = b"\x03\xe8"

CONNECTED = b'{"type":"connected"'
NUMBERED = b'{"seq":'
A_MESSAGE = b',"type":"message",'
TEXT_WORDS = "Benchmark message "
NUMBER_AT = b'"messageContent":"' + TEXT_WORDS.encode()


class Hearing(Protocol):
    """Who is told what comes to the sockets."""

    def heard(self, number: int, again: bool) -> None:
        """A message of ours, by its number; `again`: this socket has had it."""
        ...

    def ended(self, socket: "Socket", why: str) -> None:
        """One that was open, and was not closed by us."""
        ...


class Socket(asyncio.Protocol):
    """One, from its handshake on. `opened` is why there is none, or nothing."""

    __slots__ = ("_hearing", "_latest", "_request", "_rest", "_shaken", "_transport", "_why", "gone", "opened", "place")

    def __init__(self, hearing: Hearing, place: int, request: bytes) -> None:
        """`place`: of its user."""
        loop = asyncio.get_running_loop()
        self.place = place
        self.opened: asyncio.Future[str] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        self._hearing = hearing
        self._request = request
        self._rest = b""
        self._shaken = False
        self._latest = 0
        """The number of the newest message that it had."""
        self._why = "socket broken"
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        start = 0
        if not self._shaken:
            head, separator, _ = data.partition(b"\r\n\r\n")
            if not separator:
                self._rest = data
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._why = f"handshake {head[9:12].decode(errors='replace')}"
                self.cut()
                return
            self._shaken = True
            start = len(head) + len(separator)
        self._rest = data[self._read(data, start) :]

    def _read(self, data: bytes, start: int) -> int:
        """Take the whole frames; where the rest begins."""
        end = len(data)
        while end - start >= 2:
            length, body = data[start + 1], start + 2
            if length >= 126:
                size = 2 if length == 126 else 8
                length, body = int.from_bytes(data[body : body + size]), body + size
            if body + length > end:
                break
            self._hear(data[start] & 0xF, data, body, body + length)
            start = body + length
        return start

    def _hear(self, opcode: int, data: bytes, start: int, end: int) -> None:
        if opcode == TEXT:
            if data.startswith(NUMBERED, start):
                self._hear_numbered(data, start + len(NUMBERED), end)
            elif data.startswith(CONNECTED, start) and not self.opened.done():
                self.opened.set_result("")
        elif opcode == PING:
            self._write(PONG, data[start:end])
        elif opcode == CLOSE:
            code = int.from_bytes(data[start : start + 2])
            self._why = f"socket closed: {code} {data[start + 2 : end].decode(errors='replace')}".rstrip()
            self._write(CLOSE, data[start : start + 2])
            self.cut()

    def _hear_numbered(self, data: bytes, start: int, end: int) -> None:
        comma = data.index(b",", start, end)
        if not data.startswith(A_MESSAGE, comma):
            return
        found = data.find(NUMBER_AT, comma, end)
        if found < 0:
            return
        number = data[found + len(NUMBER_AT) : data.index(b'"', found + len(NUMBER_AT), end)]
        seq = int(data[start:comma])
        self._hearing.heard(int(number), seq <= self._latest)
        self._latest = max(self._latest, seq)

    def leave(self) -> None:
        """Begin the closing handshake."""
        self._hearing = _nobody
        self._write(CLOSE, NORMAL)

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.gone.set_result(None)
        if not self.opened.done():
            self.opened.set_result(self._why)
        else:
            self._hearing.ended(self, self._why)

    def _write(self, opcode: int, payload: bytes) -> None:
        if self._transport is not None:
            self._transport.write(bytes([0x80 | opcode, MASKED | len(payload)]) + NO_MASK + payload)


class _Nobody:
    def heard(self, number: int, again: bool) -> None:
        """Too late to count."""

    def ended(self, socket: Socket, why: str) -> None:
        """As it was to."""


_nobody = _Nobody()


def handshake(netloc: str, token: str) -> bytes:
    """The request for one; the token stands among the subprotocols, and in no address."""
    return (
        f"GET /messages HTTP/1.1\r\nHost: {netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
        f"Sec-WebSocket-Protocol: regoods, bearer.{token}\r\n\r\n"
    ).encode()
