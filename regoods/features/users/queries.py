"""SQL over Users. Whether somebody exists and is active is read each time, never cached: other programs change it."""

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.users.tables import users

_columns = (users.c.user_id, users.c.full_name, users.c.profile_picture_url, users.c.is_active)
_one = Query(sa.select(*_columns).where(users.c.user_id == sa.bindparam("user_id")))
_two = Query(
    sa.select(*_columns).where(
        sa.or_(users.c.user_id == sa.bindparam("first"), users.c.user_id == sa.bindparam("second"))
    )
)
_is_active = Query(sa.select(users.c.is_active).where(users.c.user_id == sa.bindparam("user_id")))


def find(session: Session, user_id: int) -> Row | None:
    """(user_id, full_name, profile_picture_url, is_active)."""
    return session.first(_one, user_id=user_id)


def find_two(session: Session, first: int, second: int) -> tuple[Row | None, Row | None]:
    found = {row.user_id: row for row in session.all(_two, first=first, second=second)}
    return found.get(first), found.get(second)


def is_active(session: Session, user_id: int) -> bool:
    """False for a user who is missing, too."""
    return bool(session.scalar(_is_active, user_id=user_id))
