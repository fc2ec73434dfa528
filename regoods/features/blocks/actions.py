"""Blocking somebody, and ending it."""

from regoods.core.wire import Page
from regoods.core.work import Work, reads, writes
from regoods.features.blocks import events, queries, rules
from regoods.features.users.actions import get_user


@reads
def list_blocks(work: Work, user_id: int, limit: int, offset: int) -> Page:
    """Whom the user blocks, the latest first."""
    rows, total = queries.page(work.session, user_id, limit, offset)
    return Page([events.block(row) for row in rows], total, limit, offset)


@reads
def get_block(work: Work, user_id: int, other_id: int) -> events.BlockState:
    """Whether the user himself blocks the other. Raises NotFound for an unknown one."""
    rules.check_not_oneself(user_id, other_id)
    since = queries.blocked_at(work.session, user_id, other_id)
    if since is None:
        get_user(work, other_id)
    return events.state(other_id, since)


@writes
def block(work: Work, user_id: int, other_id: int) -> events.BlockState:
    """A block that stands already stays as it is. Raises NotFound for an unknown user."""
    rules.check_not_oneself(user_id, other_id)
    get_user(work, other_id)
    queries.insert(work.session, user_id, other_id, work.now)
    return events.state(other_id, queries.blocked_at(work.session, user_id, other_id))


@writes
def unblock(work: Work, user_id: int, other_id: int) -> events.BlockState:
    """Raises NotFound for an unknown user; a block of one whose row is gone is ended all the same."""
    rules.check_not_oneself(user_id, other_id)
    if not queries.delete(work.session, user_id, other_id):
        get_user(work, other_id)
    return events.state(other_id, None)
