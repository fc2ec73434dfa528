"""What this process hears from Redis: channels followed and left, and a subscription that comes back by itself.

On a cluster the channels are sharded: each lies on the server that has its slot.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import redis.asyncio
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.connection import parse_url
from redis.exceptions import ConnectionError as LostConnection
from redis.exceptions import NoPermissionError

from regoods.core.redis_link import CLUSTER, FAILURES, LONGEST_PAUSE, options

logger = logging.getLogger(__name__)

PING_SECONDS = 1.0
SILENT_SECONDS = 3.0
"""A server that answers no ping for so long is gone."""

AT_ONCE = 500
"""Channels named in one command."""


class RedisSubscriber:
    """On the loop's thread.

    `take(channel, payload)` gets each message. `returned()` is called when all channels are subscribed, the first time
    and after each loss: what was said meanwhile was not heard.
    """

    def __init__(self, url: str, take: Callable[[bytes, bytes], None], returned: Callable[[], None]) -> None:
        self._url = url
        self._take = take
        self._returned = returned
        is_cluster = CLUSTER in url.partition("://")[0]
        self.publish = "SPUBLISH" if is_cluster else "PUBLISH"
        """The command that speaks to its channels."""
        self._open = _open_cluster if is_cluster else _open_server
        self.connected = False
        self._wanted: dict[bytes, asyncio.Future[None]] = {}
        self._unconfirmed = 0
        self._asked: list[bytes] = []
        self._left: list[bytes] = []
        self._leaving: Counter[bytes] = Counter()
        self._changed = asyncio.Event()
        self._complained = False
        self._heard: dict[PubSub, float] = {}
        """When each server last said something."""
        self._attempts = 0
        """Those in vain since all was subscribed last."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def follow(self, channel: bytes) -> "asyncio.Future[None] | None":
        """Subscribe; what is done when Redis has confirmed it. None where there is nothing to wait for: it has, or it
        is away."""
        confirmed = self._wanted.get(channel)
        if confirmed is None:
            confirmed = self._want(channel)
            self._asked.append(channel)
            self._changed.set()
        return confirmed if self.connected and not confirmed.done() else None

    def hears(self, channel: bytes) -> bool:
        """Whether what is said there now will be heard."""
        confirmed = self._wanted.get(channel)
        return self.connected and confirmed is not None and confirmed.done()

    def leave(self, channel: bytes) -> None:
        confirmed = self._wanted.pop(channel, None)
        if confirmed is not None:
            if not confirmed.done():
                confirmed.set_result(None)
                self._unconfirmed -= 1
            self._left.append(channel)
            self._changed.set()

    def _want(self, channel: bytes) -> "asyncio.Future[None]":
        self._unconfirmed += 1
        confirmed = self._wanted[channel] = asyncio.get_running_loop().create_future()
        return confirmed

    async def _run(self) -> None:
        while True:
            try:
                async with self._open(self._url) as servers:
                    self._renew()
                    await _until_one_ends(
                        *(self._read(server) for server in servers.all),
                        *(self._keep_alive(server) for server in servers.all),
                        self._follow_changes(servers),
                    )
            except NoPermissionError as error:
                # The link, which may send, has nothing to complain of.
                if not self._complained:
                    self._complained = True
                    logger.warning("Redis does not let this node subscribe, so it does without: %s", error)
            except FAILURES as error:
                logger.debug("the subscription is lost: %s", error)
            except Exception:
                logger.exception("the subscription is lost")
            finally:
                self._lose()
            self._attempts += 1
            await asyncio.sleep(min(LONGEST_PAUSE, 0.1 * 2**self._attempts) * random.uniform(0.5, 1))

    def _renew(self) -> None:
        """All are to be subscribed anew."""
        self._left.clear()
        self._leaving.clear()
        self._asked = list(self._wanted)
        self._unconfirmed = 0
        for channel in self._asked:
            self._want(channel)
        self._changed.set()

    def _lose(self) -> None:
        self.connected = False
        self._heard.clear()
        for confirmed in self._wanted.values():
            # Nobody is to wait for it.
            if not confirmed.done():
                confirmed.set_result(None)

    async def _follow_changes(self, servers: "_Servers") -> None:
        """Subscribe to what is newly wanted, unsubscribe from what is not any more; all of one turn together."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            left, self._left = self._left, []
            asked, self._asked = self._asked, []
            self._leaving.update(left)
            await servers.unsubscribe(left)
            await servers.subscribe([channel for channel in asked if channel in self._wanted])

    async def _read(self, server: PubSub) -> None:
        while True:
            # Without a time limit, which would be a timer a message.
            message = await server.get_message(timeout=None)
            self._heard[server] = time.monotonic()
            if message is None:
                continue
            kind = message["type"]
            if kind in ("message", "smessage"):
                try:
                    self._take(message["channel"], message["data"])
                except Exception:
                    logger.exception("what another node said could not be taken")
            elif kind in ("subscribe", "ssubscribe"):
                self._confirm(message["channel"])
            elif kind in ("unsubscribe", "sunsubscribe"):
                self._let_go(message["channel"])

    async def _keep_alive(self, server: PubSub) -> None:
        self._heard[server] = time.monotonic()
        while time.monotonic() - self._heard[server] < SILENT_SECONDS:
            await asyncio.sleep(PING_SECONDS)
            await server.ping()
        raise LostConnection("it is silent")

    def _confirm(self, channel: bytes) -> None:
        confirmed = self._wanted.get(channel)
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(None)
            self._unconfirmed -= 1
        # The last one that it waited for may have been left meanwhile.
        if not self._unconfirmed and not self.connected:
            self.connected = True
            self._complained = False
            self._attempts = 0
            self._returned()

    def _let_go(self, channel: bytes) -> None:
        # A user who has gone is not to be remembered by a count of 0.
        leaving = self._leaving.pop(channel, 0)
        if leaving > 1:
            self._leaving[channel] = leaving - 1
        elif not leaving and channel in self._wanted:
            # A cluster says so of a slot that has moved to another server.
            raise LostConnection("a slot has moved")


class _Servers:
    """The subscriptions of one connection to each server, and which has which channel."""

    def __init__(self, subscriptions: dict[Any, PubSub], place: Callable[[bytes], Any] | None) -> None:
        self.all = list(subscriptions.values())
        self._by_place = subscriptions
        self._place = place

    async def subscribe(self, channels: Sequence[bytes]) -> None:
        if self._place is None:
            for start in range(0, len(channels), AT_ONCE):
                await self.all[0].subscribe(*channels[start : start + AT_ONCE])
            return
        for channel in channels:
            # One command for two slots is refused.
            await self._of(channel).ssubscribe(channel)

    async def unsubscribe(self, channels: Sequence[bytes]) -> None:
        if self._place is None:
            for start in range(0, len(channels), AT_ONCE):
                await self.all[0].unsubscribe(*channels[start : start + AT_ONCE])
            return
        for channel in channels:
            await self._of(channel).sunsubscribe(channel)

    def _of(self, channel: bytes) -> PubSub:
        assert self._place is not None
        server = self._by_place.get(self._place(channel))
        if server is None:
            raise LostConnection("no server has the slot of a channel")
        return server


@contextlib.asynccontextmanager
async def _open_server(url: str) -> AsyncIterator[_Servers]:
    client = redis.asyncio.Redis.from_url(url, **options())
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(_close, client)
        yield _Servers({None: await _subscription(client, stack)}, None)


@contextlib.asynccontextmanager
async def _open_cluster(url: str) -> AsyncIterator[_Servers]:
    plain = url.replace(CLUSTER, "", 1)
    cluster = RedisCluster.from_url(plain, **options())
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(_close, cluster)
        await cluster.initialize()
        how: dict[str, Any] = {**parse_url(plain), **options()}
        subscriptions = {}
        for node in cluster.get_primaries():
            client = redis.asyncio.Redis(**{**how, "host": node.host, "port": node.port})
            stack.push_async_callback(_close, client)
            subscriptions[node.name] = await _subscription(client, stack)

        def place(channel: bytes) -> Any:
            node = cluster.get_node_from_key(channel.decode())
            return node.name if node else None

        yield _Servers(subscriptions, place)


async def _subscription(client: Any, stack: contextlib.AsyncExitStack) -> PubSub:
    subscription: PubSub = client.pubsub()
    stack.push_async_callback(_close, subscription)
    await subscription.connect()  # type: ignore[no-untyped-call]
    return subscription


async def _close(what: Any) -> None:
    with contextlib.suppress(*FAILURES):
        await what.aclose()


async def _until_one_ends(*works: Any) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
