"""RFC 6455 frames on the server's side: ready frames out, whole messages in.

The parsing of a frame is the `websockets` library's; what is ours is the assembling of messages and their bounds.
"""

from collections.abc import Iterator
from typing import NamedTuple

from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.frames import Close as CloseFrame
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from regoods.realtime.closing import INVALID_DATA, NO_STATUS, PROTOCOL_ERROR, TOO_BIG, Close

MAX_FRAGMENTS = 4096
"""Frames a message may come in: empty fragments cost time and count nothing against its size."""

TEXT, BINARY, PING, PONG, CLOSE = Opcode.TEXT, Opcode.BINARY, Opcode.PING, Opcode.PONG, Opcode.CLOSE


class Received(NamedTuple):
    """A whole message or a control frame."""

    opcode: Opcode
    payload: bytes


class FrameError(Exception):
    """What the peer sent breaks the protocol or a bound; the connection ends with `close`."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close


def frame(opcode: Opcode, payload: bytes) -> bytes:
    """A frame as the server sends it: unmasked, final."""
    return Frame(opcode, payload).serialize(mask=False)


def text_frame(payload: bytes) -> bytes:
    return frame(TEXT, payload)


def close_frame(close: Close) -> bytes:
    return frame(CLOSE, CloseFrame(close.code, close.reason).serialize())


PING_FRAME = frame(PING, b"")


def parse_close(payload: bytes) -> int:
    """The code of a close frame, 1005 where it carries none. Raises FrameError for one that must not be sent."""
    try:
        code = CloseFrame.parse(payload).code
    except UnicodeDecodeError:
        raise FrameError(INVALID_DATA) from None
    except ProtocolError:
        raise FrameError(PROTOCOL_ERROR) from None
    return int(code) if payload else NO_STATUS


class MessageReader:
    """Turns bytes into messages. Exists only while an unfinished message is there (`idle` tells)."""

    __slots__ = ("_fragments", "_opcode", "_parsing", "_parts", "_size", "_stream", "max_size")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self._stream = StreamReader()
        self._parsing: Iterator[None] | None = None
        self._opcode: Opcode | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._fragments = 0

    @property
    def idle(self) -> bool:
        """Whether nothing is held back: the next byte begins a new message."""
        return self._parsing is None and self._opcode is None and not self._stream.buffer

    @property
    def has_more(self) -> bool:
        """Whether `feed` has left something that could be read now."""
        return self._parsing is None and bool(self._stream.buffer)

    def hold(self, data: bytes) -> None:
        """Keep bytes for the next `feed`."""
        self._stream.feed_data(data)

    @property
    def held(self) -> int:
        """Bytes that wait for the next `feed`."""
        return len(self._stream.buffer)

    def rest(self) -> bytes:
        """What follows the last message; for another reader."""
        return bytes(self._stream.buffer)

    def feed(self, data: bytes, most_frames: int) -> Iterator[Received]:
        """Messages and control frames, as they are complete, out of so many frames at most. Raises FrameError."""
        self._stream.feed_data(data)
        frames = 0
        while (self._parsing is not None or self._stream.buffer) and frames < most_frames:
            if self._parsing is None:
                self._parsing = Frame.parse(self._stream.read_exact, mask=True, max_size=self.max_size)
            try:
                next(self._parsing)
            except StopIteration as done:
                self._parsing = None
                frames += 1
                received = self._assemble(done.value)
                if received is not None:
                    yield received
            except PayloadTooBig:
                raise FrameError(TOO_BIG) from None
            except ProtocolError:
                raise FrameError(PROTOCOL_ERROR) from None
            else:
                return

    def _assemble(self, part: Frame) -> Received | None:
        if part.opcode in (PING, PONG, CLOSE):
            return Received(part.opcode, bytes(part.data))
        if (part.opcode is Opcode.CONT) != (self._opcode is not None):
            raise FrameError(PROTOCOL_ERROR)
        if part.fin and self._opcode is None:
            return _checked(part.opcode, bytes(part.data))
        if self._opcode is None:
            self._opcode = part.opcode
        self._size += len(part.data)
        self._fragments += 1
        if self._size > self.max_size or self._fragments > MAX_FRAGMENTS:
            raise FrameError(TOO_BIG)
        self._parts.append(bytes(part.data))
        if not part.fin:
            return None
        message = _checked(self._opcode, b"".join(self._parts))
        self._opcode, self._parts, self._size, self._fragments = None, [], 0, 0
        return message


def _checked(opcode: Opcode, payload: bytes) -> Received:
    if opcode is TEXT:
        try:
            payload.decode()
        except UnicodeDecodeError:
            raise FrameError(INVALID_DATA) from None
    return Received(opcode, payload)
