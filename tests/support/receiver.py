"""What stands behind ALERT_WEBHOOK_URL: takes posts, or is away, or says nothing, as it is told."""

import asyncio
import json
from collections import deque
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from tests.support.people import LIMIT
from tests.support.ports import free_port

SECRET_PATH = "/hooks/T0P-S3CRET"


class Receiver:
    """On the loop's thread."""

    def __init__(self) -> None:
        self.answers: deque[int] = deque()
        """Statuses of the next posts, which are not taken; 204 after them."""
        self.tries = 0
        self.headers: HTTPHeaders | None = None
        """Of the last post."""
        self._taken: asyncio.Queue[Any] = asyncio.Queue()
        self._speaks = asyncio.Event()
        self._speaks.set()
        routes = [(SECRET_PATH, Hook, {"receiver": self})]
        # It is in the test's process, and its lines would stand among those that are looked at.
        self._server = HTTPServer(Application(routes, log_function=lambda _handler: None))
        self._port = free_port()
        self._listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{SECRET_PATH}"

    @property
    def waiting(self) -> int:
        """Posts taken and not looked at."""
        return self._taken.qsize()

    async def next(self) -> Any:
        """The next post that is taken, as JSON."""
        return await asyncio.wait_for(self._taken.get(), LIMIT)

    def fall_silent(self) -> None:
        """Answer nothing until `stop`."""
        self._speaks.clear()

    async def stop(self) -> None:
        """Nobody listens there any more."""
        self._speaks.set()
        self._server.stop()
        await self._server.close_all_connections()

    def come_back(self) -> None:
        """After `stop`, at the same address."""
        self._listen()

    async def hear(self, body: bytes) -> int:
        self.tries += 1
        await self._speaks.wait()
        if self.answers:
            return self.answers.popleft()
        self._taken.put_nowait(json.loads(body))
        return 204

    def _listen(self) -> None:
        self._server.add_sockets(bind_sockets(self._port, "127.0.0.1"))


class Hook(RequestHandler):
    def initialize(self, receiver: Receiver) -> None:
        self.receiver = receiver

    async def post(self) -> None:
        self.receiver.headers = self.request.headers
        self.set_header("Location", SECRET_PATH)  # heeded with a status of 3xx
        self.set_status(await self.receiver.hear(self.request.body))
