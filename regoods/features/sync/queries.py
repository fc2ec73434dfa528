"""SQL over the log of events."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from regoods.core.database import Query, Row, Session
from regoods.core.outbox import Publication
from regoods.core.wire import encode
from regoods.features.conversations.tables import messages
from regoods.features.sync.tables import cursors, events, logged

LATE_SECONDS = 60.0
"""A transaction that inserts messages, and stays open for longer, may go unnoticed."""

MARK = 0
"""In place of a user's id, among the cursors: the message up to which all are logged, or older than the log."""

_e = events.c
_c = cursors.c
_l = logged.c
_user = sa.bindparam("user", type_=sa.Integer)
_count = sa.bindparam("count", type_=sa.Integer)
_limit = sa.bindparam("limit", type_=sa.Integer)
_message_id = sa.bindparam("message", type_=sa.Integer)


def _upsert(insert: Any) -> Any:
    return insert.on_conflict_do_update(
        index_elements=[_c.user_id], set_={"latest": _c.latest + insert.excluded.latest}
    ).returning(_c.user_id, _c.latest)


_unnested = (
    sa.func.unnest(
        sa.bindparam("users", type_=postgresql.ARRAY(sa.Integer)),
        sa.bindparam("counts", type_=postgresql.ARRAY(sa.Integer)),
    )
    .table_valued(sa.column("user_id", sa.Integer), sa.column("count", sa.Integer), name="given")
    .render_derived()
)

_listed = sa.func.json_each(sa.bindparam("counts", type_=sa.String)).table_valued("key", "value", name="given")

# One statement for all users of a batch, where there is one; the order in which rows are locked is theirs.
_advance_all = Query(
    _upsert(
        postgresql.insert(cursors).from_select(
            ["user_id", "latest"],
            sa.select(_unnested.c.user_id, _unnested.c.count).order_by(_unnested.c.user_id),
        )
    ),
    only=("postgresql",),
)
_advance_listed = Query(
    _upsert(
        sqlite.insert(cursors).from_select(
            ["user_id", "latest"],
            # Without a WHERE the parser takes ON CONFLICT for a join's condition.
            sa.select(_listed.c.key, _listed.c.value).where(sa.literal_column("1 = 1")),
        )
    ),
    only=("sqlite",),
)
_advance = Query(sa.update(cursors).where(_c.user_id == _user).values(latest=_c.latest + _count))
_begin = Query(sa.insert(cursors).values(user_id=_user, latest=_count))
_latest = Query(sa.select(_c.latest).where(_c.user_id == _user))
ASKED_AT_ONCE = 100
_latest_of = Query(
    sa.select(_c.user_id, _c.latest).where(
        _c.user_id.in_([sa.bindparam(f"id{number}", type_=sa.Integer) for number in range(ASKED_AT_ONCE)])
    )
)

_insert = Query(
    sa.insert(events).values(
        user_id=_user,
        seq=sa.bindparam("number", type_=sa.Integer),
        event=sa.bindparam("json", type_=_e.event.type),
        created_at=sa.bindparam("now", type_=_e.created_at.type),
    )
)
_event = Query(sa.select(_e.event).where(_e.user_id == _user, _e.seq == sa.bindparam("number", type_=sa.Integer)))
_since = Query(
    sa.select(_e.seq, _e.event)
    .where(_e.user_id == _user, _e.seq > sa.bindparam("since", type_=sa.Integer))
    .order_by(_e.seq)
    .limit(_limit)
)
_oldest_number = Query(sa.select(sa.func.min(_e.seq)).where(_e.user_id == _user))
_oldest = Query(sa.select(_e.event_id, _e.created_at).order_by(_e.event_id).limit(_limit))
_delete_up_to = Query(sa.delete(events).where(_e.event_id <= sa.bindparam("last", type_=sa.BigInteger)))

_log_message = Query(sa.insert(logged).values(message_id=_message_id))
_lowest_logged = Query(sa.select(sa.func.min(logged.c.message_id)))
_newest_message = Query(sa.select(sa.func.max(messages.c.message_id)))
_unlogged = Query(
    sa.select(messages.c.message_id)
    .where(
        messages.c.message_id > sa.bindparam("mark", type_=sa.Integer),
        ~sa.exists().where(_l.message_id == messages.c.message_id),
    )
    .order_by(messages.c.message_id)
    .limit(_limit)
)
# Forward only: what was logged behind the mark is forgotten, and would be taken for another program's.
_move_mark = Query(
    sa.update(cursors)
    .where(_c.user_id == MARK, _c.latest < sa.bindparam("mark", type_=sa.Integer))
    .values(latest=sa.bindparam("mark", type_=sa.Integer))
)
_forget_logged = Query(sa.delete(logged).where(logged.c.message_id <= sa.bindparam("mark", type_=sa.Integer)))


def _insert_unless_there(dialect: Any) -> Any:
    return dialect.insert(logged).values(message_id=_message_id).on_conflict_do_nothing().returning(_l.message_id)


_claim = Query(
    _insert_unless_there(postgresql), on={"sqlite": _insert_unless_there(sqlite)}, only=("postgresql", "sqlite")
)


def append(session: Session, publications: Sequence[Publication], now: datetime) -> None:
    """Number each publication in the log of each of its users, and keep it there."""
    counts = Counter(user_id for publication in publications for user_id in publication.audience)
    # In one order for all writers: else two of them could wait for each other.
    numbers = _reserve(session, {user_id: counts[user_id] for user_id in sorted(counts)})
    rows: list[dict[str, Any]] = []
    for publication in publications:
        json = publication.event.decode()
        publication.numbers = given = []
        for user_id in publication.audience:
            numbers[user_id] += 1
            given.append(numbers[user_id])
            rows.append({"user": user_id, "number": numbers[user_id], "json": json, "now": now})
    session.run_many(_insert, rows)
    created = [one.of.message_id for one in publications if one.of is not None and one.creates]
    if created:
        session.run_many(_log_message, [{"message": message_id} for message_id in created])


def _reserve(session: Session, counts: Mapping[int, int]) -> dict[int, int]:
    """Take so many numbers for each user; the last one taken before them."""
    if session.dialect.name == "postgresql":
        rows = session.all(_advance_all, users=list(counts), counts=list(counts.values()))
    elif session.dialect.name == "sqlite":
        rows = session.all(_advance_listed, counts=encode(counts).decode())
    else:
        return {user_id: _advanced(session, user_id, count) - count for user_id, count in counts.items()}
    return {row.user_id: row.latest - counts[row.user_id] for row in rows}


def _advanced(session: Session, user_id: int, count: int) -> int:
    if not session.run(_advance, user=user_id, count=count):
        try:
            session.run(_begin, user=user_id, count=count)
        except sa.exc.IntegrityError:
            # Another writer gave him his first event meanwhile, and has committed.
            session.run(_advance, user=user_id, count=count)
    return latest(session, user_id)


def holds(session: Session, publications: Sequence[Publication]) -> bool:
    """Whether these were committed, which got their numbers in one transaction. Waits for its end."""
    # The server may not have read the COMMIT yet, or may still be at it: until its end it holds its users' places.
    _reserve(session, {publications[0].audience[0]: 0})
    return all(
        # Where it was taken back, the number is free, or by now another event's.
        session.scalar(_event, user=user_id, number=number) == publication.event.decode()
        for publication in publications
        for user_id, number in zip(publication.audience, publication.numbers, strict=True)
    )


def latest(session: Session, user_id: int) -> int:
    """The number of the user's newest event; 0 where there is none."""
    return session.scalar(_latest, user=user_id) or 0


def latest_of(session: Session, user_ids: Sequence[int]) -> dict[int, int]:
    """As `latest`, of several users; those without any event are left out."""
    found = {}
    for start in range(0, len(user_ids), ASKED_AT_ONCE):
        part = user_ids[start : start + ASKED_AT_ONCE]
        ids = [*part, *[0] * (ASKED_AT_ONCE - len(part))]
        rows = session.all(_latest_of, **{f"id{number}": user_id for number, user_id in enumerate(ids)})
        found.update({row.user_id: row.latest for row in rows})
    return found


def since(session: Session, user_id: int, number: int, limit: int) -> list[Row]:
    """(seq, event) of the user's events behind a number, in order."""
    return session.all(_since, user=user_id, since=number, limit=limit)


def oldest_number(session: Session, user_id: int) -> int | None:
    number: int | None = session.scalar(_oldest_number, user=user_id)
    return number


def delete_older(session: Session, moment: datetime, limit: int) -> int:
    """Delete events from before a moment, the oldest first and at most so many; how many it were."""
    rows = [row for row in session.all(_oldest, limit=limit) if row.created_at < moment]
    return session.run(_delete_up_to, last=rows[-1].event_id) if rows else 0


def mark(session: Session) -> int | None:
    """The message up to which all are logged, or older than the log; None until it is set."""
    number: int | None = session.scalar(_latest, user=MARK)
    return number


def newest_message(session: Session) -> int:
    return session.scalar(_newest_message) or 0


def unlogged(session: Session, behind: int, limit: int) -> list[int]:
    """Messages behind the mark whose creation is in no log, lowest id first."""
    return [row.message_id for row in session.all(_unlogged, mark=behind, limit=limit)]


def claim(session: Session, message_id: int) -> bool:
    """Count a message as logged; whether it was not. Waits for another writer who has just done so."""
    if session.dialect.name in _claim.only:
        return session.first(_claim, message=message_id) is not None
    try:
        session.run(_log_message, message=message_id)
    except sa.exc.IntegrityError:
        # SQL Server takes back the statement alone.
        return False
    return True


def set_first_mark(session: Session) -> None:
    """Before all that was logged; where nothing was, at the newest message."""
    lowest = session.scalar(_lowest_logged)
    session.run(_begin, user=MARK, count=newest_message(session) if lowest is None else lowest)


def move_mark(session: Session, to: int) -> None:
    """All up to this message are logged."""
    if session.run(_move_mark, mark=to):
        session.run(_forget_logged, mark=to)


def late_seconds(session: Session) -> float:
    """How long after its id was taken a message may be committed; ids are taken in the order of commits in SQLite."""
    return 0.0 if session.dialect.name == "sqlite" else LATE_SECONDS
