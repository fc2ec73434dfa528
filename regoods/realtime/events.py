"""The events a socket itself sends, whatever the features: `connected`, `pong`, `error`."""

from regoods.core.errors import ApiError
from regoods.core.wire import Event, encode
from regoods.realtime.frames import text_frame


class Connected(Event, tag="connected"):
    user_id: int
    latest: int | None = None
    """The number of the newest event in the user's log: a client that has less catches up."""


class Pong(Event, tag="pong"):
    pass


class ErrorEvent(Event, tag="error"):
    """The frame before it was not acted upon; the socket stays open."""

    code: str
    message: str


PONG_FRAME = text_frame(encode(Pong()))


def connected_frame(user_id: int, latest: int | None) -> bytes:
    return text_frame(encode(Connected(user_id=user_id, latest=latest)))


def error_frame(error: ApiError) -> bytes:
    return text_frame(encode(ErrorEvent(code=error.code, message=error.message)))
