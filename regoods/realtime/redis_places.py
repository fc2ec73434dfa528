"""The places of all nodes, in Redis: one entry a socket, which expires after 3 heartbeats, so the dead make room.

Each step of a socket's life is one small script over its user's keys (`redis_scripts.py`), so two nodes never see half
of another's step, and all times are Redis' own. The scripts are sent whole: a step must not wait for one to be loaded,
or a socket's end could overtake its beginning. Only the refresh, one a socket and heartbeat, goes by its script's name.

Of the whole community one node tells of a coming or going: the one whose socket was the first or the last. Whoever
comes back soon is told of by the node that told of his going (`left:<user>`), so that both are told in their order.
A node that is gone is taken over by another one: its entries are removed, and who has no socket any more is told of.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection, Coroutine, Sequence
from functools import partial
from itertools import islice
from typing import Any

from regoods.core.redis_link import RedisAway, Script
from regoods.realtime import places, redis_scripts
from regoods.realtime.connection import Connection
from regoods.realtime.places import LocalPlaces, Places, Tell
from regoods.realtime.redis_bus import RedisBus
from regoods.realtime.redis_online import OnlineReader
from regoods.realtime.redis_scripts import FIRST, NONE_IS_LEFT, OTHERS_ARE_LEFT
from regoods.realtime.registry import ConnectionRegistry

logger = logging.getLogger(__name__)

ENTRY_HEARTBEATS = 3
"""An entry that was not refreshed for so long counts no more."""

NODE_HEARTBEATS = 2
"""A node that was silent for so long is taken over. With presence's 5 s its users are told of as gone within 3
heartbeats, where these are 7 s or more."""

LOOK_SECONDS = 1.0
"""A node says so often, or twice a heartbeat, that it lives, and looks for others that do not any more."""

LEFT_SECONDS = 60
"""So long the node that told of a user's going is the one to tell of his coming."""

DEPARTED_SECONDS = 10
"""Of a user who has left so lately, a dead node's successor tells: it is longer than presence waits."""

FULL_SECONDS = 3600
"""It is forgotten with the next place that is freed; this bounds what is left of those who never come back."""

CLAIM_SECONDS = 30
"""Within it a dead node is taken over, or another node tries."""

YOUNG_SECONDS = 15
"""A Redis that has forgotten all knows all again by then: each node has come back and written its sockets."""

AT_ONCE = 200
PAUSE_SECONDS = 0.02
"""What is rewritten at once, and the pause after it: at most 10,000 entries a second for each node."""

MOST_UNRELEASED = 50_000
"""Users remembered of whose sockets' ends Redis was not told; the entries of others expire."""

LOOKS = 20
"""At the limit it is looked so often, in the second that a probe lasts, whether all have answered."""

PROBE, BACK, LEAVING = b"probe", b"back", b"leaving"


class RedisPlaces(Places):
    """Counts for itself alone while Redis is away, and writes all its sockets again when it is back."""

    def __init__(
        self,
        registry: ConnectionRegistry[Connection],
        limit: int,
        bus: RedisBus,
        url: str,
        heartbeat_seconds: float,
    ) -> None:
        super().__init__(registry, limit)
        self._alone = LocalPlaces(registry, limit)
        self._bus = bus
        self._link = bus.link
        self._refreshing = Script(self._link, redis_scripts.REFRESH)
        self._node = bus.node
        self._entry_ms = int(1000 * ENTRY_HEARTBEATS * heartbeat_seconds)
        self._node_ms = int(1000 * NODE_HEARTBEATS * heartbeat_seconds)
        self._look_seconds = min(LOOK_SECONDS, heartbeat_seconds / 2)
        self._alive = self._link.name("alive", "{nodes}")
        self._young = self._link.name("young", "{nodes}")
        self._users = self._link.name("users", self._node)
        self._ready = False
        self._online = OnlineReader(
            url,
            lambda user_id: self._keys(user_id, "sockets")[0],
            self._young,
            lambda: self._ready and self._link.connected,
        )
        self._look_now = asyncio.Event()
        self._write_all = False
        self._writing: asyncio.Task[None] | None = None
        self._unkept: set[int] = set()
        """Users of whom this node told by itself that they came, for Redis did not answer."""
        self._lost_at: dict[int, float] = {}
        """Users whose last socket here is gone, in the order of leaving."""
        self._unreleased: dict[int, list[int]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None

    @property
    def degraded(self) -> Sequence[str]:
        """A Redis that answers, but to whom a script is too much (full, or not permitted), counts no sockets."""
        return () if self._ready else ("redis",)

    def start(self, arrived: Tell, departed: Tell) -> None:
        super().start(arrived, departed)
        self._alone.start(arrived, departed)
        self._bus.heard[PROBE] = lambda user_id: self._do(self._probe_here(user_id, self._refresh))
        self._bus.heard[BACK] = arrived
        self._bus.heard[LEAVING] = lambda _user_id: self._look_now.set()
        self._link.returned.append(self._returned)
        self._looking = asyncio.ensure_future(self._look_again_and_again())

    def retire(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        # As if it had expired: another node takes over, and tells of those who do not come back.
        self._link.send("ZADD", self._alive, 0, self._node)
        self._bus.tell_all(LEAVING)

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._looking is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        self._online.close()

    # A socket's life

    async def take(self, user_id: int) -> int:
        place = next(places.numbers)
        keys = self._keys(user_id, "sockets", "taken", "full")
        taken_ms = int(1000 * places.TAKEN_SECONDS)
        try:
            taken = await self._run(redis_scripts.TAKE, keys, self._member(place), self._limit, taken_ms)
        except RedisAway:
            return await self._alone.take(user_id)
        return place if taken else 0

    async def make_room(self, user_id: int) -> None:
        (sockets,) = self._keys(user_id, "sockets")
        try:
            since = await self._run(redis_scripts.NOW, (sockets,))
            not_refreshed = ("-inf", b"(%d" % (since + self._entry_ms))
            self._bus.tell_user(PROBE, user_id)
            probed = asyncio.ensure_future(self._probe_here(user_id, self._refresh))
            for _ in range(LOOKS):
                await asyncio.sleep(places.PROBE_SECONDS / LOOKS)
                if not await self._link.ask("ZCOUNT", sockets, *not_refreshed):
                    break
            await probed
            # Whichever node had them: a living one has closed its own.
            await self._link.ask("ZREMRANGEBYSCORE", sockets, *not_refreshed)
        except RedisAway:
            await self._alone.make_room(user_id)

    async def tell_full(self, user_id: int) -> bool:
        (full,) = self._keys(user_id, "full")
        try:
            return await self._link.ask("SET", full, 1, "NX", "EX", FULL_SECONDS) is None
        except RedisAway:
            return await self._alone.tell_full(user_id)

    def give_up(self, user_id: int, place: int) -> None:
        self._alone.give_up(user_id, place)
        taken, full = self._keys(user_id, "taken", "full")
        self._link.send("ZREM", taken, self._member(place))
        self._link.send("DEL", full)

    def keep(self, user_id: int, place: int, *, first: bool) -> None:
        self._alone.give_up(user_id, place)
        if first:
            self._lost_at.pop(user_id, None)
            self._link.send("SADD", self._users, user_id)
        self._do(self._keep(user_id, place, first))

    def release(self, user_id: int, place: int, *, last: bool) -> None:
        if last:
            self._lost_at[user_id] = time.monotonic()
        self._do(self._release(user_id, place))

    def refresh(self, connections: Sequence[Connection]) -> None:
        if self._link.connected:
            for connection in connections:
                self._refresh(connection)

    def sweep(self) -> None:
        self._alone.sweep()

    def online(self, user_ids: Collection[int]) -> set[int]:
        here = super().online(user_ids)
        others = [user_id for user_id in user_ids if user_id not in here]
        return here | self._online.among(others) if others else here

    async def _keep(self, user_id: int, place: int, first: bool) -> None:
        try:
            came = await self._run_keep(user_id, place)
        except RedisAway:
            if first and not self._online.was_online(user_id):
                self._unkept.add(user_id)
                self._arrived(user_id)
            return
        if came == FIRST:
            self._arrived(user_id)
        elif came:
            await self._tell_of_return(user_id, came)

    async def _run_keep(self, user_id: int, place: int) -> bytes:
        """Nothing where he has another socket already; FIRST, or the node that told of his going lately."""
        keys = self._keys(user_id, "sockets", "taken", "left")
        answer: bytes = await self._run(redis_scripts.KEEP, keys, self._member(place), self._entry_ms)
        self._unkept.discard(user_id)
        return answer

    async def _tell_of_return(self, user_id: int, teller: bytes) -> None:
        if teller == self._node or not await self._bus.tell_node(teller, BACK, user_id):
            self._arrived(user_id)

    async def _release(self, user_id: int, place: int) -> None:
        try:
            left = await self._run_release(user_id, place)
        except RedisAway:
            self._unkept.discard(user_id)
            self._online.forget(user_id)
            if len(self._unreleased) < MOST_UNRELEASED:
                self._unreleased.setdefault(user_id, []).append(place)
            if not self._registry.of(user_id):
                self._departed(user_id)
            return
        # Where his coming was not written, his going before it still seems to be the last that was told.
        told_alone = left != OTHERS_ARE_LEFT and user_id in self._unkept and not self._registry.of(user_id)
        if left == NONE_IS_LEFT or told_alone:
            self._unkept.discard(user_id)
            self._online.forget(user_id)
            self._departed(user_id)

    async def _run_release(self, user_id: int, place: int) -> int:
        keys = self._keys(user_id, "sockets", "left", "full")
        member = self._member(place)
        answer: int = await self._run(redis_scripts.RELEASE, keys, member, self._node, LEFT_SECONDS)
        return answer

    def _refresh(self, connection: Connection) -> None:
        if connection in self._registry.of(connection.user_id):
            unknown = partial(self._refresh_whole, connection)
            self._refreshing.send(*self._refreshed(connection), self._entry_ms, unknown=unknown)

    def _refresh_whole(self, connection: Connection) -> None:
        # Not of one that has gone meanwhile: its end is on its way before this, and would be undone.
        if connection in self._registry.of(connection.user_id):
            self._refreshing.send_whole(*self._refreshed(connection), self._entry_ms)

    def _refreshed(self, connection: Connection) -> tuple[bytes, bytes]:
        (sockets,) = self._keys(connection.user_id, "sockets")
        return sockets, self._member(connection.place)

    # The nodes

    async def _look_again_and_again(self) -> None:
        while True:
            try:
                await self._look()
            except RedisAway:
                self._ready = False
            except Exception:
                # A node that looks no more would be taken for dead, with all its users.
                self._ready = False
                logger.exception("looking for other nodes failed")
            # Python 3.11's `wait_for` forgets that it was cancelled where what it waits for comes at the same moment.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._look_seconds):
                    await self._look_now.wait()
            self._look_now.clear()

    async def _look(self) -> None:
        keys = (self._alive, self._young)
        claim_ms = int(1000 * CLAIM_SECONDS)
        added, dead = await self._run(redis_scripts.LOOK, keys, self._node, self._node_ms, claim_ms, YOUNG_SECONDS)
        self._ready = True
        if added:
            # Redis has forgotten all, or this node was taken for dead.
            self._write_all = True
        # What another node tells because of it, of who came back, is to be heard here.
        if self._write_all and not self._bus.degraded and (self._writing is None or self._writing.done()):
            self._write_all = False
            self._writing = self._do(self._write_again())
        for node in dead:
            self._do(self._take_over(node))
        self._forget_departed()

    def _returned(self) -> None:
        """The link is there: Redis may not be what it was."""
        self._ready = False
        self._online.reconnected()
        self._write_all = True
        self._look_now.set()

    def _forget_departed(self) -> None:
        latest = time.monotonic() - DEPARTED_SECONDS
        departed = []
        for user_id, lost_at in self._lost_at.items():
            if lost_at > latest:
                break
            departed.append(user_id)
        for user_id in departed:
            del self._lost_at[user_id]
        if departed:
            self._link.send("SREM", self._users, *departed, failed=lambda: self._depart_again(departed))

    def _depart_again(self, user_ids: Sequence[int]) -> None:
        for user_id in user_ids:
            if not self._registry.is_online(user_id):
                self._lost_at.setdefault(user_id, time.monotonic())

    async def _write_again(self) -> None:
        connections = iter(list(self._registry))
        try:
            while part := list(islice(connections, AT_ONCE)):
                await asyncio.gather(*map(self._keep_again, part))
                await asyncio.sleep(PAUSE_SECONDS)
            while self._unreleased:
                user_id = next(iter(self._unreleased))
                left = [await self._run_release(user_id, place) for place in self._unreleased[user_id]]
                self._unreleased.pop(user_id, None)
                # He was told of as gone, and had sockets elsewhere.
                if left[-1] == OTHERS_ARE_LEFT and not self._registry.of(user_id):
                    self._arrived(user_id)
        except RedisAway:
            self._write_all = True

    async def _keep_again(self, connection: Connection) -> None:
        user_id = connection.user_id
        if connection not in self._registry.of(user_id):
            return
        self._link.send("SADD", self._users, user_id)
        came = await self._run_keep(user_id, connection.place)
        # Who is first in a Redis that knew nothing was never told of as gone.
        if came and came != FIRST:
            await self._tell_of_return(user_id, came)

    async def _take_over(self, dead: bytes) -> None:
        users = self._link.name("users", dead)
        try:
            user_ids = iter([int(user_id) for user_id in await self._link.ask("SMEMBERS", users)])
            while part := list(islice(user_ids, AT_ONCE)):
                left = await asyncio.gather(*(self._run_take_over(user_id, dead) for user_id in part))
                for user_id, answer in zip(part, left, strict=True):
                    if answer == NONE_IS_LEFT:
                        self._departed(user_id)
                await asyncio.sleep(PAUSE_SECONDS)
            await self._link.ask("DEL", users)
            await self._link.ask("ZREM", self._alive, dead)
        except RedisAway:
            return
        logger.info("Took over the users of node %s, which is gone.", dead.decode())
        self._bus.compare_everywhere()

    async def _run_take_over(self, user_id: int, dead: bytes) -> int:
        keys = self._keys(user_id, "sockets", "taken", "left")
        answer: int = await self._run(redis_scripts.TAKE_OVER, keys, dead, self._node, LEFT_SECONDS)
        return answer

    def _keys(self, user_id: int, *kinds: str) -> list[bytes]:
        """Of a user; for their braces they lie together on a cluster."""
        return [self._link.name(kind, b"{%d}" % user_id) for kind in kinds]

    def _member(self, place: int) -> bytes:
        return b"%s:%d" % (self._node, place)

    async def _run(self, script: str, keys: Sequence[bytes], *arguments: Any) -> Any:
        return await self._link.ask("EVAL", script, len(keys), *keys, *arguments)

    def _do(self, step: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Steps are sent to Redis in the order in which they are begun."""
        task = asyncio.ensure_future(step)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task
