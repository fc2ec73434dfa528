"""Counting what a user may do in a window of time.

Counters live in memory, one process's truth; they are forgotten with their window.
"""

import time
from collections.abc import Callable, Hashable
from math import ceil
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)


class Usage(NamedTuple):
    """Where a key stands after a hit: `used` in this window, which ends in so many whole seconds."""

    used: int
    reset_seconds: int


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
        return Usage(count + 1, min(ceil(ends - now), ceil(self.seconds)))

    def sweep(self) -> None:
        """Forget the windows that have ended: memory follows who is active, not who ever was."""
        now = self._clock()
        self._windows = {key: window for key, window in self._windows.items() if window[0] > now}

    def __len__(self) -> int:
        return len(self._windows)
