"""The events a socket itself sends, whatever the features: `connected`, `pong`, `error`."""

from typing import Annotated, ClassVar

from msgspec import Meta

from regoods.core.errors import CODES, ApiError
from regoods.core.wire import Event, encode
from regoods.realtime.frames import text_frame


class Connected(Event, tag="connected"):
    """The first event of every socket."""

    logged: ClassVar[bool] = False
    user_id: int
    latest: int | None = None
    """The number of the newest event in the user's log: a client that has less catches up."""


class Pong(Event, tag="pong"):
    """The answer to a `ping`."""

    logged: ClassVar[bool] = False


class Resync(Event, tag="resync"):
    """Additive: events behind `since` did not come this way. A client that has less than `latest` catches up."""

    logged: ClassVar[bool] = False
    since: int
    latest: int


class ErrorEvent(Event, tag="error"):
    """The frame before it was not acted upon; the socket stays open."""

    logged: ClassVar[bool] = False
    code: Annotated[str, Meta(extra_json_schema={"enum": CODES})]
    message: str


EVENTS = (Connected, Pong, Resync, ErrorEvent)
PONG_FRAME = text_frame(encode(Pong()))


def connected_frame(user_id: int, latest: int | None) -> bytes:
    return text_frame(encode(Connected(user_id=user_id, latest=latest)))


def resync_frame(since: int, latest: int) -> bytes:
    return text_frame(encode(Resync(since=since, latest=latest)))


def error_frame(error: ApiError) -> bytes:
    return text_frame(encode(ErrorEvent(code=error.code, message=error.message)))
