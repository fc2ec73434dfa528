"""Where a unit of work came from: the request that asked for it, so that all that follows can be told together."""

import itertools
import re
import secrets
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING

from regoods.core import tracing

if TYPE_CHECKING:
    from opentelemetry.trace import Span

REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,64}")
"""What is believed of a client's `X-Request-Id`. No token is so short, so none gets into a log this way."""

_process = secrets.token_hex(4)
_count = itertools.count(1)


class Origin:
    """One request: its id, when it came by the monotonic clock, and who made it."""

    __slots__ = ("arrived", "request_id", "span", "user_id")

    def __init__(self, given_id: str | None = None) -> None:
        """`given_id`: the client's or a proxy's, where there is one; kept if it is one."""
        self.arrived = time.monotonic()
        if given_id is None or not REQUEST_ID.fullmatch(given_id):
            given_id = f"{_process}-{next(_count):x}"
        self.request_id = given_id
        self.user_id = 0
        """By his token, once it is read."""
        self.span: Span | None = None
        """Where the request is traced."""

    def encode(self) -> bytes:
        """For other nodes, three words: when it came, in seconds of Unix time, its id, and who made it; where it is
        traced, a fourth."""
        arrived = time.time() - time.monotonic() + self.arrived
        words = b"%.4f %s %d" % (arrived, self.request_id.encode(), self.user_id)
        if self.span is not None and tracing.tracer is not None:
            words += b" " + tracing.tracer.encode(self.span)
        return words

    @classmethod
    def decode(cls, arrived: bytes, request_id: bytes, user_id: bytes, span: bytes = b"") -> "Origin":
        """What `encode` wrote on another node. One whose clock is ahead of ours cannot make it come after now."""
        origin = cls.__new__(cls)
        origin.arrived = time.monotonic() - max(0.0, time.time() - float(arrived))
        origin.request_id = request_id.decode()
        origin.user_id = int(user_id)
        origin.span = tracing.tracer.decode(span) if span and tracing.tracer is not None else None
        return origin


current: ContextVar[Origin | None] = ContextVar("origin", default=None)
"""Of the request that this task answers; None in what the server does of itself."""
