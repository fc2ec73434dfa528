"""Requests of which two servers may read different things are refused, before anything is made of them.

Where a proxy and this server see the end of a request at different places, the rest of one client's request is read as
the beginning of another's (RFC 9112, section 11.2). Tornado 6.6.1 itself refuses unequal Content-Lengths,
Content-Length beside Transfer-Encoding, codings other than chunked, chunks with extensions or odd sizes, trailers,
folded lines, control characters and several Hosts. It lets through what is refused here.
"""

import re
from asyncio import Future
from collections.abc import Awaitable, Callable

from tornado.httputil import HTTPInputError
from tornado.iostream import IOStream, SSLIOStream

TORNADO_REFUSES = b"HTTP/1.1 400 Bad Request\r\n\r\n"
"""All it says of a request that it cannot read, before it closes."""


MOST_LINES = 200
"""Tornado takes 2 µs for each header: 16 KB of the shortest would be 6 ms."""

END_OF_HEAD = rb"\n\r?\n"
"""In place of Tornado's, which begins with an optional CR and ends at the same places. What begins with one certain
character is sought quickly: 64 KB without an end take 0.08 ms and not 0.5, in which nobody else is served."""

_length_or_coding = re.compile(rb"\n(content-length|transfer-encoding):([^\r]*)", re.IGNORECASE)


def check_head(head: bytes) -> None:
    """Of a request as it came, up to its empty line; some 2 µs. Raises HTTPInputError."""
    lines = head.splitlines()
    if len(lines) != len(head.split(b"\r\n")) - 1:
        raise HTTPInputError("a line ends in something else than CRLF")
    if len(lines) > MOST_LINES:
        raise HTTPInputError("too many headers")
    found = _length_or_coding.findall(head)
    if not found:
        return
    ((name, value), *more) = found
    if more or b"," in value:
        raise HTTPInputError("more than one Content-Length or Transfer-Encoding")
    if name[:1] in b"tT" and head.lstrip().partition(b"\r")[0].endswith(b" HTTP/1.0"):
        raise HTTPInputError("Transfer-Encoding in HTTP/1.0")


async def _checked(reading: Awaitable[bytes]) -> bytes:
    head = await reading
    check_head(head)
    return head


class StrictStream(IOStream):
    """An HTTP connection whose requests are checked; adds no state to the class it stands for."""

    refusal: Callable[[], bytes]
    """Makes what is said instead of that."""

    def read_until_regex(self, regex: bytes, max_bytes: int | None = None) -> Awaitable[bytes]:
        # Tornado reads nothing by a regex but the head of a request.
        return _checked(super().read_until_regex(END_OF_HEAD, max_bytes))

    def write(self, data: bytes | memoryview) -> "Future[None]":
        return super().write(self.refusal() if data == TORNADO_REFUSES else data)

    def set_nodelay(self, value: bool) -> None:
        """Nothing: it is on. Tornado turns it on and off for each answer, which is a single write here."""


class StrictTlsStream(StrictStream, SSLIOStream):
    pass


def make_strict(stream: IOStream, refusal: Callable[[], bytes]) -> None:
    """Check what comes on a connection that has just been accepted.

    Tornado's server makes the stream itself, names its class nowhere, and has begun with it when it hands it over (the
    handshake of TLS): so the stream becomes another class's.
    """
    stream.__class__ = StrictTlsStream if isinstance(stream, SSLIOStream) else StrictStream
    stream.refusal = refusal  # type: ignore[attr-defined]
    IOStream.set_nodelay(stream, True)
