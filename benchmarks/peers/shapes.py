"""What the two Python peers share: settings, tokens, validation and the wire shape of a Message."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt

MAX_ID = 2**31 - 1
FOLDER = Path(__file__).parent
SCHEMA = (FOLDER / "schema.sql").read_text()
ADD_USERS = (FOLDER / "users.sql").read_text()
JSON = dict[str, Any]


class Refused(Exception):
    """A request that gets an error envelope: HTTP status, code of the contract, text."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def envelope(self) -> JSON:
        error = {"code": self.code, "message": self.message, "statusCode": self.status}
        return {"success": False, "message": self.message, "error": error}


@dataclass(frozen=True)
class Settings:
    port: int
    database: str
    secret: str
    users: int


def read_settings() -> Settings:
    """PORT, DATABASE (path), JWT_ACCESS_SECRET, USERS (the ids 1 to USERS exist)."""
    env = os.environ
    return Settings(
        port=int(env.get("PORT", "3001")),
        database=env.get("DATABASE", "peer.sqlite"),
        secret=env["JWT_ACCESS_SECRET"],
        users=int(env.get("USERS", "20000")),
    )


def user_of_token(token: str, secret: str) -> int:
    try:
        return int(jwt.decode(token, secret, algorithms=["HS256"])["userId"])
    except (jwt.InvalidTokenError, KeyError, ValueError, TypeError):
        raise Refused(401, "INVALID_TOKEN", "Invalid or expired token") from None


def user_of_header(header: str | None, secret: str) -> int:
    scheme, _, token = (header or "").partition(" ")
    if scheme != "Bearer" or not token:
        raise Refused(401, "UNAUTHORIZED", "Authentication required")
    return user_of_token(token, secret)


def validated(body: Any, sender_id: int) -> JSON:
    """The four columns a client may set, or Refused."""

    def refuse(message: str) -> Refused:
        return Refused(400, "VALIDATION_ERROR", message)

    if not isinstance(body, dict):
        raise refuse("the body is no JSON object")
    recipient, content = body.get("recipientId"), body.get("messageContent")
    kind, url = body.get("messageType", "text"), body.get("attachmentUrl")
    if type(recipient) is not int or not 1 <= recipient <= MAX_ID:
        raise refuse("recipientId is no user id")
    if recipient == sender_id:
        raise refuse("recipientId: a message to oneself")
    if not isinstance(content, str) or not content.strip():
        raise refuse("messageContent is blank")
    if len(content.encode("utf-16-le")) > 2 * 5000:
        raise refuse("messageContent is longer than 5000 characters")
    if kind == "system":
        raise Refused(403, "FORBIDDEN", "Clients may not send system messages")
    if kind not in ("text", "image"):
        raise refuse("messageType is unknown")
    if url is not None and not (isinstance(url, str) and re.match(r"https?://", url) and len(url) <= 500):
        raise refuse("attachmentUrl is no http(s) URL")
    return {"recipientId": recipient, "messageContent": content, "messageType": kind, "attachmentUrl": url}


def now_iso() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def person(user_id: int, full_name: str, picture: str | None) -> JSON:
    known = {"userId": user_id, "fullName": full_name, "profilePictureUrl": picture}
    return {name: value for name, value in known.items() if value is not None}


def message_json(message_id: int, sender: JSON, recipient: JSON, body: JSON, now: str) -> JSON:
    content = {name: value for name, value in body.items() if value is not None}
    flags = {"isReadByRecipient": False, "isReadBySender": True, "isRead": False, "isDeleted": False, "isEdited": False}
    return {
        "messageId": message_id, "senderId": sender["userId"], **content, **flags,
        "createdAt": now, "updatedAt": now, "sender": sender, "recipient": recipient,
    }  # fmt: skip
