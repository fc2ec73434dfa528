"""Counting for all nodes together, in Redis, without waiting for it.

A hit is counted here at once and told to Redis within a moment, with all others of that moment; its answer says what
the nodes have counted together, and when the window ends. A decision stands on the last answer and the node's own hits
since. So a user who goes from node to node is held to one limit, a moment late; whose hits reach n nodes within that
moment may have n times as many. Whoever fills his window is told to all nodes.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from math import ceil

import msgspec

from regoods.core.limits import Usage
from regoods.core.metrics import BusMetrics
from regoods.core.redis_link import RedisAway, RedisLink
from regoods.core.wire import Shape, decode, encode

GATHER_SECONDS = 0.05
"""Hits of so long go to Redis together."""

AT_ONCE = 100
"""Windows in one call of the script: some 0.2 ms of Redis' one thread. On a cluster each key has its own server."""

SLACK_SECONDS = 1.0
"""A window that ends so much later than ours is another one: Redis has forgotten the one that we know of."""

FULL = "limit_full"

_COUNT = """
local milliseconds, answers = tonumber(ARGV[1]), {}
for i, key in ipairs(KEYS) do
  local total, left = redis.call('INCRBY', key, ARGV[i + 1]), redis.call('PTTL', key)
  if left < 0 then
    redis.call('PEXPIRE', key, milliseconds)
    left = milliseconds
  end
  answers[i] = {total, left}
end
return answers
"""
"""Adds to each key and begins its window where there is none: `{{total, milliseconds left}, …}`."""


class Full(Shape):
    """A user's window in which all nodes together have counted up to the limit."""

    what: str
    key: int
    total: int
    left_seconds: float


_full = msgspec.json.Decoder(Full)


class SharedLimits:
    """The counters of one node. `tell(kind, JSON)` tells all other nodes, whose `take` hears it."""

    def __init__(self, link: RedisLink, metrics: BusMetrics, tell: Callable[[str, bytes], None]) -> None:
        self._link = link
        self._metrics = metrics
        self._tell = tell
        self._counters: dict[str, SharedCounter] = {}

    def counter(self, what: str, seconds: float, limit: int) -> "SharedCounter":
        """Counts `what` under a name that all nodes use; `limit` is what a window has."""

        def filled(key: int, total: int, left: float) -> None:
            self._tell(FULL, encode(Full(what=what, key=key, total=total, left_seconds=left)))

        counter = self._counters[what] = SharedCounter(self._link, self._metrics, what, seconds, limit, filled)
        return counter

    def take(self, fact: bytes) -> None:
        """Another node saw a window fill."""
        full = decode(fact, _full)
        if full.what in self._counters:
            self._counters[full.what].learn(full.key, full.total, full.left_seconds)


class _Window:
    __slots__ = ("alone", "ends", "gathered", "last", "pending", "total", "untold")

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.total = 0
        """What all nodes had counted, by the last answer."""
        self.pending = 0
        """Own hits that are not in it."""
        self.untold = 0
        """Those of them that are not on their way to Redis."""
        self.alone = 0
        """Those of the untold that were counted as such."""
        self.last = 0
        """What the last hit here was told."""
        self.gathered = False
        """Whether it goes to Redis with the others of this moment."""


class SharedCounter:
    """The twin of `WindowCounter` that all nodes share. On the loop's thread.

    Without Redis the window goes on with what is counted here; what was not told is told when Redis is back.
    """

    def __init__(
        self,
        link: RedisLink,
        metrics: BusMetrics,
        what: str,
        seconds: float,
        limit: int,
        filled: Callable[[int, int, float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self._milliseconds = ceil(seconds * 1000)
        self._link = link
        self._metrics = metrics
        self._prefix = link.name("limit", what, b"")
        self._limit = limit
        self._filled = filled
        self._clock = clock
        self._windows: dict[int, _Window] = {}
        self._gathered: list[tuple[int, _Window]] = []
        self._asking: set[asyncio.Task[None]] = set()

    def hit(self, key: int) -> Usage:
        now = self._clock()
        window = self._windows.get(key)
        if window is None or now >= window.ends:
            window = self._windows[key] = _Window(now + self.seconds)
        window.pending += 1
        window.untold += 1
        if not self._link.connected:
            window.alone += 1
            self._metrics.limits_alone += 1
        elif not window.gathered:
            self._gather(key, window)
        used, before = window.total + window.pending, window.last
        window.last = used
        return Usage(used, min(ceil(window.ends - now), ceil(self.seconds)), before)

    def learn(self, key: int, total: int, left_seconds: float) -> None:
        """All nodes together have counted so many in a window that ends in so many seconds."""
        window = self._windows.get(key)
        now = self._clock()
        if window is None or now >= window.ends:
            window = self._windows[key] = _Window(now + left_seconds)
        window.total = max(window.total, total)
        window.ends = min(window.ends, now + left_seconds)

    def sweep(self) -> None:
        now = self._clock()
        self._windows = {key: window for key, window in self._windows.items() if window.ends > now}

    def __len__(self) -> int:
        return len(self._windows)

    def _gather(self, key: int, window: _Window) -> None:
        if not self._gathered:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._tell_gathered)
        window.gathered = True
        self._gathered.append((key, window))

    def _tell_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        at_once = 1 if self._link.is_cluster else AT_ONCE
        for start in range(0, len(gathered), at_once):
            task = asyncio.ensure_future(self._tell(gathered[start : start + at_once]))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _tell(self, gathered: Sequence[tuple[int, _Window]]) -> None:
        counts = [window.untold for _, window in gathered]
        known = [window.alone for _, window in gathered]
        for _, window in gathered:
            window.gathered, window.untold, window.alone = False, 0, 0
        keys = [self._prefix + b"%d" % key for key, _ in gathered]
        try:
            script = await self._link.sha(_COUNT)
            answers = await self._link.ask("EVALSHA", script, len(keys), *keys, self._milliseconds, *counts)
        except RedisAway:
            for (_, window), count in zip(gathered, counts, strict=True):
                # Told with its next hit.
                window.untold += count
                window.alone += count
            self._metrics.limits_alone += sum(counts) - sum(known)
            return
        for (key, window), count, (total, left) in zip(gathered, counts, answers, strict=True):
            self._settle(key, window, count, total, left / 1000)

    def _settle(self, key: int, window: _Window, count: int, total: int, left: float) -> None:
        window.pending -= count
        now = self._clock()
        ends = now + left
        if ends > window.ends + SLACK_SECONDS:
            if window.ends > now + SLACK_SECONDS:
                # Here it is remembered to its end.
                window.total += count
                return
            window.last = window.total = 0
        # Another node may have told of a later total before this answer was read.
        window.total, window.ends = max(window.total, total), ends
        if total - count < self._limit <= total:
            self._filled(key, total, left)
