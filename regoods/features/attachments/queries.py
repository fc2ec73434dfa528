"""SQL over uploads. None of it looks for a text that is a parameter: columns of one type are compared."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.attachments.tables import uploads
from regoods.features.conversations.tables import messages

SWEPT_AT_ONCE = 100

ROUNDING = timedelta(milliseconds=4)
"""More than a time may change on its way to a database and back: the older drivers of SQL Server know each third ms."""

_u = uploads.c
_id = sa.bindparam("id", type_=sa.Integer)
_check_at = sa.bindparam("check_at", type_=_u.check_at.type)

_of_user = Query(
    sa.select(_u.is_refused, _u.created_at)
    .where(
        _u.user_id == sa.bindparam("user_id", type_=sa.Integer),
        _u.created_at > sa.bindparam("since", type_=_u.created_at.type),
    )
    .order_by(_u.created_at)
)
_begin = Query(
    sa.insert(uploads).values(
        user_id=sa.bindparam("user_id"),
        is_refused=False,
        created_at=sa.bindparam("created_at"),
        check_at=_check_at,
    )
)
_store = Query(sa.update(uploads).where(_u.upload_id == _id).values(url=sa.bindparam("url"), check_at=_check_at))
_refuse = Query(sa.update(uploads).where(_u.upload_id == _id).values(is_refused=True, check_at=_check_at))
_is_unchanged = _u.check_at.between(
    sa.bindparam("earliest", type_=_u.check_at.type), sa.bindparam("latest", type_=_u.check_at.type)
)
_check = Query(sa.update(uploads).where(_u.upload_id == _id, _is_unchanged).values(check_at=_check_at))


def _collated(text: Any) -> Any:
    """SQL Server compares no texts of two collations (error 468), and ReGoods' column may have one of its own."""
    return sa.collate(text, "DATABASE_DEFAULT")


def _check_by(attachment_url: Any) -> Any:
    sent = sa.select(attachment_url).where(messages.c.message_id == _id).scalar_subquery()
    return sa.update(uploads).where(_u.url == sent).values(check_at=_check_at)


def _due_by(url: Any) -> Any:
    used_by = sa.select(sa.func.min(messages.c.message_id)).where(
        messages.c.attachment_url == url, messages.c.is_deleted == sa.false()
    )
    return (
        sa.select(_u.upload_id, _u.url, _u.created_at, _u.check_at, used_by.scalar_subquery().label("used_by"))
        .where(_u.check_at <= _check_at)
        .order_by(_u.check_at)
        .limit(SWEPT_AT_ONCE)
    )


_attachment_url = messages.c.attachment_url
_check_of_message = Query(_check_by(_attachment_url), on={"mssql": _check_by(_collated(_attachment_url))})
_due = Query(_due_by(_u.url), on={"mssql": _due_by(_collated(_u.url))})
_remove = Query(sa.delete(uploads).where(_u.upload_id == _id))
_remove_due = Query(sa.delete(uploads).where(_u.upload_id == _id, _is_unchanged))


def of_user(session: Session, user_id: int, since: datetime) -> list[Row]:
    """(is_refused, created_at) of what the user began to upload, oldest first."""
    return session.all(_of_user, user_id=user_id, since=since)


def begin(session: Session, user_id: int, now: datetime, check_at: datetime) -> int:
    """A row for an upload of which nothing is stored yet; its id."""
    return session.insert(_begin, user_id=user_id, created_at=now, check_at=check_at)


def store(session: Session, upload_id: int, url: str, check_at: datetime) -> bool:
    """Whether it was there."""
    return session.run(_store, id=upload_id, url=url, check_at=check_at) > 0


def refuse(session: Session, upload_id: int, check_at: datetime) -> None:
    session.run(_refuse, id=upload_id, check_at=check_at)


def check(session: Session, upload_id: int, was_due: datetime, check_at: datetime) -> bool:
    """Look again then, if nobody has said otherwise meanwhile; whether nobody had."""
    return session.run(_check, id=upload_id, check_at=check_at, **_when(was_due)) > 0


def check_of_message(session: Session, message_id: int, check_at: datetime) -> None:
    """Look at the message's attachment then, if it is an upload of ours."""
    session.run(_check_of_message, id=message_id, check_at=check_at)


def due(session: Session, now: datetime) -> list[Row]:
    """(upload_id, url, created_at, check_at, used_by) of the first uploads that are due; used_by: one with it."""
    return session.all(_due, check_at=now)


def remove(session: Session, upload_id: int) -> None:
    session.run(_remove, id=upload_id)


def remove_due(session: Session, upload_id: int, was_due: datetime) -> bool:
    """If nobody has said otherwise meanwhile, or given its id to another one; whether nobody had."""
    return session.run(_remove_due, id=upload_id, **_when(was_due)) > 0


def _when(was_due: datetime) -> dict[str, datetime]:
    return {"earliest": was_due - ROUNDING, "latest": was_due + ROUNDING}
