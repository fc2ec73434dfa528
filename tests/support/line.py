"""HTTP without manners: a TCP connection on which a test says what no HTTP client would."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from tornado.httputil import HTTPHeaders

from tests.support.people import LIMIT, Answer


class Server(Protocol):
    """One in this process, or one of its own."""

    base_url: str


class Line:
    """A TCP connection on which a test says what no HTTP client would."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await asyncio.wait_for(self.writer.drain(), LIMIT)

    async def ask(self, method: str, path: str, token: str = "", headers: str = "", body: bytes = b"") -> None:
        credentials = f"Authorization: Bearer {token}\r\n" if token else ""
        await self.say(f"{method} {path} HTTP/1.1\r\nHost: regoods\r\n{credentials}{headers}\r\n".encode() + body)

    async def answer(self, *, to_head: bool = False) -> Answer:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), LIMIT)).decode()
        first, _, rest = head.partition("\r\n")
        headers = HTTPHeaders.parse(rest)
        length = 0 if to_head else int(headers.get("Content-Length", "0"))
        body = await asyncio.wait_for(self.reader.readexactly(length), LIMIT)
        return Answer(int(first.split()[1]), headers, body)

    async def ended(self) -> bytes:
        """What still came until the server closed, politely or not."""
        try:
            return await asyncio.wait_for(self.reader.read(), LIMIT)
        except ConnectionResetError:
            return b""


@asynccontextmanager
async def line(server: Server) -> AsyncIterator[Line]:
    port = int(server.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
