"""A transport over Tornado's TLS stream, for a server that ends TLS itself.

A TLS stream cannot be duplicated and handed over, so Tornado's handler stays (17 KB and more a socket) and its stream
is dressed as what a `Connection` expects. In production a proxy ends TLS and this is not used.
"""

import asyncio

from tornado.iostream import IOStream, StreamClosedError

from regoods.realtime.connection import Connection
from regoods.realtime.newcomers import Newcomer

READ_BYTES = 65_536


class StreamTransport(asyncio.Transport):
    """Writes go to the stream, with the flow control of asyncio's own transports."""

    def __init__(self, stream: IOStream, connection: Connection | Newcomer) -> None:
        super().__init__()
        self._stream = stream
        self._connection: asyncio.Protocol = connection
        self._unsent = 0
        self._high = READ_BYTES
        self._paused = False
        self._ending = False
        self._may_read = asyncio.Event()
        self._may_read.set()

    async def run(self) -> None:
        """Feed the connection until the stream ends."""
        self._connection.connection_made(self)
        try:
            while True:
                data = await self._stream.read_bytes(READ_BYTES, partial=True)
                # Looked up only now: a newcomer may have become somebody meanwhile.
                self._connection.data_received(data)
                await self._may_read.wait()
        except StreamClosedError:
            pass
        finally:
            self._connection.connection_lost(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._connection = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = READ_BYTES if high is None else high

    def get_write_buffer_size(self) -> int:
        return self._unsent

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._stream.closed() or self._ending:
            return
        size = len(data)
        self._unsent += size
        sent = asyncio.ensure_future(self._stream.write(bytes(data)))
        sent.add_done_callback(lambda future: self._sent(future, size))
        if self._unsent > self._high and not self._paused:
            self._paused = True
            self._connection.pause_writing()

    def _sent(self, future: asyncio.Future[None], size: int) -> None:
        # Read, so that a stream closed meanwhile is not reported as an error nobody took.
        closed = future.cancelled() or future.exception() is not None
        self._unsent -= size
        if self._paused and not closed and self._unsent <= self._high // 4:
            self._paused = False
            self._connection.resume_writing()
        if self._ending and not self._unsent:
            self._stream.close()

    def pause_reading(self) -> None:
        self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()

    def write_eof(self) -> None:
        """TLS has no half-close: as `close`."""
        self.close()

    def close(self) -> None:
        """Close once what is written has left."""
        self._ending = True
        if not self._unsent:
            self._stream.close()

    def abort(self) -> None:
        self._stream.close()

    def is_closing(self) -> bool:
        return self._ending or self._stream.closed()
