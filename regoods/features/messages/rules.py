"""What may be written, edited, deleted and read, and by whom (contract, section 3). Pure functions."""

import re
from datetime import datetime, timedelta
from hashlib import blake2b
from urllib.parse import urlsplit

from regoods.core.database import Row
from regoods.core.errors import Conflict, Forbidden, ValidationError

LONGEST_CONTENT = 5000
LONGEST_URL = 500
EDIT_WINDOW = timedelta(minutes=15)
_uri_characters = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
"""RFC 3986, 2. `urlsplit` would drop tabs and line ends silently."""

KEY_LIFE = timedelta(hours=24)
LONGEST_KEY = 255
KEY = rf"^[!-~]{{1,{LONGEST_KEY}}}$"
_key = re.compile(KEY)

CLIENT_TYPES = ("text", "image")

WHITE_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\ufeff"
"""What a browser's trim() takes away: U+FEFF is none to Python."""


def browser_length(text: str) -> int:
    """Length as JavaScript counts it: UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def check_content(text: str, encoding: str | None) -> None:
    """`encoding`: what the database's column can hold, where that is not all of Unicode (contract, section 6)."""
    field = "messageContent"
    if not text.strip(WHITE_SPACE):
        raise ValidationError(field, "messageContent must not be blank.")
    length = browser_length(text)
    if length > LONGEST_CONTENT:
        raise ValidationError(
            field, f"messageContent may hold at most {LONGEST_CONTENT} characters; this has {length}."
        )
    if "\0" in text:
        raise ValidationError(field, "messageContent must not hold NUL characters.")
    if encoding is not None:
        try:
            text.encode(encoding)
        except UnicodeEncodeError as error:
            raise ValidationError(
                field, f"messageContent holds {text[error.start]!r}, which cannot be stored yet. Write it without."
            ) from None


def check_type(message_type: str) -> None:
    if message_type == "system":
        raise Forbidden("Messages of type system are written by ReGoods alone.")
    if message_type not in CLIENT_TYPES:
        raise ValidationError("messageType", f"messageType must be one of {', '.join(CLIENT_TYPES)}.")


def check_attachment_url(url: str) -> None:
    if len(url) > LONGEST_URL or not _is_web_address(url):
        raise ValidationError(
            "attachmentUrl", f"attachmentUrl must be an http or https address of at most {LONGEST_URL} characters."
        )


def _is_web_address(url: str) -> bool:
    if not _uri_characters.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def check_key(key: str) -> None:
    """An Idempotency-Key: any visible ASCII a client makes up."""
    if not _key.fullmatch(key):
        raise ValidationError(
            "Idempotency-Key", f"Idempotency-Key must be 1 to {LONGEST_KEY} visible ASCII characters, such as a UUID."
        )


def digest(data: bytes) -> int:
    """64 bits: that two of a user's thousand keys of a day have the same is one in 10^13."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), signed=True)


def check_same_body(sent: int, now: int) -> None:
    """Digests of what an Idempotency-Key was first sent with, and of what it is sent with now."""
    if sent != now:
        raise Conflict(
            "This Idempotency-Key was used for another message within 24 hours. Use a new key for a new message."
        )


def check_not_oneself(sender_id: int, recipient_id: int) -> None:
    if sender_id == recipient_id:
        raise ValidationError("recipientId", "recipientId is yourself: write to somebody else.")


def check_notice_sender(sender_id: int, recipient_id: int, owner_id: int) -> None:
    """Somebody in whose name ReGoods may write to the recipient about the owner's post."""
    if sender_id != recipient_id:
        return
    whose = "the recipient's own post" if owner_id == recipient_id else "to the recipient himself"
    raise ValidationError("from", f"It is {whose}: name another user by --from, in whose name it is written.")


def check_notice_block(is_blocked: bool, sender_id: int, recipient_id: int) -> None:
    if is_blocked:
        raise Forbidden(
            f"One of the users {sender_id} and {recipient_id} blocks the other, so nothing is written between them: "
            "name another user by --from."
        )


def is_participant(message: Row, user_id: int) -> bool:
    return user_id in (message.sender_id, message.recipient_id)


def check_participant(message: Row, user_id: int) -> None:
    if not is_participant(message, user_id):
        raise Forbidden("This message is not yours.")


def check_edit(message: Row, user_id: int, now: datetime) -> None:
    if user_id != message.sender_id:
        raise Forbidden("Only its sender may edit a message.")
    if message.message_type == "system":
        # It stands in a user's name, and is not his.
        raise Forbidden("Messages of type system are written by ReGoods alone.")
    if message.is_deleted:
        raise ValidationError("messageId", "messageId is of a deleted message, which cannot be edited.")
    if now - message.created_at > EDIT_WINDOW:
        raise ValidationError("messageId", "messageId is of a message older than 15 minutes, which cannot be edited.")


def check_delete(message: Row, user_id: int) -> None:
    check_participant(message, user_id)
    if message.is_deleted:
        raise ValidationError("messageId", "messageId is of a message that is deleted already.")
