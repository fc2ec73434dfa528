"""Erasing a user in steps, each short enough not to keep servers waiting."""

from collections.abc import Sequence

from regoods.core.database import Row
from regoods.core.work import Work, reads_for_anyone, writes_for_anyone
from regoods.features.attachments.queries import remove as remove_upload
from regoods.features.erasure import queries, rules
from regoods.features.messages.events import message_deleted
from regoods.features.search.queries import is_embedded, merge
from regoods.features.sync.queries import oldest_number, since
from regoods.features.users.queries import find

STEP = 200
"""Rows in a transaction: some 10 ms."""

MERGED_PAGES = 64


@reads_for_anyone
def count(work: Work, user_id: int) -> queries.Found:
    return queries.count(work.session, user_id)


@reads_for_anyone
def find_user(work: Work, user_id: int) -> Row | None:
    """(user_id, full_name, profile_picture_url, is_active)."""
    return find(work.session, user_id)


@reads_for_anyone
def list_partners(work: Work, user_id: int) -> set[int]:
    """With whom he has messages."""
    return queries.partners(work.session, user_id)


@reads_for_anyone
def list_logged_partners(work: Work, user_id: int, after: int) -> tuple[set[int], int | None]:
    """With whom he had those that the next part of his own log tells of, whose rows may be gone; where to go on, None
    at its end."""
    rows = since(work.session, user_id, after, STEP)
    found = {partner for row in rows for partner in rules.parties(row.event)} - {user_id}
    return found, rows[-1].seq if len(rows) == STEP else None


@writes_for_anyone
def blank_messages(work: Work, user_id: int, after: int) -> tuple[int, int]:
    """Leave the next of his messages as deleted ones, and log it for their recipients; (how many, the last of them)."""
    rows = queries.written(work.session, user_id, after, STEP)
    if not rows:
        return 0, after
    queries.blank(work.session, user_id, [row.message_id for row in rows], work.now)
    for row in rows:
        if not row.is_deleted and row.recipient_id != user_id:
            work.publish((row.recipient_id,), message_deleted(row.message_id))
    return len(rows), rows[-1].message_id


@writes_for_anyone
def unindex(work: Work, user_id: int) -> int:
    return queries.unindex(work.session, user_id, STEP) if is_embedded(work.session) else 0


@writes_for_anyone
def merge_index(work: Work, _user_id: int, *, first: bool) -> bool:
    """Put parts of the embedded database's index together, which drops what was taken out of it; whether more is left.

    Until then an older part still has it, hidden by a newer one. Begun by `first`.
    """
    if not is_embedded(work.session):
        return False
    before = queries.changes(work.session)
    # FTS5's own words: below zero all parts, however few.
    merge(work.session, -MERGED_PAGES if first else MERGED_PAGES)
    return queries.changes(work.session) - before > 1


@reads_for_anyone
def find_events(work: Work, user_id: int, partner_id: int, after: int) -> tuple[Sequence[tuple[int, str]], int | None]:
    """What must be changed in the next part of a partner's log, as (number, event); where to go on, None at its end."""
    rows = queries.mentions(work.session, partner_id, user_id, after, STEP)
    changed = [(row.seq, rules.forgotten(row.event, user_id)) for row in rows]
    further = rows[-1].seq if len(rows) == STEP else None
    return [(number, event) for number, event in changed if event is not None], further


@writes_for_anyone
def rewrite_events(work: Work, _user_id: int, partner_id: int, changed: Sequence[tuple[int, str]]) -> None:
    queries.rewrite(work.session, partner_id, changed)


@writes_for_anyone
def delete_log(work: Work, user_id: int) -> int:
    """Delete the oldest of his own log; how many events it were."""
    oldest = oldest_number(work.session, user_id)
    return 0 if oldest is None else queries.delete_log(work.session, user_id, oldest + STEP - 1)


@writes_for_anyone
def delete_own(work: Work, user_id: int, *, is_active: bool) -> None:
    """What else has his number. An active user keeps the count of his events: it may not begin anew at open sockets."""
    queries.delete_own(work.session, user_id)
    if not is_active:
        queries.delete_cursor(work.session, user_id)


@reads_for_anyone
def list_uploads(work: Work, user_id: int, after: int) -> list[Row]:
    """(upload_id, url, created_at, used_by)."""
    return queries.uploaded(work.session, user_id, after, STEP)


@writes_for_anyone
def settle_upload(work: Work, _user_id: int, upload: Row, *, is_used: bool) -> None:
    """Of `list_uploads`, after its file is gone, or where another's message uses it.

    A server gives the row its address, then stores the file. So a row without an address, which gets none any more, may
    go; one whose file may be on its way stays, as nobody's, for the servers' sweep to find the file by.
    """
    if is_used:
        queries.disown(work.session, upload.upload_id)
    elif upload.url is None and queries.remove_unstored(work.session, upload.upload_id):
        return
    elif rules.may_be_under_way(upload.created_at, work.now):
        queries.leave_to_sweep(work.session, upload.upload_id, work.now + rules.STORED_WITHIN)
    else:
        remove_upload(work.session, upload.upload_id)
