"""SQL over messages."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.conversations.tables import is_unread, messages
from regoods.features.posts.queries import first_image
from regoods.features.posts.tables import posts
from regoods.features.users.tables import users

_m = messages.c
_sender = users.alias("sender")
_recipient = users.alias("recipient")
_id = sa.bindparam("id", type_=sa.Integer)
_me = sa.bindparam("me", type_=sa.Integer)
_partner = sa.bindparam("partner", type_=sa.Integer)
_post = sa.bindparam("post", type_=sa.Integer)
_now = sa.bindparam("now", type_=_m.created_at.type)
_offset = sa.bindparam("offset", type_=sa.Integer)
_end = sa.bindparam("end", type_=sa.Integer)
_kept = _m.is_deleted == sa.false()

_insert = Query(
    sa.insert(messages).values(
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
LONGEST_PAGE = 100
_several = Query(
    _whole.where(_m.message_id.in_([sa.bindparam(f"id{number}", type_=sa.Integer) for number in range(LONGEST_PAGE)]))
)
_one = Query(_whole.where(_m.message_id == _id))
_facts = Query(
    sa.select(_m.message_id, _m.sender_id, _m.recipient_id, _m.is_deleted, _m.created_at).where(_m.message_id == _id)
)


def _halves(about_post: bool) -> tuple[Any, Any]:
    """The ids of a conversation, as two walks of an index: one of them cannot follow both directions."""
    conditions = (_kept, _m.post_id == _post) if about_post else (_kept,)
    return (
        sa.select(_m.message_id).where(_m.sender_id == _me, _m.recipient_id == _partner, *conditions),
        # To oneself: an old row of which both halves would have the same.
        sa.select(_m.message_id).where(
            _m.sender_id == _partner, _m.recipient_id == _me, _m.sender_id != _m.recipient_id, *conditions
        ),
    )


def _page(about_post: bool) -> Any:
    # OFFSET 0, and numbers instead of a second LIMIT: SQL Server takes an ORDER BY inside in no other form.
    newest = (half.order_by(_m.message_id.desc()).limit(_end).offset(0).subquery() for half in _halves(about_post))
    halves = sa.union_all(*(sa.select(half.c.message_id) for half in newest)).subquery("halves")
    numbered = sa.select(
        halves.c.message_id, sa.func.row_number().over(order_by=halves.c.message_id.desc()).label("position")
    ).subquery("numbered")
    on_page = sa.and_(
        numbered.c.message_id == _m.message_id, numbered.c.position > _offset, numbered.c.position <= _end
    )
    return _whole.join(numbered, on_page).order_by(numbered.c.position)


def _length(about_post: bool) -> Any:
    halves = sa.union_all(*_halves(about_post)).subquery("halves")
    return sa.select(sa.func.count()).select_from(halves)


_threads = {about_post: Query(_page(about_post)) for about_post in (False, True)}
_thread_counts = {about_post: Query(_length(about_post)) for about_post in (False, True)}
# The conditions on what is changed decide between two writers who both saw it unchanged.
_mark_recipient = Query(
    sa.update(messages)
    .where(_m.message_id == _id, is_unread())
    .values(is_read_by_recipient=True, recipient_read_at=_now, is_read=True, read_at=_now, updated_at=_now)
)
_mark_sender = Query(
    sa.update(messages).where(_m.message_id == _id).values(is_read_by_sender=True, sender_read_at=_now, updated_at=_now)
)
_edit = Query(
    sa.update(messages)
    .where(_m.message_id == _id, _kept)
    .values(message_content=sa.bindparam("content"), is_edited=True, edited_at=_now, updated_at=_now)
)
_delete = Query(
    sa.update(messages)
    .where(_m.message_id == _id, _kept)
    .values(is_deleted=True, deleted_by=sa.bindparam("deleted_by"), updated_at=_now)
)


def insert(session: Session, **values: Any) -> int:
    """Store a message; its id. `values`: the columns a sender decides on, and `now`."""
    return session.insert(_insert, **values)


def find(session: Session, message_id: int) -> Row | None:
    """The message with its sender, recipient and post."""
    return session.first(_one, id=message_id)


def find_several(session: Session, message_ids: Sequence[int]) -> list[Row]:
    """As `find`, at most a page of them, in no order."""
    if not message_ids:
        return []
    ids = [*message_ids, *[0] * (LONGEST_PAGE - len(message_ids))]
    return session.all(_several, **{f"id{number}": message_id for number, message_id in enumerate(ids)})


def facts(session: Session, message_id: int) -> Row | None:
    """(message_id, sender_id, recipient_id, is_deleted, created_at): enough for the rules."""
    return session.first(_facts, id=message_id)


def thread(
    session: Session, user_id: int, partner_id: int, post_id: int | None, limit: int, offset: int
) -> tuple[list[Row], int]:
    """The latest messages between two, `offset` back from the newest, oldest first; and how many there are."""
    about_post = post_id is not None
    parameters: dict[str, Any] = {"me": user_id, "partner": partner_id}
    if about_post:
        parameters["post"] = post_id
    rows = session.all(_threads[about_post], **parameters, offset=offset, end=offset + limit)
    rows.reverse()
    return rows, int(session.scalar(_thread_counts[about_post], **parameters))


def mark_read_by_recipient(session: Session, message_id: int, now: datetime) -> bool:
    """Whether it was unread until now."""
    return session.run(_mark_recipient, id=message_id, now=now) > 0


def mark_read_by_sender(session: Session, message_id: int, now: datetime) -> None:
    session.run(_mark_sender, id=message_id, now=now)


def edit(session: Session, message_id: int, content: str, now: datetime) -> bool:
    """Whether it was there to be edited."""
    return session.run(_edit, id=message_id, content=content, now=now) > 0


def delete(session: Session, message_id: int, deleted_by: int, now: datetime) -> bool:
    """Whether it was there to be deleted."""
    return session.run(_delete, id=message_id, deleted_by=deleted_by, now=now) > 0
