"""The rows of uploads. A file has its row before it is stored and until it is removed, so none is ever forgotten."""

from collections.abc import Sequence
from datetime import datetime

from regoods.core.database import Row
from regoods.core.errors import ServiceUnavailable
from regoods.core.work import Work, reads_for_anyone, writes, writes_for_anyone
from regoods.features.attachments import queries, rules


@writes
def begin(work: Work, user_id: int) -> int:
    """Count an upload that begins; its id. Raises RateLimited where the hour is full."""
    rules.check_hour(queries.of_user(work.session, user_id, work.now - rules.HOUR), work.now)
    return queries.begin(work.session, user_id, work.now, work.now + rules.HOUR)


@writes
def store(work: Work, _user_id: int, upload_id: int, url: str) -> None:
    """Say under which address the picture will be; the sweep asks in a day whether it was sent."""
    if not queries.store(work.session, upload_id, url, work.now + rules.UNSENT):
        raise ServiceUnavailable("The upload took too long. Please try again.")


@writes_for_anyone
def refuse(work: Work, _user_id: int, upload_id: int) -> None:
    """Nothing came of it: what may be stored goes with the next sweep."""
    queries.refuse(work.session, upload_id, work.now)


def message_deleted(work: Work, message_id: int) -> None:
    """In the deletion's transaction: the next sweep looks whether another message uses the picture."""
    queries.check_of_message(work.session, message_id, work.now)


@reads_for_anyone
def due(work: Work, _user_id: int) -> list[Row]:
    return queries.due(work.session, work.now)


@writes_for_anyone
def settle(work: Work, _user_id: int, looked_at: Sequence[tuple[Row, datetime | None]]) -> int:
    """Note for each of `due` when to look again; None: it is over. How many are settled.

    One of which somebody has said otherwise since it was looked at stays as it is: its message was deleted, say, or
    another node has swept it.
    """
    settled = 0
    for upload, check_at in looked_at:
        if check_at is None:
            settled += queries.remove_due(work.session, upload.upload_id, upload.check_at)
        else:
            settled += queries.check(work.session, upload.upload_id, upload.check_at, check_at)
    return settled
