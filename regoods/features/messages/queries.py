"""SQL over messages."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.conversations.tables import messages
from regoods.features.posts.queries import first_image
from regoods.features.posts.tables import posts
from regoods.features.users.tables import users

_m = messages.c
_sender = users.alias("sender")
_recipient = users.alias("recipient")
_id = sa.bindparam("message_id", type_=sa.Integer)
_me = sa.bindparam("me", type_=sa.Integer)
_partner = sa.bindparam("partner", type_=sa.Integer)
_post = sa.bindparam("post", type_=sa.Integer)
_now = sa.bindparam("now", type_=_m.created_at.type)

_insert = Query(
    sa.insert(messages)
    .values(
        sender_id=sa.bindparam("sender_id"),
        recipient_id=sa.bindparam("recipient_id"),
        post_id=sa.bindparam("post_id"),
        message_content=sa.bindparam("message_content"),
        message_type=sa.bindparam("message_type"),
        attachment_url=sa.bindparam("attachment_url"),
        parent_message_id=sa.bindparam("parent_message_id"),
        is_read_by_recipient=False,
        is_read_by_sender=True,
        is_read=False,
        is_deleted=False,
        is_edited=False,
        created_at=_now,
        updated_at=_now,
    )
    .returning(_m.message_id)
)
_whole = (
    sa.select(
        *messages.columns,
        _sender.c.full_name.label("sender_name"),
        _sender.c.profile_picture_url.label("sender_picture"),
        _recipient.c.full_name.label("recipient_name"),
        _recipient.c.profile_picture_url.label("recipient_picture"),
        posts.c.title.label("post_title"),
        posts.c.price.label("post_price"),
        posts.c.status.label("post_status"),
        first_image(_m.post_id).label("post_image"),
    )
    .select_from(messages)
    .outerjoin(_sender, _sender.c.user_id == _m.sender_id)
    .outerjoin(_recipient, _recipient.c.user_id == _m.recipient_id)
    .outerjoin(posts, posts.c.post_id == _m.post_id)
)
_one = Query(_whole.where(_m.message_id == _id))
_facts = Query(
    sa.select(_m.message_id, _m.sender_id, _m.recipient_id, _m.is_deleted, _m.created_at).where(_m.message_id == _id)
)


def _between(about_post: bool) -> Any:
    condition = sa.and_(
        sa.or_(
            sa.and_(_m.sender_id == _me, _m.recipient_id == _partner),
            sa.and_(_m.sender_id == _partner, _m.recipient_id == _me),
        ),
        _m.is_deleted == sa.false(),
    )
    return sa.and_(condition, _m.post_id == _post) if about_post else condition


_threads = {
    about_post: Query(
        _whole.where(_between(about_post))
        .order_by(_m.message_id.desc())
        .limit(sa.bindparam("limit", type_=sa.Integer))
        .offset(sa.bindparam("offset", type_=sa.Integer))
    )
    for about_post in (False, True)
}
_thread_counts = {
    about_post: Query(sa.select(sa.func.count()).select_from(messages).where(_between(about_post)))
    for about_post in (False, True)
}
_mark_recipient = Query(
    sa.update(messages)
    .where(_m.message_id == _id)
    .values(is_read_by_recipient=True, recipient_read_at=_now, is_read=True, read_at=_now, updated_at=_now)
)
_mark_sender = Query(
    sa.update(messages).where(_m.message_id == _id).values(is_read_by_sender=True, sender_read_at=_now, updated_at=_now)
)
_edit = Query(
    sa.update(messages)
    .where(_m.message_id == _id)
    .values(message_content=sa.bindparam("content"), is_edited=True, edited_at=_now, updated_at=_now)
)
_delete = Query(
    sa.update(messages)
    .where(_m.message_id == _id)
    .values(is_deleted=True, deleted_by=sa.bindparam("deleted_by"), updated_at=_now)
)


def insert(session: Session, **values: Any) -> int:
    """Store a message; its id. `values`: the columns a sender decides on, and `now`."""
    return int(session.scalar(_insert, **values))


def find(session: Session, message_id: int) -> Row | None:
    """The message with its sender, recipient and post."""
    return session.first(_one, message_id=message_id)


def facts(session: Session, message_id: int) -> Row | None:
    """(message_id, sender_id, recipient_id, is_deleted, created_at): enough for the rules."""
    return session.first(_facts, message_id=message_id)


def thread(
    session: Session, user_id: int, partner_id: int, post_id: int | None, limit: int, offset: int
) -> tuple[list[Row], int]:
    """The latest messages between two, `offset` back from the newest, oldest first; and how many there are."""
    about_post = post_id is not None
    parameters: dict[str, Any] = {"me": user_id, "partner": partner_id}
    if about_post:
        parameters["post"] = post_id
    rows = session.all(_threads[about_post], **parameters, limit=limit, offset=offset)
    rows.reverse()
    return rows, int(session.scalar(_thread_counts[about_post], **parameters))


def mark_read_by_recipient(session: Session, message_id: int, now: datetime) -> None:
    session.run(_mark_recipient, message_id=message_id, now=now)


def mark_read_by_sender(session: Session, message_id: int, now: datetime) -> None:
    session.run(_mark_sender, message_id=message_id, now=now)


def edit(session: Session, message_id: int, content: str, now: datetime) -> None:
    session.run(_edit, message_id=message_id, content=content, now=now)


def delete(session: Session, message_id: int, deleted_by: int, now: datetime) -> None:
    session.run(_delete, message_id=message_id, deleted_by=deleted_by, now=now)
