"""Listing and reading conversations."""

from regoods.core.database import Row
from regoods.core.outbox import Subject
from regoods.core.wire import Page, merged
from regoods.core.work import Work, reads, writes
from regoods.features.conversations import events, queries
from regoods.features.conversations.rules import audience
from regoods.features.users.actions import no_such_user
from regoods.features.users.queries import find as find_user

RECEIPTS = 100
"""`message_read` events after a whole conversation was read: one for each of the newest so many (contract, 4)."""


@reads
def list_conversations(work: Work, user_id: int, limit: int, offset: int) -> Page:
    """One preview a partner, newest first."""
    rows, total = queries.previews(work.session, user_id, limit, offset)
    extra = work.enrich("conversations", user_id, [row.partner_id for row in rows])
    items = [merged(events.preview(user_id, row), *extra[row.partner_id]) for row in rows]
    return Page(items, total, limit, offset)


@reads
def count_unread(work: Work, user_id: int) -> events.UnreadCount:
    return events.UnreadCount(count=queries.unread_count(work.session, user_id))


@writes
def read_conversation(work: Work, user_id: int, partner_id: int) -> events.ReadCounts:
    """Mark everything between the two as read by the user. Raises NotFound for an unknown partner."""
    find_partner(work, user_id, partner_id)
    cleared = queries.cleared_up_to(work.session, user_id, partner_id).received
    unread = queries.unread_ids(work.session, user_id, partner_id, cleared)
    received = queries.mark_received(work.session, user_id, partner_id, cleared, unread[-1], work.now) if unread else 0
    sent = queries.mark_sent(work.session, user_id, partner_id, work.now)
    # None where another of the user's tabs has marked them meanwhile: on a server several writers work side by side.
    if received:
        work.publish(
            audience(user_id, partner_id),
            events.conversation_read(user_id, partner_id, len(unread), unread[-1]),
            echoes=[events.message_read(message_id, work.now) for message_id in unread[-RECEIPTS:]],
            of=Subject(unread[-1], user_id),
        )
    return events.ReadCounts(recipient_count=received, sender_count=sent, count=received)


@writes
def clear(work: Work, user_id: int, partner_id: int) -> events.Cleared:
    """Hide for the user alone what the two wrote until now; a new message brings the conversation back.

    Raises NotFound for an unknown partner.
    """
    find_partner(work, user_id, partner_id)
    newest = queries.newest_between(work.session, user_id, partner_id)
    cleared = queries.cleared_up_to(work.session, user_id, partner_id)
    if newest.received > cleared.received or newest.sent > cleared.sent:
        queries.clear(work.session, user_id, partner_id, newest, work.now)
        work.publish((user_id,), events.conversation_cleared(partner_id))
    return events.Cleared(user_id=partner_id)


@reads
def are_in_touch(work: Work, user_id: int, partner_id: int) -> bool:
    """Whether the two have written to each other, and neither blocks the other: they may hear what the other does."""
    return queries.are_in_touch(work.session, user_id, partner_id)


def find_partner(work: Work, user_id: int, partner_id: int) -> Row | None:
    """Whom the user names as his partner; None: his row is gone, and what the two wrote is left, as in the user's list.

    Raises NotFound for anybody else without a row.
    """
    partner = find_user(work.session, partner_id)
    if partner is None and queries.newest_between(work.session, user_id, partner_id) == queries.NO_MARKS:
        raise no_such_user(partner_id)
    return partner
