"""SQL over whom somebody has to do with."""

from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Session
from regoods.features.blocks.queries import apart_from
from regoods.features.conversations.tables import messages

_m = messages.c
_me = sa.bindparam("me", type_=sa.Integer)
_kept = _m.is_deleted == sa.false()


def _walk(mine: Any, other: Any, name: str) -> Any:
    """Each other end of `mine`'s messages, highest id first.

    A step is one look into an index, however many messages there are.
    """
    highest = sa.select(sa.func.max(other).label("user_id")).where(mine == _me, _kept)
    walk = highest.cte(name, recursive=True)
    following = highest.where(other < walk.c.user_id).scalar_subquery()
    walk = walk.union_all(sa.select(following).where(walk.c.user_id.is_not(None)))
    return sa.select(walk.c.user_id).where(walk.c.user_id.is_not(None))


def _scan(mine: Any, other: Any) -> Any:
    return sa.select(other.label("user_id")).where(mine == _me, _kept)


def _in_touch(sent: Any, received: Any) -> Any:
    partners = sa.union(sent, received).cte("partners")
    return sa.select(partners.c.user_id).where(partners.c.user_id != _me, partners.c.user_id.not_in(apart_from(_me)))


_partners = Query(
    _in_touch(_walk(_m.sender_id, _m.recipient_id, "sent"), _walk(_m.recipient_id, _m.sender_id, "received")),
    # Which has no aggregate in the recursive part of a walk: it reads the user's part of both indexes.
    on={"mssql": _in_touch(_scan(_m.sender_id, _m.recipient_id), _scan(_m.recipient_id, _m.sender_id))},
)


def partners(session: Session, user_id: int) -> list[int]:
    """With whom the user has a message that is not deleted, but for those of whom one blocks the other."""
    return [row.user_id for row in session.all(_partners, me=user_id)]
