"""JSON posted to an address of others: tried again while it is away, never waited for, its secret never said."""

import asyncio
import contextlib
import logging
import random
import socket
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from tornado.httpclient import HTTPError, HTTPRequest
from tornado.netutil import Resolver
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient

logger = logging.getLogger(__name__)

TRY_SECONDS = 5.0
PAUSES = (0.5, 1, 2, 4, 8, 16, 32, 64)
"""Seconds before each further try, half as long or as long again: two minutes, in which a receiver restarts."""
HELD = 100
"""Posts that wait; beyond it the oldest is dropped."""
ANSWER_BYTES = 64 * 1024

PASSING = (408, 425, 429)
"""Beside 5xx, statuses after which the same may be taken later; after others it never will."""


class Names(Resolver):
    """Looks names up in a thread of its own: where no name server answers, it is half a minute in getaddrinfo(3), and
    the loop's few threads are for calls."""

    def initialize(self) -> None:
        self._thread = ThreadPoolExecutor(1, "webhook")

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        looking = asyncio.get_running_loop().run_in_executor(
            self._thread, socket.getaddrinfo, host, port, family, socket.SOCK_STREAM
        )
        return [(kind, address) for kind, _, _, _, address in await looking]


class Webhook:
    """Posts one after another, in their order. On the loop's thread."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._posting: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._names = Names()
        self._client: SimpleAsyncHTTPClient | None = None

    def post(self, url: str, body: bytes) -> None:
        """Take on a JSON body; nothing is raised, what fails is logged. After `stop` nothing is taken."""
        if self._stopping.is_set():
            return
        if len(self._waiting) == HELD:
            logger.error("%d posts wait for %s: the oldest is dropped", HELD, _host(self._waiting.popleft()[0]))
        self._waiting.append((url, body))
        if self._posting is None:
            self._posting = asyncio.ensure_future(self._post_all())

    async def stop(self, seconds: float) -> None:
        """Try once more what waits, for so long in all."""
        self._stopping.set()
        if self._posting is not None:
            await asyncio.wait({self._posting}, timeout=seconds)
            if self._posting is not None:
                self._posting.cancel()
        if self._client is not None:
            self._client.close()
        self._names.close()

    async def _post_all(self) -> None:
        try:
            while self._waiting:
                await self._post(*self._waiting.popleft())
        finally:
            self._posting = None

    async def _post(self, url: str, body: bytes) -> None:
        for pause in (*PAUSES, None):
            trouble, may_pass = await self._try(url, body)
            if not trouble:
                return
            if not may_pass or pause is None or self._stopping.is_set():
                logger.error("%s took no post, which is given up: %s", _host(url), trouble)
                return
            logger.warning("%s took no post, which is tried again: %s", _host(url), trouble)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause * random.uniform(0.5, 1.5))

    async def _try(self, url: str, body: bytes) -> tuple[str, bool]:
        """What went wrong, if anything did, and whether it may pass. Nothing of the address: a secret may be in it."""
        if self._client is None:
            self._client = SimpleAsyncHTTPClient(
                force_instance=True, max_clients=1, max_body_size=ANSWER_BYTES, resolver=self._names
            )
        request = HTTPRequest(
            url,
            method="POST",
            headers={"Content-Type": "application/json"},
            body=body,
            connect_timeout=TRY_SECONDS,
            request_timeout=TRY_SECONDS,
            follow_redirects=False,
            user_agent="ReGoods-messaging",
        )
        try:
            status = (await self._client.fetch(request, raise_error=False)).code
        except HTTPTimeoutError:
            return f"no answer within {TRY_SECONDS:.0f} s", True
        except (OSError, HTTPError, ValueError) as error:
            return (isinstance(error, OSError) and error.strerror) or type(error).__name__, True
        if 200 <= status < 300:
            return "", True
        return f"it answered {status}", status >= 500 or status in PASSING


def _host(url: str) -> str:
    return str(urlsplit(url).hostname)
