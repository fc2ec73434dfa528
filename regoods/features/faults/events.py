"""What the calls take and give."""

from typing import Annotated, Literal

from msgspec import Meta

from regoods.core.faults import Disturbance, Disturbed, Tally
from regoods.core.wire import Id, Shape

Every = Annotated[int, Meta(ge=0, le=1000)]
"""3: each third event; 0: none."""


class DisturbRequest(Shape):
    user_id: Id
    drop_every: Every = 0
    duplicate_every: Every = 0
    reorder_every: Every = 0
    delay_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    seconds: Annotated[int, Meta(ge=1, le=3600)] = 60


class KillRequest(Shape):
    user_id: Id
    how: Literal["reset", "close", "silent"]
    code: int = 1001
    """Of `close`."""
    reason: Annotated[str, Meta(max_length=30)] = ""
    """Of `close`: its bytes must fit into a control frame."""


class ExpireRequest(Shape):
    user_id: Id
    seconds: Annotated[int, Meta(ge=0, le=60)] = 5


class FillRequest(Shape):
    user_id: Id
    bytes: Annotated[int, Meta(ge=1, le=64 * 1024 * 1024)] = 16 * 1024 * 1024


class FaultsState(Shape):
    user_id: int
    sockets: int
    """How many he has open in this process."""
    drop_every: int
    duplicate_every: int
    reorder_every: int
    delay_ms: int
    seconds_left: int
    """0: nothing is disturbed."""
    events: int
    """That came to what is disturbed, and what became of them."""
    dropped: int
    duplicated: int
    reordered: int
    held: int
    """Still to come."""


class Reached(Shape):
    user_id: int
    sockets: int
    """How many it was done to."""


UNDISTURBED = Disturbed(Disturbance(), Tally(0, 0, 0, 0, 0), 0)


def state(user_id: int, sockets: int, disturbed: Disturbed | None) -> FaultsState:
    disturbance, tally, seconds_left = disturbed or UNDISTURBED
    return FaultsState(
        user_id=user_id, sockets=sockets, seconds_left=seconds_left, **disturbance._asdict(), **tally._asdict()
    )
