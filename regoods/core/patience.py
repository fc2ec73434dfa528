"""How long a client may take: connections that are silent, headers and bodies that trickle in, requests in flight.

Tornado's own time-outs set two timers a request, 14 % of a send's time. One sweep every few seconds over all
connections does the same.
"""

import asyncio
import contextlib
import time
from typing import Protocol

IDLE_SECONDS = 65
"""Between two requests, or for a request's headers; longer than the 60 s a proxy keeps a connection."""

GRACE_SECONDS = 0.5
"""While draining, from a connection that is new or was answered a moment ago the next request is on its way."""

READ_TURNS = 8
"""Turns of the loop that a request takes, at most, from the kernel to its handler: with nothing else to do, five."""

BODY_SECONDS = 30
"""For a request's body, where its handler does not give it more."""


DROP_SECONDS = 0.001
"""After each piece of a body that nobody wants, whoever sends it: so a flood of them is read at some 60 MB/s."""


class Stream(Protocol):
    """A TCP connection."""

    def closed(self) -> bool: ...

    def writing(self) -> bool:
        """Whether an answer is still on its way."""
        ...

    def close(self) -> None: ...


class Request(Protocol):
    """A request being read or answered."""

    @property
    def stream(self) -> Stream | None: ...

    @property
    def reading(self) -> bool:
        """Whether its body has not come yet."""
        ...

    @property
    def body_seconds(self) -> float | None:
        """How long its body may take; None: BODY_SECONDS."""
        ...


class Patience:
    """Knows each HTTP connection of a server and what it is waiting for."""

    def __init__(self) -> None:
        self._silent: dict[Stream, float] = {}
        self._requests: dict[Request, float] = {}
        self._nothing = asyncio.Event()
        self._nothing.set()
        self._dropping = asyncio.Lock()
        self.draining = False

    def accepted(self, stream: Stream) -> None:
        self._silent[stream] = time.monotonic()

    def forget(self, stream: Stream) -> None:
        """The connection has become a WebSocket, which has a heartbeat of its own."""
        self._silent.pop(stream, None)

    def begin(self, request: Request) -> None:
        if request.stream is not None:
            self._silent.pop(request.stream, None)
        self._requests[request] = time.monotonic()
        self._nothing.clear()

    def end(self, request: Request) -> None:
        """Answered, or given up by its client; may be called twice."""
        if self._requests.pop(request, None) is not None and request.stream is not None:
            self._silent[request.stream] = time.monotonic()
        if not self._requests:
            self._nothing.set()

    async def drop(self) -> None:
        """Wait for one's turn to drop a piece (64 KB at most). The loop is everybody's, and reading takes its time."""
        async with self._dropping:
            await asyncio.sleep(DROP_SECONDS)

    def sweep(self) -> None:
        """Close the connections that took too long, and forget those that are closed."""
        now = time.monotonic()
        for stream, since in list(self._silent.items()):
            if stream.closed() or since + IDLE_SECONDS < now:
                del self._silent[stream]
                stream.close()
        for request, since in list(self._requests.items()):
            seconds = BODY_SECONDS if request.body_seconds is None else request.body_seconds
            if request.reading and since + seconds < now and request.stream is not None:
                request.stream.close()

    async def drained(self, seconds: float) -> None:
        """Tell clients to come back on another connection, and wait at most so long for those being answered.

        Then the silent connections are closed: afterwards nobody's request is refused because the writer has ended.
        """
        self.draining = True
        deadline = time.monotonic() + seconds
        # Requests that the kernel has already are seen, whatever keeps the loop busy.
        for _ in range(READ_TURNS):
            await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            while (left := deadline - time.monotonic()) > 0 and (self._requests or self._lively()):
                await asyncio.wait_for(self._nothing.wait(), left)
                if not self._requests:
                    await asyncio.sleep(0.01)
        for stream in list(self._silent):
            if not stream.writing():
                stream.close()

    def _lively(self) -> bool:
        """Whether somebody is being answered still, or may be about to ask."""
        recent = time.monotonic() - GRACE_SECONDS
        return any(
            (since > recent or stream.writing()) and not stream.closed() for stream, since in self._silent.items()
        )
