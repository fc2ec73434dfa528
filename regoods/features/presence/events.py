"""What presence tells, and what it adds to other features' answers."""

from datetime import datetime
from typing import ClassVar

from regoods.core.wire import Event, Shape, Time, encode, iso


class OnlineFields(Shape):
    is_online: bool
    """An open socket at this moment, without grace."""


class Presence(Event, tag="presence"):
    """Additive: to the online partners."""

    logged: ClassVar[bool] = False

    user_id: int
    is_online: bool
    last_seen_at: Time
    """When the last socket closed; now, while one is open."""


def presence(user_id: int, is_online: bool, seen_at: datetime) -> bytes:
    return encode(Presence(user_id=user_id, is_online=is_online, last_seen_at=iso(seen_at)))
