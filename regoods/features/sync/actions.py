"""Catching up, keeping the log short, and taking in what other programs wrote."""

from datetime import timedelta

from msgspec import Raw

from regoods.core.outbox import numbered
from regoods.core.work import Work, reads, reads_for_anyone, writes_for_anyone
from regoods.features.messages.actions import publish_stored
from regoods.features.messages.queries import find
from regoods.features.sync import events, queries

KEPT = timedelta(days=30)
SWEPT_AT_ONCE = 2_000
ADOPTED_AT_ONCE = 200
"""Each is some 0.1 ms of the writer's time."""


@reads
def list_missed(work: Work, user_id: int, since: int, limit: int) -> events.Missed:
    """The user's events behind a number, in order."""
    rows = queries.since(work.session, user_id, since, limit)
    # Asked after the events: what is written meanwhile makes `more` true, what is swept makes `complete` false.
    latest = queries.latest(work.session, user_id)
    oldest = queries.oldest_number(work.session, user_id) or latest + 1
    complete = oldest - 1 <= since <= latest
    reached = rows[-1].seq if rows else since
    return events.Missed(
        events=[Raw(numbered(row.event.encode(), row.seq)) for row in rows],
        latest=latest,
        more=reached < latest and (complete or bool(rows)),
        complete=complete,
    )


@writes_for_anyone
def sweep(work: Work, _user_id: int) -> int:
    """Delete what is older than the log is kept; how many events it were."""
    return queries.delete_older(work.session, work.now - KEPT, SWEPT_AT_ONCE)


@reads_for_anyone
def find_unlogged(work: Work, _user_id: int) -> events.Unlogged:
    mark = queries.mark(work.session)
    newest = queries.newest_message(work.session)
    missing = [] if mark is None else queries.unlogged(work.session, mark, ADOPTED_AT_ONCE)
    return events.Unlogged(mark=mark, newest=newest, missing=missing, late_seconds=queries.late_seconds(work.session))


@writes_for_anyone
def adopt(work: Work, _user_id: int, message_id: int) -> None:
    """Log and push a message that another program stored, as if it had been sent here. Nothing where another node has
    been faster."""
    if not _claim(work, message_id):
        return
    row = find(work.session, message_id)
    if row is not None and not row.is_deleted:
        publish_stored(work, row)


@writes_for_anyone
def pass_over(work: Work, _user_id: int, message_id: int) -> None:
    """Count a message as logged of which nobody can be told."""
    _claim(work, message_id)


def _claim(work: Work, message_id: int) -> bool:
    """Whether this node is to take the message in: nobody has logged it, nor moved the mark past it, since it was
    found."""
    mark = queries.mark(work.session)
    return (mark is None or message_id > mark) and queries.claim(work.session, message_id)


@writes_for_anyone
def set_first_mark(work: Work, _user_id: int) -> None:
    """What was there before this log is no news. Nothing where another has set the mark meanwhile."""
    if queries.mark(work.session) is None:
        queries.set_first_mark(work.session)


@writes_for_anyone
def move_mark(work: Work, _user_id: int, to: int) -> None:
    """Every message up to this one is logged, or older than the log."""
    queries.move_mark(work.session, to)
