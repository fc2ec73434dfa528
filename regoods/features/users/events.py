"""How a user looks in other features' answers."""

from regoods.core.wire import Shape

DELETED_NAME = "Deleted user"
"""Shown for a user whose row is gone while his messages stay."""


class UserRef(Shape):
    user_id: int
    full_name: str
    profile_picture_url: str | None = None


def user_ref(user_id: int, full_name: str | None, picture: str | None) -> UserRef:
    return UserRef(user_id=user_id, full_name=full_name or DELETED_NAME, profile_picture_url=picture or None)
