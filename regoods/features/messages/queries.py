"""SQL over messages."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.blocks.queries import block_flag
from regoods.features.conversations.tables import is_unread, messages
from regoods.features.messages.tables import keys
from regoods.features.posts.queries import first_image
from regoods.features.posts.tables import posts
from regoods.features.users.queries import columns as user_columns
from regoods.features.users.tables import users

_m = messages.c
_sender = users.alias("sender")
_recipient = users.alias("recipient")
_id = sa.bindparam("id", type_=sa.Integer)
_now = sa.bindparam("now", type_=_m.created_at.type)
_kept = _m.is_deleted == sa.false()
_from = sa.bindparam("sender", type_=sa.Integer)
_to = sa.bindparam("recipient", type_=sa.Integer)

# In one statement: on a server each costs a round trip, and this one is every send's.
_correspondents = Query(
    sa.select(*user_columns, block_flag(_from, _to).label("is_blocked")).where(
        sa.or_(users.c.user_id == _from, users.c.user_id == _to)
    )
)
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
whole = (
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
"""Messages with their senders, recipients and posts: the rows of which `events.message` makes the wire's."""
LONGEST_PAGE = 100
_several = Query(
    whole.where(_m.message_id.in_([sa.bindparam(f"id{number}", type_=sa.Integer) for number in range(LONGEST_PAGE)]))
)
_one = Query(whole.where(_m.message_id == _id))
_facts = Query(
    sa.select(
        _m.message_id,
        _m.sender_id,
        _m.recipient_id,
        _m.message_type,
        _m.is_deleted,
        _m.created_at,
        block_flag(_m.sender_id, _m.recipient_id).label("is_blocked"),
    ).where(_m.message_id == _id)
)


_key = sa.bindparam("key", type_=sa.BigInteger)
_find_key = Query(
    sa.select(keys.c.body_digest, keys.c.message_id).where(
        keys.c.user_id == sa.bindparam("user", type_=sa.Integer),
        keys.c.key_digest == _key,
        keys.c.created_at > _now,
    )
)
# Only one whose day is over: one that another node has just committed must fail the insert that follows.
_drop_key = Query(
    sa.delete(keys).where(
        keys.c.user_id == sa.bindparam("user", type_=sa.Integer),
        keys.c.key_digest == _key,
        keys.c.created_at <= sa.bindparam("since", type_=keys.c.created_at.type),
    )
)
_keep_key = Query(
    sa.insert(keys).values(
        user_id=sa.bindparam("user", type_=sa.Integer),
        key_digest=_key,
        body_digest=sa.bindparam("body", type_=sa.BigInteger),
        message_id=_id,
        created_at=_now,
    )
)
_delete_keys = Query(sa.delete(keys).where(keys.c.created_at <= _now))
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


def correspondents(session: Session, sender_id: int, recipient_id: int) -> tuple[Row | None, Row | None]:
    """Sender and recipient: (user_id, full_name, profile_picture_url, is_active, is_blocked).

    `is_blocked`: one of the two blocks the other.
    """
    found = {row.user_id: row for row in session.all(_correspondents, sender=sender_id, recipient=recipient_id)}
    return found.get(sender_id), found.get(recipient_id)


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
    """(message_id, sender_id, recipient_id, message_type, is_deleted, created_at, is_blocked): enough for the rules."""
    return session.first(_facts, id=message_id)


def find_keyed(session: Session, user_id: int, key: int, since: datetime) -> Row | None:
    """(body_digest, message_id) of what the user sent under this key since then."""
    return session.first(_find_key, user=user_id, key=key, now=since)


def keep_key(
    session: Session, user_id: int, key: int, body: int, message_id: int, now: datetime, since: datetime
) -> None:
    """Raises IntegrityError where another node has kept it since then: what is run again finds that one's message."""
    session.run(_drop_key, user=user_id, key=key, since=since)
    session.run(_keep_key, user=user_id, key=key, body=body, id=message_id, now=now)


def delete_keys(session: Session, until: datetime) -> int:
    """Delete keys used up to then; how many."""
    return session.run(_delete_keys, now=until)


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
