"""The way to Redis: commands of one turn of the loop share a pipeline, and a lost connection is made anew.

Who sends is never kept waiting: without Redis a command fails at once, and its sender does without.
"""

import asyncio
import contextlib
import hashlib
import logging
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import redis.asyncio
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoScriptError, ReadOnlyError, RedisClusterException, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeout

logger = logging.getLogger(__name__)

REPLY_SECONDS = 1.0
"""A Redis that has not answered for so long counts as gone."""

PING_SECONDS = 1.0
"""It is asked so often whether it is there, whatever else is sent."""

LONGEST_PAUSE = 3.0
"""Seconds between two attempts to come back, at most; the first one comes after a tenth."""

WAITING = 20_000
"""Commands that wait for the pipeline on its way; further ones fail."""

FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)
"""What redis-py says of a cluster none of whose servers answers is no RedisError."""

LOSSES = (LostConnection, RedisTimeout, ReadOnlyError, OSError, TimeoutError)
"""A server that has become a replica is not the one to talk to any more: its name may lead to another one by now."""

CLUSTER = "+cluster"


class RedisAway(Exception):
    """Redis did not answer, or answered with an error."""


class _Command:
    __slots__ = ("arguments", "failed", "reply", "unknown")

    def __init__(
        self,
        arguments: tuple[Any, ...],
        reply: "asyncio.Future[Any] | None" = None,
        failed: Callable[[], None] | None = None,
        unknown: Callable[[], None] | None = None,
    ) -> None:
        self.arguments = arguments
        self.reply = reply
        self.failed = failed
        self.unknown = unknown

    def settle(self, answer: Any) -> None:
        if self.unknown is not None and isinstance(answer, NoScriptError):
            self.unknown()
        elif isinstance(answer, Exception):
            self.fail(answer)
        elif self.reply is not None and not self.reply.done():
            self.reply.set_result(answer)

    def fail(self, error: Exception | None = None) -> None:
        if self.failed is not None:
            self.failed()
        if self.reply is not None and not self.reply.done():
            self.reply.set_exception(RedisAway(str(error or "")))


def options() -> dict[str, Any]:
    """Of every client: no retries of its own, for the link knows better when and what."""
    return {
        "socket_timeout": REPLY_SECONDS,
        "socket_connect_timeout": REPLY_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }


def can_be_tried(url: str) -> bool:
    """Whether a connection can ever be tried with this REDIS_URL; connects to nothing."""
    try:
        redis.asyncio.Redis.from_url(url.replace(CLUSTER, "", 1), **options()).connection_pool.make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError):
        return False
    return True


class RedisLink:
    """One process's connection for commands; on the loop's thread. `url` as REDIS_URL, `prefix` as REDIS_PREFIX."""

    def __init__(self, url: str, prefix: str) -> None:
        self._url = url
        self._prefix = prefix.encode()
        self.is_cluster = CLUSTER in url.partition("://")[0]
        self.connected = False
        self.returned: list[Callable[[], None]] = []
        """Called when the connection has been made, the first time too."""
        self.client: Any = None
        self._connection: Any = None
        self._scripts: dict[str, str] = {}
        self._waiting: list[_Command] = []
        self._filled = asyncio.Event()
        self._complained = ""
        self._attempts = 0
        """Those in vain since commands were answered last."""
        self._task: asyncio.Task[None] | None = None

    def name(self, *parts: object) -> bytes:
        """A key or channel of ours."""
        return b":".join([self._prefix, *(part if isinstance(part, bytes) else str(part).encode() for part in parts)])

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())
        self._ping()

    async def stop(self, seconds: float = REPLY_SECONDS) -> None:
        """Send what waits, at most so long, and close."""
        with contextlib.suppress(RedisAway, TimeoutError):
            # It is answered after all that was sent before it.
            async with asyncio.timeout(seconds):
                await self.ask("PING")
        if self._task is not None:
            self._pinging.cancel()
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._lose()
        await self._close()

    def send(
        self,
        *arguments: Any,
        failed: Callable[[], None] | None = None,
        unknown: Callable[[], None] | None = None,
    ) -> None:
        """Run a command without waiting for its answer. `failed` is called where it may not have been run, `unknown`
        in its stead where it was not, for it names a script that the server does not know."""
        self._put(_Command(arguments, failed=failed, unknown=unknown))

    async def ask(self, *arguments: Any) -> Any:
        """The answer to a command. Raises RedisAway."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(_Command(arguments, reply=reply))
        return await reply

    def _ping(self) -> None:
        self.send("PING")
        self._pinging = asyncio.get_running_loop().call_later(PING_SECONDS, self._ping)

    def _put(self, command: _Command) -> None:
        if not self.connected or len(self._waiting) >= WAITING:
            command.fail()
            return
        self._waiting.append(command)
        self._filled.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._connect()
                await self._serve()
            except FAILURES as error:
                self._complain(error)
            except Exception:
                logger.exception("the connection to Redis is lost")
            finally:
                self._lose()
            self._attempts += 1
            await asyncio.sleep(min(LONGEST_PAUSE, 0.1 * 2**self._attempts) * random.uniform(0.5, 1))

    async def _connect(self) -> None:
        await self._close()
        if self.is_cluster:
            self.client = RedisCluster.from_url(self._url.replace(CLUSTER, "", 1), **options())
            await self.client.initialize()
        else:
            self.client = redis.asyncio.Redis.from_url(self._url, **options())
            self._connection = await self.client.connection_pool.get_connection()
            await self._execute([_Command(("PING",))])
        self._scripts.clear()
        self.connected = True
        if self._complained:
            self._complained = ""
            logger.warning("Redis is back.")
        for call in self.returned:
            call()

    async def _serve(self) -> None:
        """Send what waits, again and again; ends with the connection."""
        while True:
            if not self._waiting:
                self._filled.clear()
                await self._filled.wait()
            batch, self._waiting = self._waiting, []
            try:
                answers = await self._execute(batch)
            except BaseException:
                # Some may have been run.
                for command in batch:
                    command.fail()
                raise
            loss = None
            for command, answer in zip(batch, answers, strict=True):
                command.settle(answer)
                if isinstance(answer, NoScriptError):
                    self._scripts.clear()
                elif isinstance(answer, LOSSES):
                    loss = answer
                elif isinstance(answer, ResponseError):
                    self._complain(answer)
            if loss is not None:
                raise loss
            self._attempts = 0

    async def _execute(self, batch: Sequence[_Command]) -> Sequence[Any]:
        if not self.is_cluster:
            return await self._execute_here(batch)
        pipeline = self.client.pipeline(transaction=False)
        for command in batch:
            pipeline.execute_command(*command.arguments)
        answers: Sequence[Any] = await pipeline.execute(raise_on_error=False)
        return answers

    async def _execute_here(self, batch: Sequence[_Command]) -> Sequence[Any]:
        """As the client's pipeline does, at half its cost: that one has a timer and a measurement for each answer."""
        answers: list[Any] = []
        async with asyncio.timeout(REPLY_SECONDS):
            packed = self._connection.pack_commands([command.arguments for command in batch])
            await self._connection.send_packed_command(packed)
            for command in batch:
                try:
                    answer = await self._connection.read_response(timeout=math.inf)
                except ResponseError as error:
                    answers.append(error)
                    continue
                read = self.client.response_callbacks.get(command.arguments[0])
                answers.append(read(answer) if read else answer)
        return answers

    def _lose(self) -> None:
        self.connected = False
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            command.fail()

    async def _close(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            with contextlib.suppress(*FAILURES):
                await client.aclose()

    def _complain(self, error: BaseException) -> None:
        """Once an outage. Without the URL, which may hold a password."""
        if not self._complained:
            self._complained = type(error).__name__
            logger.warning("Redis does not answer as it should, so this node does without: %s", error)

    async def sha(self, text: str) -> str:
        """The name by which Redis knows a script, which is loaded where it is not known yet."""
        if text not in self._scripts:
            if not self.connected:
                raise RedisAway
            try:
                self._scripts[text] = str(await self.client.script_load(text))
            except FAILURES as error:
                raise RedisAway(str(error)) from None
        return self._scripts[text]


class Script:
    """A script in Lua of one key, sent by its name: 40 bytes instead of its text."""

    def __init__(self, link: RedisLink, text: str) -> None:
        self._link = link
        self._text = text
        self._name = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def send(self, key: bytes, *arguments: Any, unknown: Callable[[], None]) -> None:
        """Run it without waiting for its answer. `unknown` is called where nothing was run, for the server does not
        know it: after its start, or where it was made to forget. Then `send_whole` runs it, after all that was sent
        meanwhile."""
        self._link.send("EVALSHA", self._name, 1, key, *arguments, unknown=unknown)

    def send_whole(self, key: bytes, *arguments: Any) -> None:
        """As `send`; the server knows it from then on."""
        self._link.send("EVAL", self._text, 1, key, *arguments)
