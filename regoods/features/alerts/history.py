"""What a process remembers of its last minutes, so that it can say what is more and what is less."""

from collections import deque
from typing import Generic, TypeVar

from regoods.features.alerts.rules import AT_ONCE, LEAST_SOCKETS, Reading, Totals

T = TypeVar("T")


class Recent(Generic[T]):
    """Samples of the last `span` seconds, and the one before them: what changed since is not missed."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, T]] = deque()

    def add(self, sample: T, now: float, span: float) -> None:
        self._samples.append((now, sample))
        while len(self._samples) > 1 and self._samples[1][0] <= now - span:
            self._samples.popleft()

    @property
    def samples(self) -> list[T]:
        """The oldest one first."""
        return [sample for _, sample in self._samples]


class Counted:
    """The counts of a window, out of those since the start."""

    def __init__(self) -> None:
        self._recent: Recent[Totals] = Recent()

    def during(self, totals: Totals, now: float, window: float) -> Totals:
        if not self._recent.samples:
            self._recent.add(Totals(), now, window)
        self._recent.add(totals, now, window)
        return totals.since(self._recent.samples[0])


class Sockets:
    """How many sockets are missing of those that were open a moment ago."""

    def __init__(self) -> None:
        self._recent: Recent[int] = Recent()
        self._most = 0
        """While the alert fires: how many there were before."""
        self._fired_at = 0.0

    def missing(self, count: int, now: float, window: float, *, firing: bool) -> Reading:
        """The part of them. While it is `firing`, of those before it fired, until a window later the rest is all."""
        self._recent.add(count, now, AT_ONCE * window)
        most = max(self._recent.samples)
        if not firing:
            self._most, self._fired_at = most, now
        elif now - self._fired_at < window:
            most = max(most, self._most)
        details = {"sockets": count, "most_sockets": most}
        return Reading(1 - count / most if most else 0.0, most >= LEAST_SOCKETS, details)
