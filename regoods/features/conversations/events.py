"""Previews of conversations, and the events of reading."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from regoods.core.database import Row
from regoods.core.wire import Event, Shape, Time, encode, iso
from regoods.features.conversations.rules import LARGEST_CONVERSATION_ID, conversation_id
from regoods.features.users.events import DELETED_NAME

ConversationId = Annotated[int, Meta(ge=1, le=LARGEST_CONVERSATION_ID)]


class ConversationPreview(Shape, kw_only=True):
    """A partner, and the last message with him."""

    conversation_id: int
    user_id: int
    """The partner's."""
    full_name: str
    profile_picture_url: str | None = None
    last_message: str
    last_message_at: Time
    last_message_sender_id: int
    unread_count: int
    post_id: int | None = None
    post_title: str | None = None


class UnreadCount(Shape):
    count: int


class ReadCounts(Shape):
    """How many messages a call marked; `count` is `recipientCount`, for the SPA."""

    recipient_count: int
    sender_count: int
    count: int


class Cleared(Shape):
    """Whose conversation with the caller was cleared."""

    user_id: int


class MessageRead(Event, tag="message_read"):
    """The recipient read it: to the sender's and the reader's sockets."""

    message_id: int
    read_at: Time


class ConversationRead(Event, tag="conversation_read"):
    """Additive: to both; `count` messages up to `lastReadMessageId`."""

    conversation_id: int
    reader_id: int
    count: int
    last_read_message_id: int


class ConversationCleared(Event, tag="conversation_cleared"):
    """Additive: to the sockets of the one who cleared it alone; `userId` is the partner's."""

    user_id: int


def preview(user_id: int, row: Row) -> ConversationPreview:
    return ConversationPreview(
        conversation_id=conversation_id(user_id, row.partner_id),
        user_id=row.partner_id,
        full_name=row.full_name or DELETED_NAME,
        profile_picture_url=row.profile_picture_url or None,
        last_message=row.message_content,
        last_message_at=iso(row.created_at),
        last_message_sender_id=row.sender_id,
        unread_count=row.unread,
        post_id=row.post_id,
        post_title=row.title,
    )


def conversation_cleared(partner_id: int) -> bytes:
    return encode(ConversationCleared(user_id=partner_id))


def message_read(message_id: int, read_at: datetime) -> bytes:
    return encode(MessageRead(message_id=message_id, read_at=iso(read_at)))


def conversation_read(reader_id: int, partner_id: int, count: int, last_message_id: int) -> bytes:
    return encode(
        ConversationRead(
            conversation_id=conversation_id(reader_id, partner_id),
            reader_id=reader_id,
            count=count,
            last_read_message_id=last_message_id,
        )
    )
