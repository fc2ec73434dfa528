"""SQL over a user's conversations: all of it reads or marks rows of `Messages`."""

from datetime import datetime

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.conversations.tables import messages
from regoods.features.posts.tables import posts
from regoods.features.users.tables import users

_m = messages.c
_me = sa.bindparam("me", type_=sa.Integer)
_partner = sa.bindparam("partner", type_=sa.Integer)
_now = sa.bindparam("now", type_=_m.created_at.type)
_kept = _m.is_deleted == sa.false()
_unread = _m.is_read_by_recipient == sa.false()

# Each half follows its own index; SQL Server refuses GROUP BY over a CASE with bound values (8120).
_mine = sa.union_all(
    sa.select(
        _m.recipient_id.label("partner_id"), _m.message_id.label("message_id"), sa.literal(0).label("unread")
    ).where(_m.sender_id == _me, _kept),
    sa.select(_m.sender_id, _m.message_id, sa.case((_unread, 1), else_=0)).where(_m.recipient_id == _me, _kept),
).cte("mine")
_per_partner = (
    sa.select(
        _mine.c.partner_id,
        sa.func.max(_mine.c.message_id).label("last_id"),
        sa.func.sum(_mine.c.unread).label("unread"),
    )
    .group_by(_mine.c.partner_id)
    .subquery("per_partner")
)
_previews = Query(
    sa.select(
        _per_partner.c.partner_id,
        _per_partner.c.unread,
        users.c.full_name,
        users.c.profile_picture_url,
        _m.message_content,
        _m.created_at,
        _m.sender_id,
        _m.post_id,
        posts.c.title,
    )
    .join_from(_per_partner, messages, _m.message_id == _per_partner.c.last_id)
    .outerjoin(users, users.c.user_id == _per_partner.c.partner_id)
    .outerjoin(posts, posts.c.post_id == _m.post_id)
    .order_by(_per_partner.c.last_id.desc())
    .limit(sa.bindparam("limit", type_=sa.Integer))
    .offset(sa.bindparam("offset", type_=sa.Integer))
)
_partners = Query(sa.select(sa.func.count(sa.distinct(_mine.c.partner_id))))
_unread_count = Query(sa.select(sa.func.count()).select_from(messages).where(_m.recipient_id == _me, _unread, _kept))

_received_unread = sa.and_(_m.sender_id == _partner, _m.recipient_id == _me, _unread, _kept)
_sent_unread = sa.and_(_m.sender_id == _me, _m.recipient_id == _partner, _m.is_read_by_sender == sa.false(), _kept)
_unread_ids = Query(sa.select(_m.message_id).where(_received_unread).order_by(_m.message_id))
_mark_received = Query(
    sa.update(messages)
    .where(_received_unread)
    .values(is_read_by_recipient=True, recipient_read_at=_now, is_read=True, read_at=_now, updated_at=_now)
)
_mark_sent = Query(
    sa.update(messages).where(_sent_unread).values(is_read_by_sender=True, sender_read_at=_now, updated_at=_now)
)
_any_between = Query(
    sa.union_all(
        sa.select(_m.message_id).where(_m.sender_id == _me, _m.recipient_id == _partner, _kept),
        sa.select(_m.message_id).where(_m.sender_id == _partner, _m.recipient_id == _me, _kept),
    ).limit(1)
)


def previews(session: Session, user_id: int, limit: int, offset: int) -> list[Row]:
    """One row a partner, newest conversation first."""
    return session.all(_previews, me=user_id, limit=limit, offset=offset)


def count_partners(session: Session, user_id: int) -> int:
    return int(session.scalar(_partners, me=user_id))


def unread_count(session: Session, user_id: int) -> int:
    return int(session.scalar(_unread_count, me=user_id))


def unread_ids(session: Session, user_id: int, partner_id: int) -> list[int]:
    """What the partner wrote and the user has not read, oldest first."""
    return [row.message_id for row in session.all(_unread_ids, me=user_id, partner=partner_id)]


def mark_read(session: Session, user_id: int, partner_id: int, now: datetime) -> tuple[int, int]:
    """Mark both directions; (received, sent) messages that were not marked before."""
    received = session.run(_mark_received, me=user_id, partner=partner_id, now=now)
    sent = session.run(_mark_sent, me=user_id, partner=partner_id, now=now)
    return received, sent


def has_messages(session: Session, user_id: int, partner_id: int) -> bool:
    return session.first(_any_between, me=user_id, partner=partner_id) is not None
