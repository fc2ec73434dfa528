"""What stays of an event that tells of somebody who is forgotten. Pure functions."""

from collections.abc import Sequence
from typing import Any

import msgspec

from regoods.features.messages.events import message_deleted
from regoods.features.users.events import DELETED_NAME


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
