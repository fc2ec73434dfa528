"""Deliver to all nodes: one Redis channel a user, to which those nodes are subscribed where he has a socket.

Pub/sub is a wake-up, the database is the truth: whatever may have been missed is looked for in the users' logs, and
the sockets of those who are behind are told to catch up (docs/scaling.md).
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from regoods.core import log, tracing
from regoods.core.errors import ServiceUnavailable
from regoods.core.metrics import Metrics, event_type
from regoods.core.origin import Origin
from regoods.core.outbox import Publication, numbered
from regoods.core.redis_link import RedisAway, RedisLink
from regoods.core.redis_subscriber import RedisSubscriber
from regoods.core.work import Work, reads_for_anyone
from regoods.core.work_queue import WorkQueue
from regoods.realtime.bus import Bus, Notice
from regoods.realtime.connection import Connection
from regoods.realtime.events import resync_frame
from regoods.realtime.frames import text_frame
from regoods.realtime.numbers import Ordering
from regoods.realtime.registry import ConnectionRegistry

logger = logging.getLogger(__name__)

FOLLOW_SECONDS = 1.0
"""How long a handshake waits for Redis to confirm its subscription; after that the log is compared."""

TICK_SECONDS = 1.0
COMPARE_SECONDS = 30.0
COMPARE_ALONE_SECONDS = 3.0
"""All users' logs are compared so often, and so often while there is no Redis."""

COMPARED_AT_ONCE = 200
"""Users whose logs are asked for in one unit of work."""

SETTLE_SECONDS = 0.25
"""What the log has already may still be on its way."""

IDLE_SWEEPS = 30
"""A channel whose user has had no socket here for so many ticks is left: longer than a handshake lasts, unless the
database hangs."""

MOST_UNPUBLISHED = 50_000
"""Users of whom it is remembered that others do not know of their events; with more, all logs are compared."""

Ready = tuple[Sequence[bytes], Origin | None]
"""The frames of one publication for one user, and the request it came of."""

NOTHING: Ready = ((), None)

EVENT, BEHIND, ALL_BEHIND, PING, NOTICE = b"event", b"behind", b"all-behind", b"ping", b"notice"


@reads_for_anyone
def latest_numbers(work: Work, _user_id: int, user_ids: Sequence[int]) -> Mapping[int, int]:
    """The newest numbers in these users' logs."""
    return work.latest_numbers(user_ids)


class RedisBus(Bus):
    """This node's sockets first, then all others'. On the loop's thread."""

    def __init__(self, registry: ConnectionRegistry[Connection], metrics: Metrics, link: RedisLink, url: str) -> None:
        self._ordering = Ordering(self._write, self._tell_missed, came=self._came, went=self._went)
        super().__init__(registry, metrics, self._ordering)
        self.node = secrets.token_hex(4).encode()
        self.link = link
        self.heard: dict[bytes, Callable[[int], object]] = {}
        """What is done with what other nodes say of a user, by its kind."""
        self._stats = metrics.bus
        self._subscriber = RedisSubscriber(url, self._take, self._look_at_all)
        self._all_nodes = link.name("nodes")
        self._own = link.name("node", self.node)
        self._users = link.name("user", b"")
        self._idle: dict[int, int] = {}
        """Users who are followed and have no socket here: before their first one, and for a while after the last. With
        the ticks that have passed."""
        self._doubtful: set[int] = set()
        """Of them those whose handshake may have read a log that was behind, while it was not heard what followed."""
        self._unpublished: set[int] | None = set()
        self._behind: set[int] = set()
        self._compare_all = False
        self._compared_at = 0.0
        self._unanswered_since: float | None = None
        """When the first ping was sent that has not come back."""
        self._work_to_do = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def degraded(self) -> Sequence[str]:
        return () if self.link.connected and self._subscriber.connected else ("redis",)

    def start(self, work: WorkQueue, notices: Mapping[str, Notice]) -> None:
        self._work = work
        self._notices = notices
        self.link.start()
        self._subscriber.follow(self._all_nodes)
        self._subscriber.follow(self._own)
        self._subscriber.start()
        self._tasks = [asyncio.ensure_future(self._compare()), asyncio.ensure_future(self._tick())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._subscriber.stop()
        await self.link.stop()

    async def follow(self, user_id: int) -> None:
        """Hear of a user's events from now on; his log is to be asked for its latest number after that."""
        if not self._registry.is_online(user_id):
            self._idle[user_id] = 0
        channel = self._channel(user_id)
        confirmed = self._subscriber.follow(channel)
        if confirmed is not None:
            try:
                async with asyncio.timeout(FOLLOW_SECONDS):
                    await asyncio.shield(confirmed)
            except TimeoutError:
                confirmed.add_done_callback(lambda _confirmed: self._look_at((user_id,)))
        if not self._subscriber.hears(channel):
            self._doubtful.add(user_id)

    def publish(self, audience: Sequence[int], event: bytes) -> None:
        super().publish(audience, event)
        for user_id in audience:
            self._send(self._channel(user_id), EVENT, b"0", event)

    def deliver(self, publication: Publication) -> int:
        events = (*publication.echoes, publication.event)
        reached = sum(len(self._registry.of(user_id)) for user_id in publication.audience)
        if not publication.numbers:
            for event in events:
                self.publish(publication.audience, event)
            return reached
        origin = publication.origin
        told = (
            b"" if origin is None else b" %d %s" % (publication.of.message_id if publication.of else 0, origin.encode())
        )
        for user_id, number in zip(publication.audience, publication.numbers, strict=True):
            if self._registry.of(user_id):
                self._accept(user_id, number, events, origin)
            else:
                self._ordering.accept(user_id, number, NOTHING)
            self._send(self._channel(user_id), EVENT, b"%d%s" % (number, told), *events, unpublished=user_id)
        return reached

    def notify(self, kind: str, fact: bytes) -> None:
        self._send(self._all_nodes, NOTICE, kind.encode(), fact)

    def tell_user(self, kind: bytes, user_id: int) -> None:
        """Say it to all other nodes where he may have sockets."""
        self._send(self._channel(user_id), kind, b"%d" % user_id)

    def tell_all(self, kind: bytes) -> None:
        """Say it to all other nodes; of nobody, so of user 0."""
        self._send(self._all_nodes, kind, b"0")

    async def tell_node(self, node: bytes, kind: bytes, user_id: int) -> bool:
        """Say it of a user to another node; whether that one is there to hear it."""
        self._stats.published += 1
        payload = b"%s %s %d" % (kind, self.node, user_id)
        try:
            return bool(await self.link.ask(self._subscriber.publish, self.link.name("node", node), payload))
        except RedisAway:
            return False

    def compare_everywhere(self) -> None:
        """Another node is gone, and may not have told of what it had committed."""
        self._send(self._all_nodes, ALL_BEHIND, b"0")
        self._look_at_all()

    def _channel(self, user_id: int) -> bytes:
        return self._users + b"%d" % user_id

    def _send(self, channel: bytes, kind: bytes, argument: bytes, *lines: bytes, unpublished: int = 0) -> None:
        payload = b"\n".join([b"%s %s %s" % (kind, self.node, argument), *lines])
        self._stats.published += 1
        self.link.send(
            self._subscriber.publish,
            channel,
            payload,
            failed=(lambda: self._note_unpublished(unpublished)) if unpublished else None,
        )

    def _take(self, channel: bytes, payload: bytes) -> None:
        """A message of Redis'."""
        head, *lines = payload.split(b"\n")
        what, node, argument, *told = head.split(b" ")
        if what == PING:
            self._stats.lag_seconds = time.monotonic() - float(argument)
            self._unanswered_since = None
            return
        if node == self.node:
            return
        self._stats.received += 1
        if what == NOTICE:
            take = self._notices.get(argument.decode())
            if take is not None:
                take(lines[0])
        elif what in self.heard:
            self.heard[what](int(argument))
        elif what == ALL_BEHIND:
            self._look_at_all()
        else:
            user_id = int(channel[len(self._users) :])
            if what == BEHIND:
                self._look_at((user_id,))
            elif argument == b"0":
                super().publish((user_id,), lines[0])
            else:
                self._take_event(user_id, int(argument), lines, told)

    def _take_event(self, user_id: int, number: int, events: Sequence[bytes], told: Sequence[bytes]) -> None:
        if not told:
            self._accept(user_id, number, events, None)
            return
        message_id, *words = told
        origin = Origin.decode(*words)
        begun = time.monotonic()
        self._accept(user_id, number, events, origin)
        sockets = len(self._registry.of(user_id))
        if tracing.tracer is not None and origin.span is not None and sockets:
            name = f"push {event_type(events[-1]).decode()}"
            tracing.tracer.tell(origin.span, name, begun, time.monotonic(), sockets=sockets)
        if sockets and log.event.is_enabled_for(logging.INFO):
            about = {"messageId": int(message_id)} if message_id != b"0" else {}
            log.event.info(
                f"{event_type(events[-1]).decode()}_relayed",
                requestId=origin.request_id,
                userId=origin.user_id,
                **about,
                recipientId=user_id,
                sockets=sockets,
            )

    def _accept(self, user_id: int, number: int, events: Sequence[bytes], origin: Origin | None) -> None:
        self._ordering.accept(user_id, number, ([text_frame(numbered(event, number)) for event in events], origin))

    def _write(self, user_id: int, ready: Ready) -> None:
        self.write(user_id, *ready)

    def _tell_missed(self, user_id: int, since: int, latest: int) -> None:
        self._stats.resyncs += 1
        self.push(self._registry.of(user_id), resync_frame(since, latest))

    def _note_unpublished(self, user_id: int) -> None:
        """An event of his is committed, and no other node knows."""
        if self._unpublished is not None:
            self._unpublished.add(user_id)
            if len(self._unpublished) > MOST_UNPUBLISHED:
                self._unpublished = None

    def _tell_unpublished(self) -> None:
        """Others are to look into the logs of those of whom they were not told."""
        if not self.link.connected or self._unpublished == set():
            return
        unpublished, self._unpublished = self._unpublished, set()
        if unpublished is None:
            self._send(self._all_nodes, ALL_BEHIND, b"0")
            return
        for user_id in unpublished:
            self._send(self._channel(user_id), BEHIND, b"0", unpublished=user_id)

    def _came(self, user_id: int) -> None:
        if self._idle.pop(user_id, None) is None:
            # His handshake lasted so long that the channel was left meanwhile.
            confirmed = self._subscriber.follow(self._channel(user_id))
            if confirmed is not None:
                confirmed.add_done_callback(lambda _confirmed: self._look_at((user_id,)))
        if user_id in self._doubtful:
            self._doubtful.discard(user_id)
            self._look_at((user_id,))

    def _went(self, user_id: int) -> None:
        self._idle[user_id] = 0

    def _look_at(self, user_ids: Iterable[int]) -> None:
        """Those who have no socket yet are looked at when they have."""
        for user_id in user_ids:
            (self._doubtful if user_id in self._idle else self._behind).add(user_id)
        self._work_to_do.set()

    def _look_at_all(self) -> None:
        self._doubtful.update(self._idle)
        self._compare_all = True
        self._work_to_do.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                self._do_each_second()
            except Exception:
                # A node that does it no more would never again tell anybody that he missed something.
                logger.exception("what this node does each second failed")

    def _do_each_second(self) -> None:
        now = time.monotonic()
        if self._unanswered_since is None:
            self._unanswered_since = now
        else:
            self._stats.lag_seconds = now - self._unanswered_since
        self._send(self._own, PING, b"%.6f" % now)
        self._tell_unpublished()
        self._leave_idle()
        period = COMPARE_ALONE_SECONDS if self.degraded else COMPARE_SECONDS
        if time.monotonic() - self._compared_at >= period:
            self._look_at_all()

    def _leave_idle(self) -> None:
        """Unsubscribe from the channels of those who have had no socket here for a while."""
        for user_id, ticks in list(self._idle.items()):
            if ticks < IDLE_SWEEPS:
                self._idle[user_id] = ticks + 1
                continue
            del self._idle[user_id]
            self._doubtful.discard(user_id)
            if not self._registry.is_online(user_id):
                self._subscriber.leave(self._channel(user_id))

    async def _compare(self) -> None:
        """Look into the logs of those who may have missed something, and tell those who have."""
        while True:
            await self._work_to_do.wait()
            self._work_to_do.clear()
            user_ids: Sequence[int]
            if self._compare_all:
                self._compare_all = False
                self._compared_at = time.monotonic()
                user_ids = self._ordering.users()
            else:
                user_ids = list(self._behind)
            self._behind.clear()
            for start in range(0, len(user_ids), COMPARED_AT_ONCE):
                part = user_ids[start : start + COMPARED_AT_ONCE]
                try:
                    await self._compare_some(part)
                except Exception as error:
                    if not isinstance(error, ServiceUnavailable):
                        logger.exception("looking into the users' logs failed")
                    self._behind.update(user_ids[start:])
                    asyncio.get_running_loop().call_later(random.uniform(1, 2), self._work_to_do.set)
                    break

    async def _compare_some(self, user_ids: Sequence[int]) -> None:
        behind = self._ordering.behind(await self._work.run(latest_numbers, 0, user_ids))
        if not behind:
            return
        await asyncio.sleep(SETTLE_SECONDS)
        for user_id, latest in self._ordering.behind(behind).items():
            self._ordering.catch_up(user_id, latest)
