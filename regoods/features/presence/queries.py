"""SQL over whom somebody has to do with."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Session
from regoods.features.blocks.queries import apart_from
from regoods.features.conversations.queries import is_kept_between, walk
from regoods.features.conversations.tables import messages
from regoods.features.users.tables import users

_m = messages.c
_me = sa.bindparam("me", type_=sa.Integer)
_kept = _m.is_deleted == sa.false()
LONGEST_PAGE = 100


def _walked(mine: Any, other: Any, name: str) -> Any:
    return sa.select(walk(mine, other, name).subquery(f"{name}_newest").c.partner_id.label("user_id"))


def _scan(mine: Any, other: Any) -> Any:
    return sa.select(other.label("user_id")).where(mine == _me, _kept)


def _in_touch(sent: Any, received: Any) -> Any:
    partners = sa.union(sent, received).cte("partners")
    return sa.select(partners.c.user_id).where(partners.c.user_id != _me, partners.c.user_id.not_in(apart_from(_me)))


_partners = Query(
    _in_touch(_walked(_m.sender_id, _m.recipient_id, "sent"), _walked(_m.recipient_id, _m.sender_id, "received")),
    # Which has no aggregate in the recursive part of a walk: it reads the user's part of both indexes.
    on={"mssql": _in_touch(_scan(_m.sender_id, _m.recipient_id), _scan(_m.recipient_id, _m.sender_id))},
)


_known = Query(
    sa.select(users.c.user_id).where(
        users.c.user_id.in_([sa.bindparam(f"id{number}", type_=sa.Integer) for number in range(LONGEST_PAGE)]),
        is_kept_between(_me, users.c.user_id),
        users.c.user_id.not_in(apart_from(_me)),
    )
)


def partners(session: Session, user_id: int) -> list[int]:
    """With whom the user has a message that is not deleted, but for those of whom one blocks the other."""
    return [row.user_id for row in session.all(_partners, me=user_id)]


def in_touch(session: Session, user_id: int, user_ids: Sequence[int]) -> set[int]:
    """Those of at most a page of users who are partners of this one, as above."""
    if not user_ids:
        return set()
    ids = [*user_ids, *[0] * (LONGEST_PAGE - len(user_ids))]
    given = {f"id{number}": one for number, one in enumerate(ids)}
    return {row.user_id for row in session.all(_known, me=user_id, **given)}
