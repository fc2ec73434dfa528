"""The events a socket itself sends, whatever the features, and the frame `auth`, which it hears itself."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from msgspec import Meta

from regoods.core.errors import CODES, ApiError
from regoods.core.wire import Event, Shape, Time, encode, iso
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


class GoingAway(Event, tag="going_away"):
    """Additive: this server stops and will close the socket with 1001. So that not all come at once, each socket is
    told its own time to come back."""

    logged: ClassVar[bool] = False
    retry_after_ms: int


class AuthFrame(Shape):
    """A token: of the first frame of a socket that was opened without one, or a newer one for an open socket. Answered
    with `authenticated`; a bad one, or another user's, with `error`, and the socket stays as it was."""

    token: str


class Authenticated(Event, tag="authenticated"):
    """Additive, the answer to `auth`: the socket is good until then, and warns before."""

    logged: ClassVar[bool] = False
    expires_at: Time


class TokenExpiring(Event, tag="token_expiring"):
    """Additive, a minute before the token's end, to sockets that speak `regoods` or have sent `auth`: send a newer one
    by `auth`."""

    logged: ClassVar[bool] = False
    expires_at: Time


class ErrorEvent(Event, tag="error"):
    """The frame before it was not acted upon; the socket stays open."""

    logged: ClassVar[bool] = False
    code: Annotated[str, Meta(extra_json_schema={"enum": CODES})]
    message: str


EVENTS = (Connected, Pong, Resync, GoingAway, Authenticated, TokenExpiring, ErrorEvent)
PONG_FRAME = text_frame(encode(Pong()))


def connected_frame(user_id: int, latest: int | None) -> bytes:
    return text_frame(encode(Connected(user_id=user_id, latest=latest)))


def resync_frame(since: int, latest: int) -> bytes:
    return text_frame(encode(Resync(since=since, latest=latest)))


def going_away_frame(retry_after_ms: int) -> bytes:
    return text_frame(encode(GoingAway(retry_after_ms=retry_after_ms)))


def error_frame(error: ApiError) -> bytes:
    return text_frame(encode(ErrorEvent(code=error.code, message=error.message)))


def authenticated_frame(expires: float) -> bytes:
    return text_frame(encode(Authenticated(expires_at=_time(expires))))


def token_expiring_frame(expires: float) -> bytes:
    return text_frame(encode(TokenExpiring(expires_at=_time(expires))))


def _time(seconds: float) -> str:
    return iso(datetime.fromtimestamp(seconds, UTC))
