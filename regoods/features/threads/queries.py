"""SQL over what two people wrote to each other."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.core.tokens import LARGEST_ID
from regoods.features.conversations.queries import NO_MARKS, Marks, is_unread_behind
from regoods.features.conversations.tables import messages
from regoods.features.messages.queries import whole

_m = messages.c
_me = sa.bindparam("me", type_=sa.Integer)
_partner = sa.bindparam("partner", type_=sa.Integer)
_post = sa.bindparam("post", type_=sa.Integer)
_after = sa.bindparam("after", type_=sa.Integer)
_sent_after = sa.bindparam("sent_after", type_=sa.Integer)
_until = sa.bindparam("until", type_=sa.Integer)
# The end of a page may lie behind the largest INT.
_offset = sa.bindparam("offset", type_=sa.BigInteger)
_end = sa.bindparam("end", type_=sa.BigInteger)

ENDLESS = LARGEST_ID + 1
"""Before it stand all message ids."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of a thread: messages between two ids, `limit` of them from one end, `offset` away from it."""

    limit: int
    offset: int = 0
    after: int = 0
    before: int = ENDLESS
    cleared: Marks = NO_MARKS
    """What is not behind these is left out."""
    from_oldest: bool = False
    """Count from the oldest; else from the newest."""


def _halves(about_post: bool) -> tuple[Any, Any]:
    """The ids of a conversation, as two walks of an index: one of them cannot follow both directions."""
    conditions = [_m.is_deleted == sa.false(), _m.message_id <= _until]
    if about_post:
        conditions.append(_m.post_id == _post)
    return (
        sa.select(_m.message_id).where(
            _m.sender_id == _me, _m.recipient_id == _partner, _m.message_id > _sent_after, *conditions
        ),
        # To oneself: an old row of which both halves would have the same.
        sa.select(_m.message_id).where(
            _m.sender_id == _partner,
            _m.recipient_id == _me,
            _m.sender_id != _m.recipient_id,
            _m.message_id > _after,
            *conditions,
        ),
    )


def _page(about_post: bool, from_oldest: bool) -> Any:
    def in_order(column: Any) -> Any:
        return column.asc() if from_oldest else column.desc()

    # OFFSET 0, and numbers instead of a second LIMIT: SQL Server takes an ORDER BY inside in no other form.
    ends = (half.order_by(in_order(_m.message_id)).limit(_end).offset(0).subquery() for half in _halves(about_post))
    halves = sa.union_all(*(sa.select(half.c.message_id) for half in ends)).subquery("halves")
    numbered = sa.select(
        halves.c.message_id, sa.func.row_number().over(order_by=in_order(halves.c.message_id)).label("position")
    ).subquery("numbered")
    on_page = sa.and_(
        numbered.c.message_id == _m.message_id, numbered.c.position > _offset, numbered.c.position <= _end
    )
    return whole.join(numbered, on_page).order_by(_m.message_id)


def _length(about_post: bool) -> Any:
    halves = sa.union_all(*_halves(about_post)).subquery("halves")
    return sa.select(sa.func.count()).select_from(halves)


_newest = {about_post: Query(_page(about_post, from_oldest=False)) for about_post in (False, True)}
_oldest = {about_post: Query(_page(about_post, from_oldest=True)) for about_post in (False, True)}
_lengths = {about_post: Query(_length(about_post)) for about_post in (False, True)}
_unread = Query(
    sa.select(sa.func.count())
    .select_from(messages)
    .where(_m.recipient_id == _me, _m.sender_id == _partner, is_unread_behind(_after))
)


def page(session: Session, user_id: int, partner_id: int, post_id: int | None, span: Span) -> list[Row]:
    """Messages with their senders, recipients and posts, oldest first."""
    queries = _oldest if span.from_oldest else _newest
    return session.all(
        queries[post_id is not None],
        **_given(user_id, partner_id, post_id, span),
        offset=span.offset,
        end=span.offset + span.limit,
    )


def length(session: Session, user_id: int, partner_id: int, post_id: int | None, span: Span) -> int:
    """How many messages there are between the span's two ids."""
    return int(session.scalar(_lengths[post_id is not None], **_given(user_id, partner_id, post_id, span)))


def unread(session: Session, user_id: int, partner_id: int, cleared: int) -> int:
    return int(session.scalar(_unread, me=user_id, partner=partner_id, after=cleared))


def _given(user_id: int, partner_id: int, post_id: int | None, span: Span) -> dict[str, Any]:
    given = {
        "me": user_id,
        "partner": partner_id,
        "after": max(span.after, span.cleared.received),
        "sent_after": max(span.after, span.cleared.sent),
        "until": span.before - 1,
    }
    return given if post_id is None else given | {"post": post_id}
