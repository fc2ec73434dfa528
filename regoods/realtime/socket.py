"""The handshake of `/messages`, in Tornado; what is open afterwards is a `Connection`.

Tornado's handler, request and stream cost 17 KB a socket. So once the handshake is done, the TCP connection is
taken over by a slotted asyncio protocol (under 2 KB) and Tornado lets go of its own.
"""

import asyncio
import contextvars
import functools
import logging
from collections.abc import Awaitable, Sequence
from typing import Any, ClassVar

from tornado.iostream import IOStream, SSLIOStream
from tornado.websocket import WebSocketHandler

from regoods.core import origin
from regoods.core.errors import BadRequest, Forbidden, ServiceUnavailable, UpgradeRequired
from regoods.core.http import EnvelopeHandler
from regoods.realtime.admission import FOREIGN_ORIGIN, Admission, Admitted, Refused
from regoods.realtime.closing import Close
from regoods.realtime.connection import Connection, Realtime
from regoods.realtime.newcomers import Newcomer, Newcomers
from regoods.realtime.registry import ConnectionRegistry
from regoods.realtime.tls import StreamTransport

logger = logging.getLogger(__name__)

EARLY_BYTES = 65_536
VERSION = "13"
PROTOCOL = "regoods"
"""The subprotocol of clients that renew their tokens in place (RFC 6455, 1.9): warned before the end."""
BEARER = "bearer."
"""How another name among the subprotocols begins that is no name, but the token. Browsers let a page set no other
header of a handshake."""
HANDSHAKE_HEADERS = ("Host", "Sec-WebSocket-Key", "Sec-WebSocket-Version")


class MessageSocket(EnvelopeHandler, WebSocketHandler):
    """Authenticates, shakes hands, and registers a `Connection`.

    The registry is class-level; `make_app` makes a subclass with its own, so that two servers fit in one process.
    """

    reading: ClassVar[bool] = False
    """A handshake has no body."""

    registry: ClassVar[ConnectionRegistry[Connection]]
    admission: ClassVar[Admission]
    realtime: ClassVar[Realtime]
    newcomers: ClassVar[Newcomers]
    adopting: ClassVar[set[asyncio.Task[object]]]

    _refusal: Close | None = None
    _admitted: Admitted | None = None
    _is_newcomer: bool = False
    """Whether it is to be let in without a token, to send it in its first frame."""

    async def get(self, *args: str, **kwargs: str) -> None:
        """Refuse with a status before the upgrade, or with a close code right after it, or open."""
        if self.patience.draining:
            # It would be closed in a moment; before anything of it is looked at, remembered or counted.
            raise ServiceUnavailable
        self._require_handshake()
        if not self._is_origin_allowed():
            self.admission.count_as(FOREIGN_ORIGIN)
            raise Forbidden("This origin may not open sockets here. Add it to ALLOWED_ORIGINS.")
        self._offers = self._offered()
        self.patience.begin(self)
        try:
            await self._admit()
        except Refused as refused:
            self._refusal = refused.close
        finally:
            self.patience.end(self)
        try:
            await super().get(*args, **kwargs)
        finally:
            if self._admitted is not None:
                self.admission.give_up(self._admitted)
            if self._is_newcomer:
                self.newcomers.leave(self.client_address)

    async def _admit(self) -> None:
        tokens: Sequence[bytes] = self.request.query_arguments.get("token", ())
        if self._offers and not any(tokens):
            tokens = [name.removeprefix(BEARER).encode() for name in self._offers if name.startswith(BEARER)]
            if not tokens:
                self.newcomers.enter(self.client_address)
                self._is_newcomer = True
                return
        self._admitted = await self.admission.admit(tokens, self.client_address)
        self.origin.user_id = self._admitted.user_id

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """The one name there is; never what the client says beside it."""
        return PROTOCOL if PROTOCOL in subprotocols else None

    def open(self, *_args: str, **_kwargs: str) -> Awaitable[None] | None:
        """Close with the refusal's code, hand over, or (TLS) stay until the stream ends."""
        assert self.ws_connection is not None
        if self._refusal is not None:
            self.close(self._refusal.code, self._refusal.reason)
            return None
        stream = self.ws_connection.stream
        assert stream is not None
        self.patience.forget(stream)
        if isinstance(stream, SSLIOStream):
            # What comes over the socket from now on is no part of this request.
            origin.current.set(None)
            self._tell_opened(self._admitted)
            return StreamTransport(stream, self._protocol()).run()
        self._hand_over(stream)
        return None

    def on_message(self, message: str | bytes) -> None:
        """A refused client's last words."""

    def check_origin(self, origin: str) -> bool:
        """Decided in `get`, where the answer is an envelope."""
        return True

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if isinstance(kwargs.get("exc_info", (None, None))[1], UpgradeRequired):
            self.set_header("Sec-WebSocket-Version", VERSION)
        super().write_error(status_code, **kwargs)

    def _require_handshake(self) -> None:
        headers = self.request.headers
        upgrade = headers.get("Upgrade", "").lower() == "websocket"
        connection = {word.strip().lower() for word in headers.get("Connection", "").split(",")}
        if not upgrade or "upgrade" not in connection or not all(headers.get(name) for name in HANDSHAKE_HEADERS):
            raise BadRequest("This address speaks WebSocket (RFC 6455): connect to it with a WebSocket client.")
        if headers["Sec-WebSocket-Version"] != VERSION:
            raise UpgradeRequired

    def _is_origin_allowed(self) -> bool:
        """ALLOWED_ORIGINS, our own origin, or none at all (no browser)."""
        origin = self.request.headers.get("Origin", self.request.headers.get("Sec-Websocket-Origin"))
        if origin is None:
            return True
        origin = origin.lower()
        own = f"{self.scheme}://{self.request.headers.get('Host', '')}".lower()
        return origin == own or origin in self.services.settings.allowed_origins

    def _hand_over(self, stream: IOStream) -> None:
        """Give the TCP connection to a `Connection` and let go of Tornado's stream.

        The duplicated descriptor keeps the connection open when Tornado closes its own.
        """
        if stream.closed():
            return
        early = _take_early_bytes(stream)
        # A stream that is still writing has not flushed its 101; one without a socket lost its client.
        if stream.socket is None or stream.writing() or len(early) == EARLY_BYTES:
            stream.close()
            return
        try:
            sock = stream.socket.dup()
        except OSError as error:
            # No file is left for it, and those who come back find the same.
            logger.error("a socket could not be taken over: %s", error)
            return
        finally:
            stream.close()
        sock.setblocking(False)
        admitted = self._admitted
        protocol = self._protocol(early)
        loop = self.realtime.loop
        # In a context of its own: what comes over the socket from now on is no part of this request.
        adopting = loop.connect_accepted_socket(lambda: protocol, sock)
        task: asyncio.Task[object] = loop.create_task(adopting, context=contextvars.Context())
        self.adopting.add(task)
        task.add_done_callback(functools.partial(self._adopted, admitted))

    def _adopted(self, admitted: Admitted | None, task: "asyncio.Task[object]") -> None:
        self.adopting.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("a socket could not be taken over: %s", error)
        elif not task.cancelled():
            self._tell_opened(admitted)
        if admitted is not None and (error is not None or task.cancelled()):
            self.admission.give_up(admitted)

    def _tell_opened(self, admitted: Admitted | None) -> None:
        if admitted is not None:
            self.realtime.tell_opened(admitted.user_id, self.origin)

    def _protocol(self, early: bytes = b"") -> Connection | Newcomer:
        """Which has the place now."""
        if self._is_newcomer:
            self._is_newcomer = False
            return Newcomer(self.newcomers, self.client_address, early)
        admitted, self._admitted = self._admitted, None
        assert admitted is not None
        user_id, latest, place, expires = admitted
        watched = self._offers or self.realtime.expiry.enforced
        return Connection(self.realtime, user_id, place, latest, early, expires if watched else 0)

    def _offered(self) -> Sequence[str]:
        """The subprotocols that the client offers; none where ours is not among them."""
        offered = self.request.headers.get("Sec-WebSocket-Protocol")
        names = [name.strip() for name in offered.split(",")] if offered else ()
        return names if PROTOCOL in names else ()


def _take_early_bytes(stream: IOStream) -> bytes:
    """What the client sent together with its handshake and Tornado has already read."""
    reading = asyncio.ensure_future(stream.read_bytes(EARLY_BYTES, partial=True))
    reading.add_done_callback(lambda future: future.exception())
    if reading.done() and reading.exception() is None:
        return bytes(reading.result())
    return b""
