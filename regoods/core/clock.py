"""The one source of "now" for rules and rows, so that a test can set it."""

from datetime import UTC, datetime, timedelta


def to_milliseconds(moment: datetime) -> datetime:
    """Cut to whole milliseconds: what the wire carries is then exactly what the row holds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Clock:
    """Real time, UTC, in whole milliseconds."""

    def now(self) -> datetime:
        return to_milliseconds(datetime.now(UTC))


class ManualClock(Clock):
    """A clock that stands where it was set, and moves when told to."""

    def __init__(self, now: datetime) -> None:
        self._now = to_milliseconds(now)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        self._now = to_milliseconds(self._now + by)
