"""Sockets that were opened without a token and have to say in their first frame whose they are.

They are few: bounded for each address and in all, and they have ten seconds. Their first frame is
`{"type":"auth","token"}`; then the TCP connection gets a `Connection` for its protocol.
"""

import asyncio
from collections import Counter
from typing import Annotated

import msgspec
from msgspec import Meta
from websockets.frames import Opcode

from regoods.core.errors import RateLimited, ValidationError
from regoods.core.wire import Shape, decode
from regoods.realtime.admission import Admission, Admitted, Refused
from regoods.realtime.closing import GOING_AWAY, TOKEN_REQUIRED, Close
from regoods.realtime.connection import CLOSE_SECONDS, MOST_FRAMES, Connection, Realtime, let_go
from regoods.realtime.events import authenticated_frame
from regoods.realtime.frames import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameError,
    MessageReader,
    close_frame,
    frame,
    parse_close,
)

AUTH_SECONDS = 10.0
"""From the handshake to the first frame."""

MOST = 1_000
MOST_AN_ADDRESS = 20
"""Newcomers at a time. Whoever brings his token with the handshake is none."""

FIRST_FRAME_BYTES = 16 * 1024
"""As much as a handshake's headers may have."""

HELD_BYTES = 64 * 1024
"""What may follow the first frame while it is being looked at."""

UNREAD_BYTES = 64 * 1024
"""Pongs that he leaves unread, beyond the kernel's buffers."""


class FirstFrame(Shape, tag_field="type", tag="auth"):
    token: Annotated[str, Meta(min_length=1)]


_first = msgspec.json.Decoder(FirstFrame)


class Newcomers:
    """Those of one server."""

    def __init__(self, realtime: Realtime, admission: Admission) -> None:
        self.realtime = realtime
        self.admission = admission
        self.here: set[Newcomer] = set()
        self._by_address: Counter[str] = Counter()

    def enter(self, address: str) -> None:
        """One more from there. Raises RateLimited where there are too many, whoever the others are: by a 503
        config/nginx.conf would take this node for one that drains, and spare it calls, too."""
        if self._by_address[address] >= MOST_AN_ADDRESS:
            raise RateLimited(
                "Too many sockets of your address have not sent their token yet.", retry_after=int(AUTH_SECONDS)
            )
        if self._by_address.total() >= MOST:
            raise RateLimited(
                "Too many sockets have not sent their token yet. Bring it with the handshake.",
                retry_after=int(AUTH_SECONDS),
            )
        self._by_address[address] += 1

    def leave(self, address: str) -> None:
        """He has become somebody, or is gone."""
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def stop(self) -> None:
        """Of those who are here; there will be no more."""
        for newcomer in list(self.here):
            newcomer.close(GOING_AWAY)
            newcomer.hang_up()


class Newcomer(asyncio.Protocol):
    """One of them, from the handshake to his first frame."""

    __slots__ = ("_address", "_admitting", "_closing", "_deaf", "_newcomers", "_reader", "_timer", "_transport")

    def __init__(self, newcomers: Newcomers, address: str, early: bytes = b"") -> None:
        self._newcomers = newcomers
        self._address = address
        self._reader = MessageReader(FIRST_FRAME_BYTES)
        self._reader.hold(early)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._admitting: asyncio.Task[None] | None = None
        self._closing = False
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._newcomers.here.add(self)
        self._timer = self._newcomers.realtime.loop.call_later(AUTH_SECONDS, self._refuse)
        self.data_received(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            let_go(self._transport)
            self._leave()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        if self._admitting is not None:
            self._reader.hold(data)
            if self._reader.held > HELD_BYTES:
                self._cut()
            return
        try:
            for opcode, payload in self._reader.feed(data, MOST_FRAMES):
                self._receive(opcode, payload)
                if self._admitting is not None or opcode is CLOSE:
                    return
            if self._reader.has_more:
                # Nobody needs so many frames before his token, and reading them takes all others' time.
                self._newcomers.admission.count(TOKEN_REQUIRED)
                self._fail(TOKEN_REQUIRED)
        except FrameError as error:
            self._fail(error.close)

    def close(self, close: Close) -> None:
        """Begin the closing handshake; may be called twice."""
        if self._closing or self._transport is None:
            return
        self._closing = True
        self._set_timer(CLOSE_SECONDS)
        self._transport.write(close_frame(close))

    def hang_up(self) -> None:
        """Once what is written has left."""
        if self._transport is not None:
            self._transport.close()

    def _receive(self, opcode: Opcode, payload: bytes) -> None:
        assert self._transport is not None
        if opcode is CLOSE:
            parse_close(payload)
            if not self._closing:
                self._transport.write(frame(CLOSE, payload[:2]))
            self._transport.close()
        elif self._closing or opcode is PONG or self._transport.is_closing():
            return
        elif opcode is PING:
            self._transport.write(frame(PONG, payload))
            if self._transport.get_write_buffer_size() > UNREAD_BYTES:
                self._cut()
        else:
            self._hear(opcode, payload)

    def _hear(self, opcode: Opcode, payload: bytes) -> None:
        try:
            first = decode(payload, _first) if opcode is TEXT else None
        except ValidationError:
            first = None
        if first is None:
            self._refuse()
            return
        self._set_timer(None)
        self._admitting = asyncio.ensure_future(self._admit(first.token))

    async def _admit(self, token: str) -> None:
        admission = self._newcomers.admission
        try:
            admitted = await admission.admit_by_frame(token)
        except Refused as refused:
            self._admitting = None
            self.close(refused.close)
            return
        if self._transport is None or self._closing:
            admission.give_up(admitted)
        else:
            self._become(admitted, self._transport)

    def _become(self, admitted: Admitted, transport: asyncio.Transport) -> None:
        self._leave()
        realtime = self._newcomers.realtime
        user_id, latest, place, expires = admitted
        connection = Connection(realtime, user_id, place, latest, self._reader.rest(), expires)
        transport.set_protocol(connection)
        connection.connection_made(transport)
        realtime.tell_opened(user_id, None)
        connection.push(authenticated_frame(expires))

    def _refuse(self) -> None:
        self._newcomers.admission.count(TOKEN_REQUIRED)
        self.close(TOKEN_REQUIRED)

    def _fail(self, close: Close) -> None:
        """RFC 6455, 7.1.7. Half-closed and read to its end: a reset could overtake the close frame."""
        self.close(close)
        self._deaf = True
        if self._transport is not None:
            self._transport.write_eof()

    def _leave(self) -> None:
        self._set_timer(None)
        self._transport = None
        self._newcomers.here.discard(self)
        self._newcomers.leave(self._address)

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self._newcomers.realtime.loop.call_later(seconds, self._cut)

    def _cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()
