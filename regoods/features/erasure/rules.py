"""What stays of an event that tells of somebody who is forgotten. Pure functions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from regoods.features.messages.events import message_deleted
from regoods.features.users.events import DELETED_NAME

UNDER_WAY = timedelta(hours=1)
"""A body may take five minutes, and pictures are judged one at a time."""

STORED_WITHIN = timedelta(minutes=5)
"""A store is given up after one."""


def may_be_under_way(created_at: datetime, now: datetime) -> bool:
    """Whether the file of an upload that began then may be yet to come."""
    return now < created_at + UNDER_WAY


def parties(event: str) -> Sequence[int]:
    """Sender and recipient of the message that an event quotes; nobody where it quotes none."""
    message = msgspec.json.decode(event).get("message")
    return (message["senderId"], message["recipientId"]) if isinstance(message, dict) else ()


def forgotten(event: str, user_id: int) -> str | None:
    """The event as it may stay in a partner's log; None where it may stay as it is.

    What he wrote is a message that was deleted; what was written to him keeps its text and loses his name.
    """
    told: dict[str, Any] = msgspec.json.decode(event)
    message = told.get("message")
    if not isinstance(message, dict):
        return None
    if message.get("senderId") == user_id:
        return message_deleted(message["messageId"]).decode()
    nameless = {"userId": user_id, "fullName": DELETED_NAME}
    if message.get("recipientId") != user_id or message.get("recipient") == nameless:
        return None
    return msgspec.json.encode(told | {"message": message | {"recipient": nameless}}).decode()
