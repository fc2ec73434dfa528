"""How a block looks on the wire, to the one who made it."""

from datetime import datetime

from regoods.core.database import Row
from regoods.core.wire import Shape, Time, iso
from regoods.features.users.events import UserRef, user_ref


class Block(Shape):
    user_id: int
    """Of the one who is blocked."""
    user: UserRef
    blocked_at: Time


class BlockState(Shape):
    user_id: int
    is_blocked: bool
    """By the caller; whether the other one blocks him is not told."""
    blocked_at: Time | None = None


def block(row: Row) -> Block:
    return Block(
        user_id=row.blocked_id,
        user=user_ref(row.blocked_id, row.full_name, row.profile_picture_url),
        blocked_at=iso(row.created_at),
    )


def state(other_id: int, blocked_at: datetime | None) -> BlockState:
    return BlockState(
        user_id=other_id,
        is_blocked=blocked_at is not None,
        blocked_at=None if blocked_at is None else iso(blocked_at),
    )
