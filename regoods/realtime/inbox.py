"""What becomes of a client's frames: budgets first, then the feature that listens (contract, section 4)."""

import asyncio
import logging
from collections.abc import Awaitable, Mapping

import msgspec
from websockets.frames import Opcode

from regoods.core.errors import ApiError, BadRequest, RateLimited, ValidationError
from regoods.core.feature import FrameListener, Services
from regoods.core.limits import Counting
from regoods.core.wire import Shape, decode
from regoods.realtime.closing import TOO_MANY_FRAMES
from regoods.realtime.connection import Connection
from regoods.realtime.events import PONG_FRAME, AuthFrame, error_frame
from regoods.realtime.expiry import Expiry
from regoods.realtime.frames import TEXT

logger = logging.getLogger(__name__)

REPEATS = frozenset({"message", "message_edited", "message_deleted", "message_read"})
"""The SPA says each of its REST calls again over its socket; never trusted, never answered."""

HEARD: Mapping[str, str | type[Shape]] = {
    "ping": "Answered with `pong`.",
    "auth": AuthFrame,
    **dict.fromkeys(sorted(REPEATS), "A REST call that a client says again: ignored, without event or error."),
}
"""What becomes of the frames that no feature hears."""

WINDOW_SECONDS = 60.0
GENEROUS = 10
"""Pings and repeats have a budget so many times as large. Who exceeds it, or sends so many limits, is closed."""


class Head(Shape):
    type: str


_head = msgspec.json.Decoder(Head)


class Inbox:
    """Takes whole messages from the sockets of one server; `counting` makes the counters of its budgets."""

    def __init__(
        self, services: Services, listeners: Mapping[str, FrameListener], counting: Counting, expiry: Expiry
    ) -> None:
        self._services = services
        self._listeners = listeners
        self._expiry = expiry
        self._limit = services.settings.ws_rate_limit_per_minute
        self._frames = counting("frames", WINDOW_SECONDS, self._limit)
        self._chatter = counting("chatter", WINDOW_SECONDS, self._limit * GENEROUS)
        self._running: set[asyncio.Future[None]] = set()

    def receive(self, connection: Connection, opcode: Opcode, payload: bytes) -> None:
        self._services.metrics.frames_received += 1
        try:
            kind = self._kind(opcode, payload)
        except ApiError as error:
            if self._within_budget(connection):
                connection.push(error_frame(error))
            return
        if kind == "ping" or kind in REPEATS:
            if self._chatter.hit(connection.user_id).used > self._limit * GENEROUS:
                self._count_limited()
                connection.close(TOO_MANY_FRAMES)
            elif kind == "ping":
                connection.push(PONG_FRAME)
        elif self._within_budget(connection):
            self._hand_over(connection, kind, payload)

    def sweep(self) -> None:
        self._frames.sweep()
        self._chatter.sweep()

    def _kind(self, opcode: Opcode, payload: bytes) -> str:
        if opcode is not TEXT:
            raise BadRequest("Send text frames with a JSON object; binary frames are not understood.")
        try:
            return decode(payload, _head).type
        except ValidationError as error:
            raise BadRequest(f"Send a JSON object with a `type`. {error.message}") from None

    def _within_budget(self, connection: Connection) -> bool:
        usage = self._frames.hit(connection.user_id)
        if usage.used <= self._limit:
            return True
        self._count_limited()
        if usage.used >= self._limit * GENEROUS:
            connection.close(TOO_MANY_FRAMES)
        elif usage.before <= self._limit:
            # Not every number is seen where other nodes count as well.
            connection.push(
                error_frame(
                    RateLimited(
                        f"More than {self._limit} frames a minute: what you send is dropped "
                        f"for the next {usage.reset_seconds} s."
                    )
                )
            )
        return False

    def _count_limited(self) -> None:
        self._services.metrics.rate_limited["frames"] += 1

    def _hand_over(self, connection: Connection, kind: str, payload: bytes) -> None:
        listener = self._listeners.get(kind)
        if listener is None and kind != "auth":
            known = ", ".join(sorted({*self._listeners, "ping", "auth"}))
            connection.push(error_frame(ValidationError("type", f"Unknown type {kind[:40]!r}. Known: {known}.")))
            return
        try:
            waiting = listener(connection.user_id, payload) if listener else self._expiry.renew(connection, payload)
        except Exception as error:
            _answer_error(connection, error)
            return
        if waiting is not None:
            task = asyncio.ensure_future(self._finish(connection, waiting))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _finish(self, connection: Connection, waiting: Awaitable[None]) -> None:
        try:
            await waiting
        except Exception as error:
            _answer_error(connection, error)


def _answer_error(connection: Connection, error: Exception) -> None:
    """The socket outlives a frame that failed, whatever the cause; only our own errors show theirs."""
    if not isinstance(error, ApiError):
        logger.error("a listener failed", exc_info=error)
        error = ApiError()
    connection.push(error_frame(error))
