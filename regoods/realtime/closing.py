"""Why a socket is closed: code, reason, and whether the client may come back.

Codes below 4000 are RFC 6455's (section 7.4.1); 4000–4999 are ours to give. The reasons of the refusals are the
contract's (section 4).
"""

from typing import NamedTuple


class Close(NamedTuple):
    code: int
    reason: str
    may_return: bool
    """Whether the same client with the same token may dial again."""


NORMAL = Close(1000, "", True)
GOING_AWAY = Close(1001, "Server is restarting", True)
PROTOCOL_ERROR = Close(1002, "Protocol error", True)
INVALID_DATA = Close(1007, "Text is not valid UTF-8", True)
TOKEN_REQUIRED = Close(1008, "Token required", False)
INVALID_TOKEN = Close(1008, "Invalid token", False)
TOKEN_EXPIRED = Close(1008, "Token expired", False)
TOO_MANY_CONNECTIONS = Close(1008, "Too many connections", False)
TOO_MANY_FRAMES = Close(1008, "Too many frames", True)
TOO_BIG = Close(1009, "Message too big", True)
AUTHENTICATION_FAILED = Close(1011, "Authentication failed", True)
TOO_SLOW = Close(4008, "Reads too slowly", True)
NO_PONG = Close(4009, "No answer to ping", True)
IDLE = Close(4010, "Nothing received for too long", True)

GIVEN = (
    *(GOING_AWAY, PROTOCOL_ERROR, INVALID_DATA, TOO_BIG),
    *(TOKEN_REQUIRED, INVALID_TOKEN, TOKEN_EXPIRED, TOO_MANY_CONNECTIONS, TOO_MANY_FRAMES, AUTHENTICATION_FAILED),
    *(TOO_SLOW, NO_PONG, IDLE),
)
"""Those that the server gives of itself."""

ABNORMAL = Close(1006, "", True)
"""How RFC 6455 names an end without a close frame; never on the wire."""
NO_STATUS = 1005
"""How RFC 6455 names a close frame without a code; never on the wire."""

FIRST_PRIVATE = 3000
"""From here on a peer may give any code (RFC 6455, 7.4.2), ours as well."""


def label(close: Close) -> str:
    """What it is counted under: its code, where that is of the standard's or given by us."""
    return str(close.code) if close.code < FIRST_PRIVATE or close in GIVEN else "other"
