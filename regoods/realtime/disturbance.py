"""The way of one user's events while it is disturbed: some are dropped, doubled, overtaken, or late."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from regoods.core.faults import Disturbance, Tally
from regoods.realtime.connection import Connection

OVERTAKEN_SECONDS = 2.0
"""An event that is to be overtaken, and that none follows, comes so late."""

Write = Callable[[Sequence[Connection], bytes], None]
Pushed = tuple[Sequence[Connection], bytes]
"""A ready frame, and the sockets that were open when it was pushed."""


class DisturbedWay:
    """On the loop's thread. `write` is what else would have been done with an event at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, disturbance: Disturbance, write: Write) -> None:
        self.disturbance = disturbance
        self._loop = loop
        self._write = write
        self._events = self._dropped = self._duplicated = self._reordered = 0
        self._overtaken: list[Pushed] = []
        self._late: deque[tuple[float, Pushed]] = deque()
        self._overtaken_timer: asyncio.TimerHandle | None = None
        self._late_timer: asyncio.TimerHandle | None = None

    @property
    def tally(self) -> Tally:
        held = len(self._late) + len(self._overtaken)
        return Tally(self._events, self._dropped, self._duplicated, self._reordered, held)

    def take(self, connections: Sequence[Connection], ready: bytes) -> None:
        drop_every, duplicate_every, reorder_every, _ = self.disturbance
        self._events += 1
        if _is_nth(self._events, drop_every):
            self._dropped += 1
            return
        left = self._events - self._dropped
        pushed: list[Pushed] = [(connections, ready)]
        if _is_nth(left, duplicate_every):
            self._duplicated += 1
            pushed *= 2
        if self._overtaken:
            self._send(pushed)
            self._send_overtaken()
        elif _is_nth(left, reorder_every):
            self._reordered += 1
            self._overtaken = pushed
            self._overtaken_timer = self._loop.call_later(OVERTAKEN_SECONDS, self._send_overtaken)
        else:
            self._send(pushed)

    def end(self) -> None:
        """What is held is written now."""
        for timer in (self._overtaken_timer, self._late_timer):
            if timer is not None:
                timer.cancel()
        for pushed in (*(pushed for _, pushed in self._late), *self._overtaken):
            self._write(*pushed)
        self._late.clear()
        self._overtaken = []

    def _send_overtaken(self) -> None:
        if self._overtaken_timer is not None:
            self._overtaken_timer.cancel()
        overtaken, self._overtaken = self._overtaken, []
        self._send(overtaken)

    def _send(self, several: Sequence[Pushed]) -> None:
        if not self.disturbance.delay_ms:
            for pushed in several:
                self._write(*pushed)
            return
        due = self._loop.time() + self.disturbance.delay_ms / 1000
        self._late.extend((due, pushed) for pushed in several)
        if self._late_timer is None:
            self._late_timer = self._loop.call_at(due, self._send_late)

    def _send_late(self) -> None:
        """Timers of the same moment come in no order, so there is one for all."""
        self._late_timer = None
        while self._late and self._late[0][0] <= self._loop.time():
            self._write(*self._late.popleft()[1])
        if self._late:
            self._late_timer = self._loop.call_at(self._late[0][0], self._send_late)


def _is_nth(number: int, every: int) -> bool:
    return every > 0 and number % every == 0
