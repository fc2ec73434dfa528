"""SQL over blocks, and the expressions by which other queries heed them."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from regoods.core.database import Query, Row, Session
from regoods.features.blocks.tables import blocks
from regoods.features.users.tables import users

_b = blocks.c
_me = sa.bindparam("me", type_=sa.Integer)
_other = sa.bindparam("other", type_=sa.Integer)
_now = sa.bindparam("now", type_=_b.created_at.type)
_mine = sa.and_(_b.user_id == _me, _b.blocked_id == _other)


def is_block_between(first: Any, second: Any) -> Any:
    """A condition: one of the two blocks the other."""
    return sa.or_(
        *(
            sa.exists().where(_b.user_id == blocker, _b.blocked_id == blocked)
            for blocker, blocked in ((first, second), (second, first))
        )
    )


def block_flag(first: Any, second: Any) -> Any:
    """The same as a column, 1 or 0: SQL Server selects no conditions."""
    yes, no = (sa.literal_column(digit, sa.Integer) for digit in "10")
    return sa.case((is_block_between(first, second), yes), else_=no)


def apart_from(user_id: Any) -> Any:
    """A select of everybody whom this user blocks, or who blocks him."""
    return sa.union_all(
        sa.select(_b.blocked_id.label("user_id")).where(_b.user_id == user_id),
        sa.select(_b.user_id).where(_b.blocked_id == user_id),
    )


_given = {"user_id": _me, "blocked_id": _other, "created_at": _now}
_insert = Query(
    sa.insert(blocks).from_select(
        list(_given), sa.select(*_given.values()).where(~sa.exists().where(_mine).correlate(None))
    ),
    on={
        # Another process of ours may do so at the same moment.
        "postgresql": postgresql.insert(blocks).values(_given).on_conflict_do_nothing(),
        "sqlite": sqlite.insert(blocks).values(_given).on_conflict_do_nothing(),
    },
)
_delete = Query(sa.delete(blocks).where(_mine))
_blocked_at = Query(sa.select(_b.created_at).where(_mine))
_page = Query(
    sa.select(_b.blocked_id, _b.created_at, users.c.full_name, users.c.profile_picture_url)
    .select_from(blocks)
    .outerjoin(users, users.c.user_id == _b.blocked_id)
    .where(_b.user_id == _me)
    .order_by(_b.created_at.desc(), _b.blocked_id.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer))
    .offset(sa.bindparam("offset", type_=sa.Integer))
)
_count = Query(sa.select(sa.func.count()).select_from(blocks).where(_b.user_id == _me))


def insert(session: Session, user_id: int, other_id: int, now: datetime) -> None:
    """Nothing where the block is there already."""
    session.run(_insert, me=user_id, other=other_id, now=now)


def delete(session: Session, user_id: int, other_id: int) -> bool:
    """Whether there was such a block."""
    return session.run(_delete, me=user_id, other=other_id) > 0


def blocked_at(session: Session, user_id: int, other_id: int) -> datetime | None:
    """Since when the user blocks the other; None where he does not."""
    moment: datetime | None = session.scalar(_blocked_at, me=user_id, other=other_id)
    return moment


def page(session: Session, user_id: int, limit: int, offset: int) -> tuple[list[Row], int]:
    """Whom the user blocks, latest first, and how many there are in all."""
    return (
        session.all(_page, me=user_id, limit=limit, offset=offset),
        int(session.scalar(_count, me=user_id)),
    )
