"""A TCP connection to a database server that breaks in the middle of a certain commit."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Literal

from sqlalchemy.engine import make_url

from tests.support.people import LIMIT

Where = Literal["before", "behind"]
"""The server: whether the commit breaks off before the server hears of it, or before its answer is heard."""


class Cut:
    """Between the product and a PostgreSQL; hands everything on until the transaction in which `words` are written."""

    def __init__(self, url: str) -> None:
        self._target = make_url(url)
        self._armed: tuple[bytes, Where] | None = None
        self.away = False
        """Whether nobody is let through."""

    @contextmanager
    def open(self) -> Iterator[str]:
        """The URL to connect to. In a thread of its own: a server that starts waits for it on the test's loop."""
        listening: Future[tuple[int, Callable[[], None]]] = Future()
        thread = threading.Thread(target=lambda: asyncio.run(self._listen(listening)))
        thread.start()
        port, end = listening.result(LIMIT)
        try:
            yield self._target.set(port=port).render_as_string(hide_password=False)
        finally:
            end()
            thread.join()

    async def _listen(self, listening: "Future[tuple[int, Callable[[], None]]]") -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        listening.set_result((port, lambda: loop.call_soon_threadsafe(ended.set)))
        await ended.wait()

    def arm(self, words: str, where: Where) -> None:
        self._armed = words.encode(), where

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.away:
            writer.close()
            return
        there, to_there = await asyncio.open_connection(self._target.host, self._target.port)
        answers = asyncio.ensure_future(_hand_on(there, writer))
        seen = False
        try:
            while data := await reader.read(65_536):
                if self._armed is not None:
                    words, where = self._armed
                    seen = seen or words in data
                    if seen and b"COMMIT" in data:
                        self._armed = None
                        answers.cancel()
                        if where == "behind":
                            to_there.write(data)
                            await there.read(65_536)
                        return
                to_there.write(data)
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            writer.close()
            to_there.close()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()
