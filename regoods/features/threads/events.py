"""A whole conversation as its participant sees it."""

from collections.abc import Sequence
from typing import Annotated, Any

from regoods.core.database import Row
from regoods.core.wire import Shape, merged, shown_as
from regoods.features.conversations.rules import conversation_id
from regoods.features.messages.events import Message, message
from regoods.features.posts.events import PostRef
from regoods.features.users.events import UserRef, user_ref


class Conversation(Shape, kw_only=True):
    conversation_id: int
    user_id: int
    """The partner's."""
    user: Annotated[dict[str, Any], shown_as(UserRef, enriched="conversations", name="Partner")]
    messages: list[Message]
    """The latest 50, oldest first."""
    unread_count: int
    post_id: int | None = None
    post: PostRef | None = None
    """The post asked for, else that of the newest message."""


def partner(user_id: int, user: Row | None, extra: Sequence[Shape]) -> dict[str, Any]:
    """`user`: his row; None where it is gone."""
    name, picture = (None, None) if user is None else (user.full_name, user.profile_picture_url)
    shown: UserRef = user_ref(user_id, name, picture)
    return merged(shown, *extra)


def conversation(
    user_id: int,
    user: dict[str, Any],
    rows: Sequence[Row],
    unread: int,
    post: PostRef | None,
) -> Conversation:
    """`user`: the partner, as `partner` makes him."""
    shown = [message(row) for row in rows]
    newest = shown[-1] if shown else None
    about = post or (newest.post if newest else None)
    return Conversation(
        conversation_id=conversation_id(user_id, user["userId"]),
        user_id=user["userId"],
        user=user,
        messages=shown,
        unread_count=unread,
        post_id=about.post_id if about else newest.post_id if newest else None,
        post=about,
    )
