"""What a client missed, and what no log has yet."""

from typing import Annotated

from msgspec import Raw

from regoods.core.wire import Event, Shape, shown_as


class Missed(Shape):
    """Events as they were pushed."""

    events: list[Annotated[Raw, shown_as(Event)]]
    latest: int
    more: bool
    """Whether there are further ones behind these."""
    complete: bool
    """False: some that followed `since` are no longer kept, or `since` is of another life. Fetch afresh."""


class Unlogged(Shape):
    """Messages that are in nobody's log, behind the mark, and what is known of how far the mark may move."""

    mark: int | None
    newest: int
    missing: list[int]
    late_seconds: float
