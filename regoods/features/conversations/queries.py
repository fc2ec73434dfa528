"""SQL over a user's conversations: all of it reads or marks rows of `Messages`."""

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.blocks.queries import is_block_between
from regoods.features.conversations.tables import clears, is_unread, messages
from regoods.features.posts.tables import posts
from regoods.features.users.tables import users

_m = messages.c
_me = sa.bindparam("me", type_=sa.Integer)
_partner = sa.bindparam("partner", type_=sa.Integer)
_now = sa.bindparam("now", type_=_m.created_at.type)
_kept = _m.is_deleted == sa.false()
_mine = sa.and_(clears.c.user_id == _me, clears.c.partner_id == _partner)

HALF = sa.literal_column("32", sa.Integer)
"""Bits: a partner's id and a message's go through a walk as one number, for a step yields one value."""

LOW = sa.literal_column(str(2**32 - 1), sa.BigInteger)


class Marks(NamedTuple):
    """Two messages of a conversation: one that the user received, one that he sent; 0 where there is none."""

    received: int
    sent: int


NO_MARKS = Marks(0, 0)


def is_cleared(me: Any, partner: Any, message_id: Any, *, sent: bool) -> Any:
    """A condition: the user has cleared this message, which he sent to or received from the partner."""
    keys = (partner, -partner) if sent else (partner,)
    return sa.exists().where(
        clears.c.user_id == me, clears.c.partner_id.in_(keys), clears.c.cleared_up_to >= message_id
    )


def is_kept_between(first: Any, second: Any) -> Any:
    """A condition: one of the two wrote to the other, and it is not deleted."""
    return sa.or_(
        *(
            sa.exists().where(_m.sender_id == sender, _m.recipient_id == recipient, _kept)
            for sender, recipient in ((first, second), (second, first))
        )
    )


def is_unread_behind(mark: Any, of: Any = messages) -> Any:
    """A condition: a message with a higher id than the mark that its recipient has not read."""
    # An expression: among a million messages SQLite takes the id's range, in the index of all that the two wrote, for
    # better than the index of unread ones.
    return sa.and_(of.c.message_id + 0 > mark, is_unread(of))


def walk(mine: Any, other: Any, name: str) -> Any:
    """(partner_id, message_id): each other end of `mine`'s messages with the newest message to it, highest id first.

    A step is one look into an index, however many messages there are.
    """
    pair = sa.cast(other, sa.BigInteger).bitwise_lshift(HALF) + _m.message_id
    newest = (
        sa.select(pair.label("pair")).where(mine == _me, _kept).order_by(other.desc(), _m.message_id.desc()).limit(1)
    )
    walk = sa.select(newest.scalar_subquery().label("pair")).cte(name, recursive=True)
    following = newest.where(other < walk.c.pair.bitwise_rshift(HALF)).scalar_subquery()
    walk = walk.union_all(sa.select(following).where(walk.c.pair.is_not(None)))
    return sa.select(
        walk.c.pair.bitwise_rshift(HALF).label("partner_id"),
        walk.c.pair.bitwise_and(LOW).label("message_id"),
    ).where(walk.c.pair.is_not(None))


def _newest_by_partner(sent: Any, received: Any) -> Any:
    """Of the newest messages of each direction, as (partner_id, message_id), the newest that is not cleared."""
    # Who never cleared anything need not be asked of each partner.
    clears_nothing = ~sa.exists().where(clears.c.user_id == _me)
    halves = (
        sa.select(each.c.partner_id, each.c.message_id).where(
            sa.or_(clears_nothing, ~is_cleared(_me, each.c.partner_id, each.c.message_id, sent=is_sent))
        )
        for each, is_sent in ((sent.subquery("sent_newest"), True), (received.subquery("received_newest"), False))
    )
    kept = sa.union_all(*halves).cte("kept")
    return sa.select(kept.c.partner_id, sa.func.max(kept.c.message_id).label("last_id")).group_by(kept.c.partner_id)


def _walked() -> Any:
    return _newest_by_partner(
        walk(_m.sender_id, _m.recipient_id, "sent"), walk(_m.recipient_id, _m.sender_id, "received")
    )


def _grouped() -> Any:
    # Each half follows its own index.
    sent, received = (
        sa.select(other.label("partner_id"), sa.func.max(_m.message_id).label("message_id"))
        .where(mine == _me, _kept)
        .group_by(other)
        for mine, other in ((_m.sender_id, _m.recipient_id), (_m.recipient_id, _m.sender_id))
    )
    return _newest_by_partner(sent, received)


def _previews_from(newest: Any) -> Any:
    """One row a partner who has a message left, with how many of them there are."""
    visible = newest.cte("visible")
    numbered = sa.select(
        visible,
        sa.func.row_number().over(order_by=visible.c.last_id.desc()).label("position"),
        sa.func.count().over().label("total"),
    ).cte("numbered")
    page = (
        sa.select(numbered)
        .where(
            # The end of a page may lie behind the largest INT.
            numbered.c.position > sa.bindparam("offset", type_=sa.BigInteger),
            numbered.c.position <= sa.bindparam("end", type_=sa.BigInteger),
        )
        .cte("page")
    )
    other = messages.alias("other")
    unread = (
        sa.select(sa.func.count())
        .select_from(other)
        .where(
            other.c.recipient_id == _me,
            other.c.sender_id == page.c.partner_id,
            is_unread_behind(sa.func.coalesce(clears.c.cleared_up_to, 0), other),
        )
        .scalar_subquery()
    )
    return (
        sa.select(
            page.c.partner_id,
            page.c.total,
            unread.label("unread"),
            users.c.full_name,
            users.c.profile_picture_url,
            _m.message_content,
            _m.created_at,
            _m.sender_id,
            _m.post_id,
            posts.c.title,
        )
        .join_from(page, messages, _m.message_id == page.c.last_id)
        .outerjoin(clears, sa.and_(clears.c.user_id == _me, clears.c.partner_id == page.c.partner_id))
        .outerjoin(users, users.c.user_id == page.c.partner_id)
        .outerjoin(posts, posts.c.post_id == _m.post_id)
        .order_by(page.c.position)
    )


def _count_of(newest: Any) -> Any:
    return sa.select(sa.func.count()).select_from(newest.subquery("visible"))


# SQL Server has no aggregate in the recursive part of a walk, so it groups: it reads the user's part of both indexes.
_previews = Query(_previews_from(_walked()), on={"mssql": _previews_from(_grouped())})
_partners = Query(_count_of(_walked()), on={"mssql": _count_of(_grouped())})
_unread = sa.select(sa.func.count()).select_from(messages).where(_m.recipient_id == _me, is_unread())
# Few conversations are ever cleared: what they hide is counted and taken away, rather than each row looked up.
_unread_count = Query(
    sa.select(
        (
            _unread.scalar_subquery()
            - _unread.join(
                clears,
                sa.and_(
                    clears.c.user_id == _me,
                    clears.c.partner_id == _m.sender_id,
                    clears.c.cleared_up_to >= _m.message_id,
                ),
            ).scalar_subquery()
        ).label("count")
    )
)

_received_unread = sa.and_(
    _m.sender_id == _partner,
    _m.recipient_id == _me,
    is_unread_behind(sa.bindparam("cleared", type_=sa.Integer)),
)
_sent_unread = sa.and_(_m.sender_id == _me, _m.recipient_id == _partner, _m.is_read_by_sender == sa.false(), _kept)
_unread_ids = Query(sa.select(_m.message_id).where(_received_unread).order_by(_m.message_id))
_mark_received = Query(
    sa.update(messages)
    .where(_received_unread, _m.message_id <= sa.bindparam("last", type_=sa.Integer))
    .values(is_read_by_recipient=True, recipient_read_at=_now, is_read=True, read_at=_now, updated_at=_now)
)
_mark_sent = Query(
    sa.update(messages).where(_sent_unread).values(is_read_by_sender=True, sender_read_at=_now, updated_at=_now)
)
_cleared_up_to = Query(
    sa.select(clears.c.partner_id, clears.c.cleared_up_to).where(
        clears.c.user_id == _me, clears.c.partner_id.in_((_partner, sa.bindparam("sent", type_=sa.Integer)))
    )
)
_clear_again = Query(
    sa.update(clears).where(_mine).values(cleared_up_to=sa.bindparam("last", type_=sa.Integer), cleared_at=_now)
)
_clear = Query(
    sa.insert(clears).values(
        user_id=_me, partner_id=_partner, cleared_up_to=sa.bindparam("last", type_=sa.Integer), cleared_at=_now
    )
)
_newest_between = Query(
    sa.select(
        *(
            sa.select(sa.func.max(_m.message_id))
            .where(_m.sender_id == sender, _m.recipient_id == recipient)
            .scalar_subquery()
            .label(name)
            for name, sender, recipient in (("sent", _me, _partner), ("received", _partner, _me))
        )
    )
)
_in_touch = Query(
    sa.select(sa.literal(1).label("one")).where(is_kept_between(_me, _partner), ~is_block_between(_me, _partner))
)


def previews(session: Session, user_id: int, limit: int, offset: int) -> tuple[list[Row], int]:
    """One row a partner, newest conversation first; and how many partners there are."""
    rows = session.all(_previews, me=user_id, offset=offset, end=offset + limit)
    # Behind the last page there is no row that would tell.
    return rows, rows[0].total if rows else int(session.scalar(_partners, me=user_id)) if offset else 0


def unread_count(session: Session, user_id: int) -> int:
    return int(session.scalar(_unread_count, me=user_id))


def unread_ids(session: Session, user_id: int, partner_id: int, cleared: int) -> list[int]:
    """What the partner wrote and the user has neither read nor cleared, oldest first."""
    return [row.message_id for row in session.all(_unread_ids, me=user_id, partner=partner_id, cleared=cleared)]


def mark_received(session: Session, user_id: int, partner_id: int, cleared: int, last: int, now: datetime) -> int:
    """Mark what the partner wrote behind `cleared`, up to `last`, as read by the user; how many were not before."""
    return session.run(_mark_received, me=user_id, partner=partner_id, cleared=cleared, last=last, now=now)


def mark_sent(session: Session, user_id: int, partner_id: int, now: datetime) -> int:
    """Mark the user's own messages as read by himself; how many were not before."""
    return session.run(_mark_sent, me=user_id, partner=partner_id, now=now)


def cleared_up_to(session: Session, user_id: int, partner_id: int) -> Marks:
    """The messages up to which the user cleared this conversation."""
    rows = session.all(_cleared_up_to, me=user_id, partner=partner_id, sent=-partner_id)
    marks = {row.partner_id: row.cleared_up_to for row in rows}
    received = marks.get(partner_id, 0)
    return Marks(received, max(received, marks.get(-partner_id, 0)))


def clear(session: Session, user_id: int, partner_id: int, up_to: Marks, now: datetime) -> None:
    for key, last in ((partner_id, up_to.received), (-partner_id, up_to.sent)):
        given = {"me": user_id, "partner": key, "last": last, "now": now}
        if not session.run(_clear_again, **given):
            session.run(_clear, **given)


def newest_between(session: Session, user_id: int, partner_id: int) -> Marks:
    """The newest messages between two, deleted or not."""
    row = session.first(_newest_between, me=user_id, partner=partner_id)
    return NO_MARKS if row is None else Marks(row.received or 0, row.sent or 0)


def are_in_touch(session: Session, user_id: int, partner_id: int) -> bool:
    """Whether the two have messages, and neither blocks the other."""
    return session.first(_in_touch, me=user_id, partner=partner_id) is not None
