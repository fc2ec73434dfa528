"""SQL of search. Candidates are (message_id, message_content): the caller's, neither deleted nor cleared, newest first.

A candidate need not hold what is searched for; whoever asks looks at its text.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from regoods.core.database import Query, Row, Session
from regoods.features.conversations.queries import is_cleared
from regoods.features.conversations.tables import messages
from regoods.features.search.tables import TRIGRAMS, edits, folded, index, joined, texts

_m = messages.c
_content = _m.message_content
_kept = _m.is_deleted == sa.false()
_me = sa.bindparam("me", type_=sa.Integer)
_partner = sa.bindparam("partner", type_=sa.Integer)
_before = sa.bindparam("before", type_=sa.Integer)
_above = sa.bindparam("above", type_=sa.Integer)
_window = sa.bindparam("window", type_=sa.Integer)
_most = sa.bindparam("most", type_=sa.Integer)
_id = sa.bindparam("id", type_=sa.Integer)
_pattern = sa.bindparam("pattern", type_=sa.UnicodeText)
_match = sa.bindparam("match", type_=sa.Text)
_is_match = index.c.MessagingSearch.op("MATCH")(_match)

EVERYTHING = 2**31 - 1
SERVERS = ("postgresql", "mssql")
CASE_INSENSITIVE = "Latin1_General_100_CI_AS_SC"

Candidate = tuple[int, str | None]
"""The text is None where the message is not the caller's, deleted or cleared."""

_candidates = msgspec.json.Decoder(list[Candidate])


def _cleared(me: Any = _me) -> tuple[Any, Any]:
    """Conditions on what `me` sent, and on what he received."""
    return (
        is_cleared(me, _m.recipient_id, _m.message_id, sent=True),
        is_cleared(me, _m.sender_id, _m.message_id, sent=False),
    )


def _halves(with_partner: bool) -> tuple[list[Any], list[Any]]:
    """The caller's sent and received messages; each is one walk of an index."""
    sent, received = [_m.sender_id == _me], [_m.recipient_id == _me]
    if with_partner:
        sent.append(_m.recipient_id == _partner)
        received.append(_m.sender_id == _partner)
    # To oneself: an old row of which both halves would have the same.
    received.append(_m.sender_id != _m.recipient_id)
    return sent, received


def _newest(columns: Sequence[Any], conditions: Sequence[list[Any]]) -> Any:
    """The newest `window` of two halves. OFFSET 0: SQL Server takes an ORDER BY inside in no other form."""
    halves = [
        sa.select(*columns)
        .where(*each, _m.message_id < _before, _m.message_id > _above)
        .order_by(_m.message_id.desc())
        .limit(_window)
        .offset(0)
        .subquery()
        for each in conditions
    ]
    both = sa.union_all(*(sa.select(half) for half in halves)).subquery("halves")
    return sa.select(both).order_by(both.c.message_id.desc()).limit(_window).offset(0)


def _own(with_partner: bool) -> Any:
    return _newest(
        (_m.message_id, _content),
        [[*half, _kept, ~cleared] for half, cleared in zip(_halves(with_partner), _cleared(), strict=True)],
    ).subquery("own")


def _reach(with_partner: bool) -> Any:
    newest = _newest((_m.message_id,), _halves(with_partner)).subquery("newest")
    return sa.select(
        sa.func.count().label("messages"),
        sa.func.min(newest.c.message_id).label("lowest"),
        sa.func.max(newest.c.message_id).label("highest"),
    ).select_from(newest)


def _as_one_value(source: Any, message_id: Any, content: Any) -> Any:
    """All candidates as one JSON text: SQLite's driver lets go of the interpreter's lock at each row it hands over."""
    pair = sa.func.json_array(message_id, sa.cast(content, sa.Text))
    return sa.select(sa.func.json_group_array(pair).label("candidates")).select_from(source)


def _all_own(with_partner: bool) -> Any:
    own = _own(with_partner)
    return _as_one_value(own, own.c.message_id, own.c.message_content)


def _matching_own(with_partner: bool, is_like: Any) -> Any:
    own = _own(with_partner)
    return sa.select(own).where(is_like(own.c.message_content)).order_by(own.c.message_id.desc()).limit(_most).offset(0)


def _like_folded(content: Any) -> Any:
    return folded(content).like(folded(_pattern), escape="!")


def _like_joined(content: Any) -> Any:
    return sa.and_(joined(content).like(joined(_pattern), escape="!"), _like_folded(content))


def _like_lower(content: Any) -> Any:
    return sa.func.lower(content).like(sa.func.lower(_pattern), escape="!")


def _like_collated(content: Any) -> Any:
    # A column of type `text` takes no LIKE with Unicode.
    return sa.collate(sa.cast(content, sa.UnicodeText), CASE_INSENSITIVE).like(_pattern, escape="!")


def _of_both(with_partner: bool, me: Any = _me, partner: Any = _partner) -> list[Any]:
    """Conditions on a message found by its text: it is the caller's, and visible to him."""
    mine = sa.or_(_m.sender_id == me, _m.recipient_id == me)
    if with_partner:
        mine = sa.or_(
            sa.and_(_m.sender_id == me, _m.recipient_id == partner),
            sa.and_(_m.sender_id == partner, _m.recipient_id == me),
        )
    sent, received = _cleared(me)
    cleared = sa.or_(sa.and_(_m.sender_id == me, sent), sa.and_(_m.recipient_id == me, received))
    return [mine, _kept, ~cleared]


def _by_index(with_partner: bool) -> Any:
    # Outer, so that SQLite does not begin with the texts.
    found = (
        sa.select(index.c.rowid)
        .outerjoin_from(index, texts, texts.c.id == index.c.rowid)
        .where(_is_match, index.c.rowid < _before, sa.func.instr(texts.c.c2, sa.bindparam("needle", type_=sa.Text)) > 0)
        .order_by(index.c.rowid.desc())
        .limit(_most)
        .subquery("found")
    )
    both = found.outerjoin(messages, sa.and_(_m.message_id == found.c.rowid, *_of_both(with_partner)))
    return _as_one_value(both, found.c.rowid, _content)


def _edited(with_partner: bool) -> Any:
    # Outer, so that these few come first and not all that is the caller's.
    both = edits.outerjoin(messages, sa.and_(_m.message_id == edits.c.message_id, *_of_both(with_partner)))
    return _as_one_value(both, edits.c.message_id, _content)


def _by_trigrams(with_partner: bool) -> Any:
    # The ids stand in the text: a plan made for anybody would be wrong for somebody with very many messages. And the
    # order is made outside: asked for the newest, PostgreSQL likes to walk all of the table backward instead.
    me = sa.bindparam("me", type_=sa.Integer, literal_execute=True)
    partner = sa.bindparam("partner", type_=sa.Integer, literal_execute=True)
    found = (
        sa.select(_m.message_id, _content)
        .where(*_of_both(with_partner, me, partner), _m.message_id < _before, _like_joined(_content))
        .offset(sa.literal_column("0"))
        .subquery("found")
    )
    return sa.select(found).order_by(found.c.message_id.desc()).limit(_most)


_reaches = {partner: Query(_reach(partner)) for partner in (False, True)}
_owns = {partner: Query(_all_own(partner), only=("sqlite",)) for partner in (False, True)}
_matching_owns = {
    partner: Query(
        _matching_own(partner, _like_folded), on={"mssql": _matching_own(partner, _like_collated)}, only=SERVERS
    )
    for partner in (False, True)
}
_plain_owns = {
    partner: Query(
        _matching_own(partner, _like_lower), on={"mssql": _matching_own(partner, _like_collated)}, only=SERVERS
    )
    for partner in (False, True)
}
_by_indexes = {partner: Query(_by_index(partner), only=("sqlite",)) for partner in (False, True)}
_editeds = {partner: Query(_edited(partner), only=("sqlite",)) for partner in (False, True)}
_by_trigrams_of = {partner: Query(_by_trigrams(partner), only=("postgresql",)) for partner in (False, True)}
_has_trigrams = Query(
    sa.select(sa.func.count().label("indexes"))
    .select_from(sa.table("pg_index", sa.column("indexrelid"), sa.column("indisvalid")))
    .where(sa.text(f"indexrelid = to_regclass('{TRIGRAMS}') AND indisvalid")),
    only=("postgresql",),
)

_place = Query(
    sa.select(index.c.rowid).where(_is_match).order_by(index.c.rowid).limit(1).offset(sa.bindparam("hit")),
    only=("sqlite",),
)
_indexed_to = Query(sa.select(index.c.rowid).order_by(index.c.rowid.desc()).limit(1), only=("sqlite",))
_newest_id = Query(sa.select(sa.func.max(_m.message_id).label("message_id")), only=("sqlite",))
_first_edit = Query(sa.select(edits.c.message_id).limit(1), only=("sqlite",))
_texts = (_m.message_id, _m.sender_id, _m.recipient_id, _content)
_unindexed = Query(
    sa.select(*_texts).where(_m.message_id > _above).order_by(_m.message_id).limit(_most), only=("sqlite",)
)
_edited_texts = Query(
    sa.select(edits.c.message_id.label("edit"), *_texts)
    .outerjoin_from(edits, messages, _m.message_id == edits.c.message_id)
    .limit(_most),
    only=("sqlite",),
)
_put = Query(
    sa.insert(index)
    .prefix_with("OR REPLACE")
    .values(rowid=_id, Sender=sa.bindparam("sender"), Recipient=sa.bindparam("recipient"), Folded=sa.bindparam("text")),
    only=("sqlite",),
)
_note_edit = Query(sqlite.insert(edits).values(message_id=_id).on_conflict_do_nothing(), only=("sqlite",))
_forget_edit = Query(sa.delete(edits).where(edits.c.message_id == _id), only=("sqlite",))
_merge = Query(
    sa.insert(sa.table("MessagingSearch", sa.column("MessagingSearch", sa.Text), sa.column("rank", sa.Integer))).values(
        MessagingSearch=sa.literal_column("'merge'"), rank=sa.bindparam("pages", type_=sa.Integer)
    ),
    only=("sqlite",),
)


def is_embedded(session: Session) -> bool:
    return session.dialect.name == "sqlite"


def reach(session: Session, me: int, partner: int | None, window: int) -> Row:
    """(messages, lowest, highest): how many messages the caller has, at most `window`, and the ids of the newest."""
    row = session.first(_reaches[partner is not None], **_given(me, partner), before=EVERYTHING, above=0, window=window)
    assert row is not None
    return row


def own(
    session: Session, me: int, partner: int | None, before: int, above: int, pattern: str, most: int, *, plain: bool
) -> tuple[list[Candidate], bool]:
    """The newest `most` of the caller's that may be like the pattern; and whether there are more.

    `plain`: the database is in an encoding in which it cannot fold. SQLite's own LIKE knows the case of ASCII alone: it
    gives what there is, whatever its text.
    """
    given = _given(me, partner) | {"before": before, "above": above}
    if is_embedded(session):
        return _full(_decoded(session, _owns[partner is not None], given | {"window": most}), most)
    query = (_plain_owns if plain else _matching_owns)[partner is not None]
    return _full(session.all(query, **given, window=EVERYTHING, pattern=pattern, most=most), most)


def by_index(
    session: Session, me: int, partner: int | None, before: int, match: str, needle: str, most: int
) -> tuple[list[Candidate], bool]:
    """What the embedded database's index has; `needle` in the form that it has of texts."""
    given = _given(me, partner) | {"before": before, "match": match, "needle": needle, "most": most}
    return _full(_decoded(session, _by_indexes[partner is not None], given), most)


def by_trigrams(
    session: Session, me: int, partner: int | None, before: int, pattern: str, most: int
) -> tuple[list[Candidate], bool]:
    """What PostgreSQL's index has."""
    query = _by_trigrams_of[partner is not None]
    return _full(session.all(query, **_given(me, partner), before=before, pattern=pattern, most=most), most)


def has_trigrams(session: Session) -> bool:
    return session.dialect.name == "postgresql" and bool(session.scalar(_has_trigrams))


def edited(session: Session, me: int, partner: int | None) -> list[Candidate]:
    """What was edited and is not indexed anew."""
    return _decoded(session, _editeds[partner is not None], _given(me, partner))


def place(session: Session, match: str, hit: int) -> float:
    """The id of that hit, from the oldest on and from 0; infinite where there are not so many."""
    found: int | None = session.scalar(_place, match=match, hit=hit)
    return float("inf") if found is None else found


def indexed_to(session: Session) -> int:
    """The highest id in the index; everything up to it is there."""
    return int(session.scalar(_indexed_to) or 0)


def is_behind(session: Session) -> bool:
    return indexed_to(session) < (session.scalar(_newest_id) or 0) or session.scalar(_first_edit) is not None


def unindexed(session: Session, most: int) -> list[Row]:
    """(message_id, sender_id, recipient_id, message_content) of the oldest that are not in the index."""
    return session.all(_unindexed, above=indexed_to(session), most=most)


def edited_texts(session: Session, most: int) -> list[Row]:
    """As `unindexed`, of edited messages; `edit` is the id, and the others None where the row is gone."""
    return session.all(_edited_texts, most=most)


def put(session: Session, message_id: int, sender: str, recipient: str, text: str) -> None:
    """Index a message, in place of what the index has of it."""
    session.run(_put, id=message_id, sender=sender, recipient=recipient, text=text)


def note_edit(session: Session, message_id: int) -> None:
    session.run(_note_edit, id=message_id)


def forget_edit(session: Session, message_id: int) -> None:
    session.run(_forget_edit, id=message_id)


def merge(session: Session, pages: int) -> None:
    """Put parts of the index together, as far as so many pages go; nothing where there are few parts."""
    session.run(_merge, pages=pages)


def _given(me: int, partner: int | None) -> dict[str, Any]:
    return {"me": me} if partner is None else {"me": me, "partner": partner}


def _decoded(session: Session, query: Query, given: dict[str, Any]) -> list[Candidate]:
    # What SQLite gathers into one value has no order that it promises.
    return sorted(_candidates.decode(session.scalar(query, **given)), reverse=True)


def _full(candidates: list[Candidate], most: int) -> tuple[list[Candidate], bool]:
    return candidates, len(candidates) == most
