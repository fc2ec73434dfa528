"""Commits that broke off: the connection to a database server was lost before it said whether they were done.

Who wrote is told 503, for nothing is known yet. Afterwards the log says: an event that is there was committed, and its
readers are to hear of it, for no later event may tell them that they missed it.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from regoods.core.errors import ServiceUnavailable
from regoods.core.outbox import Publication

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.5

GIVE_UP_SECONDS = 60.0
"""A server that still answers others has ended a transaction by then whose client is gone."""

LOOKED_AT_ONCE = 200
MOST = 2_000
"""Beyond it the oldest are given up: their readers find them when they next come back, or ask."""


class InDoubt(ServiceUnavailable):
    """What was asked for may have been done, or not."""

    def __init__(self, outcome: "asyncio.Future[Any]") -> None:
        super().__init__()
        self.outcome = outcome
        """What would have been answered, once the log shows that it was done; cancelled where it does not."""


class _Doubt:
    __slots__ = ("outcome", "publications", "result", "until")

    def __init__(self, publications: Sequence[Publication], result: Any, outcome: "asyncio.Future[Any]") -> None:
        self.publications = publications
        self.result = result
        self.outcome = outcome
        self.until: float | None = None
        """When it is given up; counted from the first look that the database answered."""


class Doubts:
    """Of one server, on the loop's thread. `find` says which of some publications are in the log; `tell` pushes one."""

    def __init__(
        self,
        find: Callable[[Sequence[Publication]], Awaitable[Sequence[bool]]],
        tell: Callable[[Publication], None],
    ) -> None:
        self._find = find
        self._tell = tell
        self._waiting: deque[_Doubt] = deque(maxlen=MOST)
        self._looking: asyncio.Task[None] | None = None

    def add(self, publications: Sequence[Publication], result: Any) -> "asyncio.Future[Any]":
        """One write's publications, with their numbers, and what it would have answered; as `InDoubt.outcome`."""
        outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Doubt(publications, result, outcome))
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())
        return outcome

    def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            some = [self._waiting.popleft() for _ in range(min(LOOKED_AT_ONCE, len(self._waiting)))]
            try:
                # All of a write is there, or nothing of it.
                found = await self._find([doubt.publications[0] for doubt in some])
            except ServiceUnavailable:
                self._waiting.extendleft(reversed(some))
                continue
            except Exception:
                logger.exception("looking for what became of a broken commit failed")
                continue
            for doubt, there in zip(some, found, strict=True):
                self._conclude(doubt, there=there)

    def _conclude(self, doubt: _Doubt, *, there: bool) -> None:
        if there:
            for publication in doubt.publications:
                self._tell(publication)
            if not doubt.outcome.done():
                doubt.outcome.set_result(doubt.result)
            return
        doubt.outcome.cancel()
        now = time.monotonic()
        doubt.until = doubt.until or now + GIVE_UP_SECONDS
        if now < doubt.until:
            self._waiting.append(doubt)
