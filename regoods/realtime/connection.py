"""An open socket after its handshake: a slotted asyncio protocol, under 2 KB with its transport.

Everything that is written goes through `push` or is a control frame of the protocol itself. A slow reader is
closed, never waited for.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from websockets.frames import Opcode

from regoods.core import log
from regoods.core.metrics import Metrics
from regoods.core.origin import Origin
from regoods.realtime.closing import ABNORMAL, GOING_AWAY, IDLE, NO_PONG, NORMAL, TOO_SLOW, Close, label
from regoods.realtime.events import connected_frame, going_away_frame
from regoods.realtime.frames import (
    CLOSE,
    PING,
    PING_FRAME,
    PONG,
    FrameError,
    MessageReader,
    close_frame,
    frame,
    parse_close,
)
from regoods.realtime.numbers import Numbers
from regoods.realtime.registry import ConnectionRegistry

CLOSE_SECONDS = 5.0
"""How long the peer has to answer a close frame and to read what is left, before the transport is cut."""

SLOW_BYTES = 64 * 1024
SLOW_SECONDS = 5.0
"""A peer with more than SLOW_BYTES unread (beyond the kernel's buffers) for so long is too slow."""

MOST_FRAMES = 64
"""Frames of one socket that are read in a turn of the loop, under a ms. What the kernel hands over at once, 256 KB, may
be 43,000 empty ones: half a second in which nobody else would be served."""

RESTART_MS = 1000
"""A server that is restarted is back about then."""

RETURNS_PER_SECOND = 1000
"""Sockets that come back: a fresh server shakes 1,600 hands a second on one core, and has calls to answer meanwhile."""

BUFFER_BYTES = 1024 * 1024
"""Unread bytes at which a peer is too slow at once: what bounds the process's memory."""

NO_NOTES: dict[str, object] = {}
"""Shared by all sockets and never written to."""


class Holder(Protocol):
    """Knows which places are held, here or on all nodes (`places.py`)."""

    def keep(self, user_id: int, place: int, *, first: bool) -> None: ...

    def release(self, user_id: int, place: int, *, last: bool) -> None: ...


class Watcher(Protocol):
    """Knows which sockets are to be told of their tokens' end (`expiry.py`)."""

    enforced: bool

    def watch(self, connection: "Connection") -> None: ...

    def forget(self, connection: "Connection") -> None: ...


class Realtime:
    """What all sockets of one server share. Times in seconds."""

    __slots__ = (
        "_gone",
        "_open",
        "_stopping",
        "expiry",
        "heartbeat_seconds",
        "idle_seconds",
        "loop",
        "max_message_size",
        "metrics",
        "numbers",
        "places",
        "receive",
        "registry",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        registry: ConnectionRegistry["Connection"],
        metrics: Metrics,
        *,
        max_message_size: int,
        heartbeat_seconds: float,
        idle_seconds: float,
        receive: Callable[["Connection", Opcode, bytes], None],
        numbers: Numbers,
        places: Holder,
        expiry: Watcher,
    ) -> None:
        self.loop = loop
        self.registry = registry
        self.metrics = metrics
        self.max_message_size = max_message_size
        self.heartbeat_seconds = heartbeat_seconds
        self.idle_seconds = idle_seconds
        """0: sockets may be silent for ever."""
        self.receive = receive
        """What becomes of a whole text or binary message."""
        self.numbers = numbers
        self.places = places
        self.expiry = expiry
        self._open = 0
        self._stopping = False
        self._gone = asyncio.Event()
        self._gone.set()

    def tell_opened(self, user_id: int, origin: Origin | None) -> None:
        """The log's line of a socket that has just been handed over."""
        request = {} if origin is None else {"requestId": origin.request_id}
        log.event.info("socket_opened", userId=user_id, **request)

    def admits(self, connection: "Connection") -> Close | None:
        """Why a socket that has just been taken over must go again, if it must."""
        self._open += 1
        self._gone.clear()
        self.metrics.opened()
        if self._stopping:
            return GOING_AWAY
        self.places.keep(connection.user_id, connection.place, first=self.registry.add(connection))
        if connection.expires:
            self.expiry.watch(connection)
        return None

    def lets_go(self, connection: "Connection") -> None:
        """Nothing is sent to it any more; may be called twice."""
        if connection not in self.registry.of(connection.user_id):
            return
        last = self.registry.remove(connection)
        if connection.due:
            self.expiry.forget(connection)
        if last:
            self.numbers.left(connection.user_id)
        if not self._stopping:
            self.places.release(connection.user_id, connection.place, last=last)

    def lost(self, connection: "Connection", close: Close) -> None:
        self.lets_go(connection)
        self.metrics.closed(label(close))
        seconds = round(self.loop.time() - connection.opened_at, 1)
        log.event.info("socket_closed", userId=connection.user_id, code=close.code, seconds=seconds)
        self._open -= 1
        if not self._open:
            self._gone.set()

    async def stop(self, seconds: float) -> None:
        """Tell every socket its time to come back, close it with 1001 and wait, at most so long, until all are gone."""
        self._stopping = True
        for number, connection in enumerate(self.registry):
            connection.push(going_away_frame(RESTART_MS + number * 1000 // RETURNS_PER_SECOND))
            connection.close(GOING_AWAY)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._gone.wait(), seconds)


class Connection(asyncio.Protocol):
    """One socket of one user, from its registration to its end."""

    __slots__ = (
        "_closing",
        "_deaf",
        "_latest",
        "_reader",
        "_realtime",
        "_timer",
        "_transport",
        "_waiter",
        "due",
        "expires",
        "heard_at",
        "opened_at",
        "pinged_at",
        "place",
        "slice_index",
        "user_id",
    )

    def __init__(
        self,
        realtime: Realtime,
        user_id: int,
        place: int,
        latest: int | None,
        early: bytes = b"",
        expires: float = 0,
    ) -> None:
        """`place`: which he has taken. `latest`: the newest number in the user's log, where there is one. `early`: what
        came with the handshake. `expires`: its token's end, in seconds of Unix time; 0 where that is nothing to it."""
        self.user_id = user_id
        self.place = place
        self._latest = latest
        self.slice_index = 0
        self.expires = expires
        self.due = 0
        self.heard_at = self.opened_at = realtime.loop.time()
        self.pinged_at = 0.0
        self._realtime = realtime
        self._transport: asyncio.Transport | None = None
        self._reader: MessageReader | None = None
        self._closing: Close | None = None
        self._deaf = False
        # Either "too slow", while the peer leaves too much unread, or the end of waiting for a closing handshake.
        self._timer: asyncio.TimerHandle | None = None
        self._waiter: asyncio.Future[None] | None = None
        if early:
            self._reader = MessageReader(realtime.max_message_size)
            self._reader.hold(early)

    @property
    def is_open(self) -> bool:
        """Registered, and not closing."""
        return self._closing is None and self._transport is not None

    @property
    def transport(self) -> asyncio.Transport | None:
        """The TCP connection, while it is here: for faults made on purpose."""
        return self._transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        realtime = self._realtime
        self._transport = transport
        lighten(transport)
        transport.set_write_buffer_limits(high=SLOW_BYTES)
        refusal = realtime.admits(self)
        if refusal is not None:
            self.close(refusal)
            return
        if self._latest is not None:
            self._latest = realtime.numbers.joined(self.user_id, self._latest)
        self.push(connected_frame(self.user_id, self._latest))
        self._latest = None
        if self._reader is not None:
            self.data_received(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._realtime.lost(self, self._closing or ABNORMAL)
        self._closing = self._closing or NORMAL
        if self._transport is not None:
            let_go(self._transport)
        self._transport = None
        self._reader = None
        self._set_timer(None)
        self._wake()

    def push(self, ready: bytes) -> None:
        """Write a ready frame; nothing once the socket is closing."""
        if self._closing is not None or self._transport is None:
            return
        self._transport.write(ready)
        if self._timer is not None and self._transport.get_write_buffer_size() > BUFFER_BYTES:
            self.close(TOO_SLOW)

    def close(self, close: Close) -> None:
        """Take the socket out of the registry at once and begin the closing handshake; may be called twice."""
        if self._closing is not None or self._transport is None:
            return
        self._begin_closing(close)
        self._transport.write(close_frame(close))

    def beat(self, now: float) -> None:
        """One heartbeat: ping, or close a peer that did not answer the last ping or has been silent too long."""
        realtime = self._realtime
        # A visit may come a little before a whole interval is over.
        due = now - self.pinged_at >= 0.9 * realtime.heartbeat_seconds
        if due and self.pinged_at > self.heard_at:
            self.close(NO_PONG)
        elif realtime.idle_seconds and now - self.heard_at >= realtime.idle_seconds:
            self.close(IDLE)
        elif due:
            self.pinged_at = now
            self.push(PING_FRAME)

    def probe(self) -> asyncio.Future[None]:
        """Ping now; the future is done when the peer is heard or gone."""
        if self._waiter is None or self._waiter.done():
            self._waiter = self._realtime.loop.create_future()
            self.push(PING_FRAME)
        return self._waiter

    def data_received(self, data: bytes) -> None:
        self.heard_at = self._realtime.loop.time()
        self._wake()
        if self._deaf:
            return
        reader = self._reader or MessageReader(self._realtime.max_message_size)
        self._read(reader, data)

    def _read(self, reader: MessageReader, data: bytes) -> None:
        """MOST_FRAMES at most now, the rest in turn with all else that the loop has to do."""
        try:
            for opcode, payload in reader.feed(data, MOST_FRAMES):
                self._receive(opcode, payload)
                if opcode is CLOSE:
                    return
        except FrameError as error:
            self._fail(error.close)
            return
        self._reader = None if reader.idle else reader
        if reader.has_more and self._transport is not None:
            self._transport.pause_reading()
            self._realtime.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        if self._transport is None:
            return
        self._transport.resume_reading()
        if self._reader is not None and not self._deaf:
            self._read(self._reader, b"")

    def pause_writing(self) -> None:
        if self._closing is None:
            self._set_timer(self._realtime.loop.call_later(SLOW_SECONDS, self.close, TOO_SLOW))

    def resume_writing(self) -> None:
        if self._closing is None:
            self._set_timer(None)

    def _receive(self, opcode: Opcode, payload: bytes) -> None:
        if opcode is PONG:
            return
        if opcode is PING:
            self.push(frame(PONG, payload))
        elif opcode is CLOSE:
            self._answer_close(payload)
        elif self._closing is None:
            self._realtime.receive(self, opcode, payload)

    def _answer_close(self, payload: bytes) -> None:
        code = parse_close(payload)
        self._deaf = True
        if self._transport is None:
            return
        if self._closing is None:
            self._begin_closing(Close(code, "", True))
            # RFC 6455, 5.5.1: answer with the code received; one without a code is answered without.
            self._transport.write(frame(CLOSE, payload[:2]))
        self._transport.close()

    def _fail(self, close: Close) -> None:
        """RFC 6455, 7.1.7. Half-closed and read to its end: a reset could overtake the close frame."""
        self.close(close)
        self._deaf = True
        self._reader = None
        if self._transport is not None:
            self._transport.write_eof()

    def _begin_closing(self, close: Close) -> None:
        self._realtime.lets_go(self)
        self._closing = close
        self._set_timer(self._realtime.loop.call_later(CLOSE_SECONDS, self._cut))

    def _set_timer(self, timer: asyncio.TimerHandle | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    def _cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _wake(self) -> None:
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
            self._waiter = None


def lighten(transport: asyncio.Transport) -> None:
    """Of what asyncio notes of each for `get_extra_info`: both addresses and a second socket object, in a dictionary.

    It is a quarter of an idle socket, and nobody asks.
    """
    transport._extra = NO_NOTES  # type: ignore[attr-defined]


def let_go(transport: asyncio.Transport) -> None:
    """Of one that is closed.

    asyncio's transport holds a bound method of itself. Left so, the garbage of 10,000 closed sockets, 20 MB, would wait
    for a full collection, which stops the loop for a tenth of a second.
    """
    transport._read_ready_cb = None  # type: ignore[attr-defined]
