"""Counting what a user may do in a window of time.

What is counted here is one process's truth; `core/redis_limits.py` counts for all nodes together. Counters live in
memory and are forgotten with their window.
"""

import time
from collections.abc import Callable, Hashable
from math import ceil
from typing import Generic, NamedTuple, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)


class Usage(NamedTuple):
    """Where a key stands after a hit: `used` in this window, which ends in so many whole seconds; `before` is what
    this node knew before the hit, 0 at the window's first."""

    used: int
    reset_seconds: int
    before: int


class Counter(Protocol):
    """Counts a user's hits."""

    def hit(self, key: int, /) -> Usage: ...

    def sweep(self) -> None:
        """Forget the windows that have ended: memory follows who is active, not who ever was."""
        ...


Counting = Callable[[str, float, int], Counter]
"""`(what, seconds, limit)`: makes the counter of what a user may do so often in so many seconds."""


class WindowCounter(Generic[K]):
    """Counts hits a key in fixed windows that begin with the key's first hit."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._windows: dict[K, tuple[float, int]] = {}

    def hit(self, key: K) -> Usage:
        now = self._clock()
        ends, count = self._windows.get(key, (0.0, 0))
        if now >= ends:
            ends, count = now + self.seconds, 0
        self._windows[key] = (ends, count + 1)
        # Adding and taking away again may leave a trifle more than the window has.
        return Usage(count + 1, min(ceil(ends - now), ceil(self.seconds)), count)

    def sweep(self) -> None:
        now = self._clock()
        self._windows = {key: window for key, window in self._windows.items() if window[0] > now}

    def __len__(self) -> int:
        return len(self._windows)


def count_alone(_what: str, seconds: float, _limit: int) -> Counter:
    """The counter of a process that is alone."""
    return WindowCounter[int](seconds)
