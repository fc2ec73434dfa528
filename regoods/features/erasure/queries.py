"""SQL of erasure. None of it is a server's."""

import functools
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from regoods.core import query
from regoods.core.database import Row, Session
from regoods.features.attachments.tables import uploads
from regoods.features.blocks.tables import blocks
from regoods.features.conversations.tables import clears, messages
from regoods.features.messages.tables import keys
from regoods.features.search.rules import match, party
from regoods.features.search.tables import index
from regoods.features.sync.tables import cursors, events

Query = functools.partial(query.Query, for_commands=True)

NOBODY = 0
"""Whose an upload is that another's message uses."""

_m = messages.c
_e = events.c
_u = uploads.c
_user = sa.bindparam("user", type_=sa.Integer)
_after = sa.bindparam("after", type_=sa.Integer)
_limit = sa.bindparam("limit", type_=sa.Integer)
_id = sa.bindparam("id", type_=sa.Integer)
_number = sa.bindparam("number", type_=sa.Integer)


def _says_something(length_over_zero: Any) -> Any:
    return sa.and_(
        _m.sender_id == _user,
        sa.or_(_m.is_deleted == sa.false(), _m.attachment_url.is_not(None), length_over_zero),
    )


_empty: Any = sa.literal_column("''")
_has_text = _says_something(_m.message_content != _empty)
# A column of type `text` is not compared there.
_has_text_in_sql_server = _says_something(sa.func.datalength(_m.message_content) > 0)


def _next(condition: Any) -> Any:
    return (
        sa.select(_m.message_id, _m.recipient_id, _m.is_deleted)
        .where(condition, _m.message_id > _after)
        .order_by(_m.message_id)
        .limit(_limit)
    )


def _count(table: Any, *conditions: Any) -> Any:
    return sa.select(sa.func.count().label("counted")).select_from(table).where(*conditions)


_messages = Query(_next(_has_text), on={"mssql": _next(_has_text_in_sql_server)})
_count_messages = Query(_count(messages, _has_text), on={"mssql": _count(messages, _has_text_in_sql_server)})
_blank = Query(
    sa.update(messages)
    .where(_m.message_id == _id)
    .values(
        message_content="",
        attachment_url=None,
        is_deleted=True,
        deleted_by=sa.func.coalesce(_m.deleted_by, _user),
        updated_at=sa.bindparam("now", type_=_m.updated_at.type),
    )
)
_partners = Query(
    sa.union(
        sa.select(_m.recipient_id.label("user_id")).where(_m.sender_id == _user, _m.recipient_id != _user),
        sa.select(_m.sender_id).where(_m.recipient_id == _user, _m.sender_id != _user),
    )
)

# By what the index itself knows of the sender: a message's row may be gone.
_is_his_text = sa.and_(
    index.c.MessagingSearch.op("MATCH")(sa.bindparam("match", type_=sa.Text)),
    index.c.Sender == sa.bindparam("party", type_=sa.Text),
    index.c.Folded != _empty,
)
_indexed = Query(sa.select(index.c.rowid).where(_is_his_text).order_by(index.c.rowid).limit(_limit), only=("sqlite",))
_count_indexed = Query(_count(index, _is_his_text), only=("sqlite",))
_unindex = Query(sa.delete(index).where(index.c.rowid == _id), only=("sqlite",))
_changes = Query(sa.select(sa.func.total_changes().label("changes")), only=("sqlite",))

_mentions = Query(
    sa.select(_e.seq, _e.event)
    .where(
        _e.user_id == sa.bindparam("partner", type_=sa.Integer),
        _e.seq > _after,
        sa.or_(*(_e.event.like(sa.bindparam(role, type_=_e.event.type)) for role in ("as_sender", "as_recipient"))),
    )
    .order_by(_e.seq)
    .limit(_limit)
)
_rewrite = Query(
    sa.update(events)
    .where(_e.user_id == sa.bindparam("partner", type_=sa.Integer), _e.seq == _number)
    .values(event=sa.bindparam("json", type_=_e.event.type))
)
_count_log = Query(_count(events, _e.user_id == _user))
_delete_log = Query(sa.delete(events).where(_e.user_id == _user, _e.seq <= _number))
_delete_cursor = Query(sa.delete(cursors).where(cursors.c.user_id == _user))

_own = {"idempotency keys": keys, "blocks": blocks, "cleared conversations": clears}
_count_own = {name: Query(_count(table, table.c.user_id == _user)) for name, table in _own.items()}
_delete_own = {name: Query(sa.delete(table).where(table.c.user_id == _user)) for name, table in _own.items()}


def _uploads_by(url: Any) -> Any:
    used_by = sa.select(sa.func.min(_m.message_id)).where(
        _m.attachment_url == url, _m.is_deleted == sa.false(), _m.sender_id != _user
    )
    return (
        sa.select(_u.upload_id, _u.url, _u.created_at, used_by.scalar_subquery().label("used_by"))
        .where(_u.user_id == _user, _u.upload_id > _after)
        .order_by(_u.upload_id)
        .limit(_limit)
    )


# SQL Server compares no texts of two collations.
_uploads = Query(_uploads_by(_u.url), on={"mssql": _uploads_by(sa.collate(_u.url, "DATABASE_DEFAULT"))})
_count_uploads = Query(_count(uploads, _u.user_id == _user))
_disown = Query(sa.update(uploads).where(_u.upload_id == _id).values(user_id=NOBODY))
_remove_unstored = Query(sa.delete(uploads).where(_u.upload_id == _id, _u.url.is_(None)))
_leave_to_sweep = Query(
    sa.update(uploads)
    .where(_u.upload_id == _id)
    .values(user_id=NOBODY, check_at=sa.bindparam("check_at", type_=_u.check_at.type))
)


class Found(NamedTuple):
    """How much there is of a user; for `search entries` None, where the database itself keeps its index."""

    messages: int
    uploads: int
    log: int
    indexed: int | None
    own: dict[str, int]


def count(session: Session, user_id: int) -> Found:
    return Found(
        messages=session.scalar(_count_messages, user=user_id),
        uploads=session.scalar(_count_uploads, user=user_id),
        log=session.scalar(_count_log, user=user_id),
        indexed=_count_texts(session, user_id) if _count_indexed.exists_on(session.dialect) else None,
        own={name: session.scalar(query, user=user_id) for name, query in _count_own.items()},
    )


def _count_texts(session: Session, user_id: int) -> int:
    return int(session.scalar(_count_indexed, **_sender(user_id)))


def _sender(user_id: int) -> dict[str, str]:
    """As the embedded database's index has him."""
    return {"party": party(user_id), "match": match([party(user_id)])}


def written(session: Session, user_id: int, after: int, limit: int) -> list[Row]:
    """(message_id, recipient_id, is_deleted) of his messages behind an id that still say something, in order."""
    return session.all(_messages, user=user_id, after=after, limit=limit)


def blank(session: Session, user_id: int, message_ids: Sequence[int], now: datetime) -> None:
    """Leave messages as deleted ones, without text and picture."""
    session.run_many(_blank, [{"id": message_id, "user": user_id, "now": now} for message_id in message_ids])


def partners(session: Session, user_id: int) -> set[int]:
    """Everybody with whom he has a message, deleted or not."""
    return {row.user_id for row in session.all(_partners, user=user_id)}


def unindex(session: Session, user_id: int, limit: int) -> int:
    """Take so many of his texts out of the embedded database's index; how many it were."""
    rows = session.all(_indexed, limit=limit, **_sender(user_id))
    session.run_many(_unindex, [{"id": row.rowid} for row in rows])
    return len(rows)


def changes(session: Session) -> int:
    """Rows that this connection to an embedded database has changed so far."""
    return int(session.scalar(_changes))


def mentions(session: Session, partner_id: int, user_id: int, after: int, limit: int) -> list[Row]:
    """(seq, event) of a partner's log behind a number, in order: of messages that the user may have sent or got."""
    # A quote within a text is escaped, so no text looks like this.
    as_sender, as_recipient = (f'%"{role}":{user_id},%' for role in ("senderId", "recipientId"))
    return session.all(
        _mentions, partner=partner_id, after=after, as_sender=as_sender, as_recipient=as_recipient, limit=limit
    )


def rewrite(session: Session, partner_id: int, changed: Sequence[tuple[int, str]]) -> None:
    """Put other events in the place of those with these numbers."""
    session.run_many(_rewrite, [{"partner": partner_id, "number": number, "json": json} for number, json in changed])


def delete_log(session: Session, user_id: int, up_to: int) -> int:
    """Delete his own log up to a number; how many events it were."""
    return session.run(_delete_log, user=user_id, number=up_to)


def delete_cursor(session: Session, user_id: int) -> None:
    session.run(_delete_cursor, user=user_id)


def delete_own(session: Session, user_id: int) -> None:
    """His idempotency keys, blocks and cleared conversations."""
    for each in _delete_own.values():
        session.run(each, user=user_id)


def uploaded(session: Session, user_id: int, after: int, limit: int) -> list[Row]:
    """(upload_id, url, created_at, used_by) of his uploads behind an id; used_by: another's message with it."""
    return session.all(_uploads, user=user_id, after=after, limit=limit)


def disown(session: Session, upload_id: int) -> None:
    """Leave the upload to whoever uses it: the sweep takes it away after its last message."""
    session.run(_disown, id=upload_id)


def remove_unstored(session: Session, upload_id: int) -> bool:
    """Whether it had no address, and is gone."""
    return session.run(_remove_unstored, id=upload_id) > 0


def leave_to_sweep(session: Session, upload_id: int, check_at: datetime) -> None:
    """Leave the upload to nobody, for the sweep to look at it then."""
    session.run(_leave_to_sweep, id=upload_id, check_at=check_at)
