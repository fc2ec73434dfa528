"""SQL over Users. Whether somebody exists and is active is read each time, never cached: other programs change it."""

from collections.abc import Sequence

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.users.tables import users

columns = (users.c.user_id, users.c.full_name, users.c.profile_picture_url, users.c.is_active)
"""Of a user: what other features ask for."""

_one = Query(sa.select(*columns).where(users.c.user_id == sa.bindparam("user_id")))
_email = Query(
    sa.select(users.c.email).where(users.c.user_id == sa.bindparam("user_id"), users.c.is_active == sa.true())
)
_first = Query(
    sa.select(users.c.user_id, users.c.full_name)
    .where(users.c.is_active == sa.true())
    .order_by(users.c.user_id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_is_active = Query(sa.select(users.c.is_active).where(users.c.user_id == sa.bindparam("user_id")))

ASKED_AT_ONCE = 50
_active_of = Query(
    sa.select(users.c.user_id).where(
        users.c.is_active == sa.true(),
        users.c.user_id.in_([sa.bindparam(f"id{number}", type_=sa.Integer) for number in range(ASKED_AT_ONCE)]),
    )
)


def find(session: Session, user_id: int) -> Row | None:
    """(user_id, full_name, profile_picture_url, is_active)."""
    return session.first(_one, user_id=user_id)


def is_active(session: Session, user_id: int) -> bool:
    """False for a user who is missing, too."""
    return bool(session.scalar(_is_active, user_id=user_id))


def active_of(session: Session, user_ids: Sequence[int]) -> set[int]:
    """Those of them who exist and are active."""
    found: set[int] = set()
    for start in range(0, len(user_ids), ASKED_AT_ONCE):
        part = user_ids[start : start + ASKED_AT_ONCE]
        ids = [*part, *[0] * (ASKED_AT_ONCE - len(part))]
        rows = session.all(_active_of, **{f"id{number}": user_id for number, user_id in enumerate(ids)})
        found.update(row.user_id for row in rows)
    return found


def email_of(session: Session, user_id: int) -> str | None:
    """None for a user who is missing or inactive."""
    email: str | None = session.scalar(_email, user_id=user_id)
    return email


def first_users(session: Session, limit: int) -> list[Row]:
    """(user_id, full_name) of the first active users."""
    return session.all(_first, limit=limit)
