"""Reading a thread."""

from dataclasses import replace

from regoods.core.errors import Forbidden, NotFound, ValidationError
from regoods.core.tokens import LARGEST_ID
from regoods.core.wire import Page
from regoods.core.work import Work, reads
from regoods.features.conversations.actions import find_partner
from regoods.features.conversations.queries import cleared_up_to
from regoods.features.conversations.rules import pair_of
from regoods.features.messages.events import message
from regoods.features.posts.events import PostRef, post_ref
from regoods.features.posts.queries import find as find_post
from regoods.features.threads import events, queries
from regoods.features.threads.queries import Span

LATEST = 50
"""Messages that a Conversation holds (contract, section 3)."""


@reads
def list_thread(work: Work, user_id: int, partner_id: int, post_id: int | None, span: Span) -> Page:
    """A part of what the two wrote, oldest first. Raises NotFound for an unknown partner."""
    find_partner(work, user_id, partner_id)
    span = replace(span, cleared=cleared_up_to(work.session, user_id, partner_id))
    rows = queries.page(work.session, user_id, partner_id, post_id, span)
    total = queries.length(work.session, user_id, partner_id, post_id, span)
    return Page([message(row) for row in rows], total, span.limit, span.offset)


@reads
def get_conversation(work: Work, user_id: int, partner_id: int, post_id: int | None) -> events.Conversation:
    """With somebody never written to: empty. Raises NotFound for an unknown partner or post."""
    return _conversation(work, user_id, partner_id, post_id)


@reads
def get_conversation_by_id(work: Work, user_id: int, number: int) -> events.Conversation:
    """By a conversation's id, or the partner's user id in its place. Raises Forbidden for one of two others."""
    if number <= LARGEST_ID:
        return _conversation(work, user_id, number, None)
    low, high = pair_of(number)
    if user_id not in (low, high):
        raise Forbidden("This conversation is not yours.")
    return _conversation(work, user_id, high if user_id == low else low, None)


def _conversation(work: Work, user_id: int, partner_id: int, post_id: int | None) -> events.Conversation:
    if partner_id == user_id:
        raise ValidationError("userId", "userId is yourself: name your partner.")
    partner = find_partner(work, user_id, partner_id)
    post = None if post_id is None else _post(work, post_id)
    cleared = cleared_up_to(work.session, user_id, partner_id)
    return events.conversation(
        user_id,
        events.partner(partner_id, partner, work.enrich("conversations", user_id, [partner_id])[partner_id]),
        queries.page(work.session, user_id, partner_id, post_id, Span(LATEST, cleared=cleared)),
        queries.unread(work.session, user_id, partner_id, cleared.received),
        post,
    )


def _post(work: Work, post_id: int) -> PostRef:
    row = find_post(work.session, post_id)
    if row is None:
        raise NotFound(f"There is no post {post_id}.")
    return post_ref(row)
