"""The one source of "now" for rules and rows, so that a test can set it."""

from datetime import UTC, datetime


def to_milliseconds(moment: datetime) -> datetime:
    """Cut to whole milliseconds: what the wire carries is then exactly what the row holds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Clock:
    """Real time, UTC, in whole milliseconds."""

    def now(self) -> datetime:
        return to_milliseconds(datetime.now(UTC))
