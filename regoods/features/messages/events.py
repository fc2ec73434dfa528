"""The Message and its events; bodies of the calls that write."""

from datetime import datetime
from typing import Annotated, NamedTuple

from msgspec import Meta, Raw

from regoods.core.database import Row
from regoods.core.wire import Event, Id, Shape, Time, encode, iso, raw, shown_as
from regoods.features.messages import rules
from regoods.features.posts.events import PostRef, post_ref
from regoods.features.users.events import UserRef, user_ref

SYSTEM = "system"
TYPES = (*rules.CLIENT_TYPES, SYSTEM)
Content = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": rules.LONGEST_CONTENT})]
AttachmentUrl = Annotated[
    str, Meta(extra_json_schema={"format": "uri", "pattern": "^https?://", "maxLength": rules.LONGEST_URL})
]
"""`rules` check both, and say more kindly what is wrong; they count as browsers do, schemas count code points."""


class NewMessage(Shape):
    """`messageType` is `text` where left out; `system` is not for clients."""

    recipient_id: Id
    message_content: Content
    message_type: Annotated[str, Meta(extra_json_schema={"enum": rules.CLIENT_TYPES})] | None = None
    post_id: Id | None = None
    attachment_url: AttachmentUrl | None = None
    parent_message_id: Id | None = None


class Edit(Shape):
    message_content: Content


class Message(Shape, kw_only=True):
    message_id: int
    sender_id: int
    recipient_id: int
    post_id: int | None = None
    message_content: str
    message_type: Annotated[str, Meta(extra_json_schema={"enum": TYPES})]
    attachment_url: str | None = None
    is_read_by_recipient: bool
    recipient_read_at: Time | None = None
    is_read_by_sender: bool
    sender_read_at: Time | None = None
    is_read: bool
    """Legacy mirror of the recipient's, as `read_at`."""
    read_at: Time | None = None
    is_deleted: bool
    deleted_by: int | None = None
    is_edited: bool
    edited_at: Time | None = None
    parent_message_id: int | None = None
    created_at: Time
    updated_at: Time
    sender: UserRef
    recipient: UserRef
    post: PostRef | None = None


class Notice(NamedTuple):
    """A message of type system that was stored, and between whom."""

    message_id: int
    sender: Row
    recipient: Row


class Deleted(Shape):
    message_id: int


class MessageEvent(Event, tag="message"):
    """A new message: to the recipient's sockets only, for the SPA counts each one as unread."""

    message: Annotated[Raw, shown_as(Message)]


class MessageSent(Event, tag="message_sent"):
    """Additive: a new message, to the sender's own sockets."""

    message: Annotated[Raw, shown_as(Message)]


class MessageEdited(Event, tag="message_edited"):
    """To both."""

    message: Annotated[Raw, shown_as(Message)]


class MessageDeleted(Event, tag="message_deleted"):
    """To both."""

    message_id: int


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def digest(new: NewMessage) -> int:
    """Equal for two calls that ask for the same message."""
    return rules.digest(encode(new))


def encoded(row: Row) -> Raw:
    """The row's Message, encoded once for the answer and its events."""
    return raw(message(row))


def message(row: Row) -> Message:
    """A Message from a row of `queries`: the table's columns with sender, recipient and post beside them.

    The old API's rows come in the same shape: what it marked read is read, a type the contract does not know is text.
    What a deleted one said is not given to anybody.
    """
    is_read = row.is_read_by_recipient or row.is_read
    read_at = _iso(row.recipient_read_at or row.read_at) if is_read else None
    return Message(
        message_id=row.message_id,
        sender_id=row.sender_id,
        recipient_id=row.recipient_id,
        post_id=row.post_id,
        message_content="" if row.is_deleted else row.message_content,
        message_type=row.message_type if row.message_type in TYPES else TYPES[0],
        attachment_url=None if row.is_deleted else row.attachment_url or None,
        is_read_by_recipient=is_read,
        recipient_read_at=read_at,
        is_read_by_sender=row.is_read_by_sender,
        sender_read_at=_iso(row.sender_read_at),
        is_read=is_read,
        read_at=read_at,
        is_deleted=row.is_deleted,
        deleted_by=row.deleted_by,
        is_edited=row.is_edited,
        edited_at=_iso(row.edited_at),
        parent_message_id=row.parent_message_id,
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at or row.created_at),
        sender=user_ref(row.sender_id, row.sender_name, row.sender_picture),
        recipient=user_ref(row.recipient_id, row.recipient_name, row.recipient_picture),
        post=None
        if row.post_title is None
        else PostRef(
            post_id=row.post_id,
            title=row.post_title,
            price=float(row.post_price),
            status=row.post_status,
            image_url=row.post_image,
        ),
    )


def encoded_new(message_id: int, new: NewMessage, sender: Row, recipient: Row, post: Row | None, now: datetime) -> Raw:
    """The Message just stored, from what was stored: the row need not be read again."""
    moment = iso(now)
    message = Message(
        message_id=message_id,
        sender_id=sender.user_id,
        recipient_id=recipient.user_id,
        post_id=new.post_id,
        message_content=new.message_content,
        message_type=new.message_type or "text",
        attachment_url=new.attachment_url,
        is_read_by_recipient=False,
        is_read_by_sender=True,
        is_read=False,
        is_deleted=False,
        is_edited=False,
        parent_message_id=new.parent_message_id,
        created_at=moment,
        updated_at=moment,
        sender=user_ref(sender.user_id, sender.full_name, sender.profile_picture_url),
        recipient=user_ref(recipient.user_id, recipient.full_name, recipient.profile_picture_url),
        post=None if post is None else post_ref(post),
    )
    return raw(message)


def message_to_recipient(encoded: Raw) -> bytes:
    return encode(MessageEvent(message=encoded))


def message_to_sender(encoded: Raw) -> bytes:
    return encode(MessageSent(message=encoded))


def message_edited(encoded: Raw) -> bytes:
    return encode(MessageEdited(message=encoded))


def message_deleted(message_id: int) -> bytes:
    return encode(MessageDeleted(message_id=message_id))
