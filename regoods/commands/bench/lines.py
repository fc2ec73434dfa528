"""Connections that messages are sent over, and kept: one message at a time on each."""

import asyncio
from collections.abc import Callable

CREATED = 201


class Line(asyncio.Protocol):
    """One of them. `answered(line, number, status)`; `lost(line, number)`, 0 where nothing was under way."""

    __slots__ = ("_answered", "_lost", "_number", "_received", "_transport")

    def __init__(self, answered: Callable[["Line", int, int], None], lost: Callable[["Line", int], None]) -> None:
        self._answered = answered
        self._lost = lost
        self._number = 0
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, number: int, request: bytes) -> None:
        assert self._transport is not None
        self._number = number
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received = data = self._received + data if self._received else data
        head_ends = data.find(b"\r\n\r\n")
        if head_ends < 0:
            return
        at = data.find(b"\r\nContent-Length: ", 0, head_ends)
        length = int(data[at + 18 : data.index(b"\r", at + 18)]) if at >= 0 else 0
        if len(data) - head_ends - 4 >= length:
            self._received = b""
            number, self._number = self._number, 0
            self._answered(self, number, int(data[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost(self, self._number)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def head(netloc: str, token: str) -> bytes:
    """Of a message's request, up to the length of its body."""
    return (
        f"POST /api/v1/messages HTTP/1.1\r\nHost: {netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
