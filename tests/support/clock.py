"""Clocks for tests."""

import time
from datetime import datetime, timedelta

from regoods.core.clock import Clock, to_milliseconds


class ManualClock(Clock):
    """A clock that stands where it was set, and moves when told to."""

    def __init__(self, now: datetime) -> None:
        self._now = to_milliseconds(now)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now = to_milliseconds(self._now + by)


class Watch:
    """Seconds, as they are set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Ahead:
    """The time of day in seconds of Unix time, set ahead by so many: what is to end ends when the test says so."""

    seconds = 0.0

    def __call__(self) -> float:
        return time.time() + self.seconds
