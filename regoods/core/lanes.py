"""Threads that run waiting units of work in batches, each batch in one transaction.

What arrives while a batch is under way waits for the next. A batch of writes costs one fsync, whatever its size; a
batch of reads one snapshot. At low load a batch is one unit and waits for nothing.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from regoods.core import tracing
from regoods.core.batches import Unit, Worker, take_back
from regoods.core.database import Database, Session
from regoods.core.metrics import LaneMetrics

MOST_WAIT_SECONDS = 1.0
"""What a lane takes from clients: as much as it does in so long. Who comes then waits longer for his turn than it is
worth, and everyone behind him, too."""

FIRST_GUESS = 16
"""Full batches that a lane is thought to do in that time before it has done any."""

LEAST_ROOM = 8


class Lane:
    """Queues of units and the threads, with a connection each, that run them.

    `seal` does what a batch of writes needs last, in its transaction. `is_done` says, in another, whether a batch was
    committed whose commit broke off; None where that cannot be told. `settle` gets each finished batch on the loop's
    thread: after its commit, with result or error in every unit.
    Writers have a queue each, so that what one user does is done, and told, in his order; readers share one.
    """

    def __init__(
        self,
        database: Database,
        *,
        writes: bool,
        threads: int,
        batch_limit: int,
        metrics: LaneMetrics,
        settle: Callable[[Sequence[Unit]], None],
        seal: Callable[[Session, Sequence[Unit]], None] | None = None,
        is_done: Callable[[Session, Sequence[Unit]], bool | None] | None = None,
    ) -> None:
        self._database = database
        self._writes = writes
        self._seal = seal
        self._is_done = is_done
        self._batch_limit = batch_limit
        self._metrics = metrics
        self._settle = settle
        self._stopping = False
        # A batch of fewer says little of the pace: most of its time is the commit's.
        self._telling = max(1, batch_limit // 4)
        # So many are taken in any case, or batches would stay too small to tell that the pace is good again.
        self._least_room = max(LEAST_ROOM, batch_limit * threads)
        self.waiting = 0
        """Units that are not settled yet."""
        self.room = max(self._least_room, FIRST_GUESS * batch_limit)
        """Units done in MOST_WAIT_SECONDS, by the pace of the last batches."""
        self._queues = [_Queue(batch_limit) for _ in range(threads if writes else 1)]
        name = "writer" if writes else "reader"
        self._threads = [
            threading.Thread(target=self._run, args=(self._queue_of(number),), name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        for thread in self._threads:
            thread.start()

    def put(self, unit: Unit, user_id: int) -> None:
        """Queue a unit behind those of its user; on the loop's thread.

        What comes in one turn of the loop is handed over together: waking a thread, and giving it the interpreter's
        lock, costs more than a unit does.
        """
        queue = self._queue_of(user_id)
        queue.gathered.append(unit)
        self.waiting += 1
        if len(queue.gathered) == 1:
            self._loop.call_soon(queue.hand_over)

    @property
    def is_full(self) -> bool:
        """Whether one more would wait longer than MOST_WAIT_SECONDS."""
        return self.waiting >= self.room

    def _finish(self, batch: Sequence[Unit], begun: float, ended: float) -> None:
        """On the loop's thread: a batch is done."""
        self.waiting -= len(batch)
        seconds = ended - begun
        self._metrics.did(len(batch), seconds)
        if tracing.tracer is not None:
            _trace(tracing.tracer, batch, begun, ended)
        if len(batch) >= self._telling:
            done = len(self._threads) * MOST_WAIT_SECONDS * len(batch) / max(seconds, 1e-6)
            self.room = max(self._least_room, int(0.8 * self.room + 0.2 * done))
        self._settle(batch)

    def _queue_of(self, number: int) -> "_Queue":
        return self._queues[number % len(self._queues)]

    async def stop(self, seconds: float) -> None:
        """Finish what waits, tell and answer it, and end the threads; at most so long, for a database that hangs must
        not hold the stop."""
        self._stopping = True
        for queue in self._queues:
            queue.hand_over()
        for number in range(len(self._threads)):
            self._queue_of(number).waiting.put(None)
        deadline = self._loop.time() + seconds
        while any(thread.is_alive() for thread in self._threads) and self._loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        # What they brought last is told and answered in a turn of the loop that is due before this one's.
        await asyncio.sleep(0)

    def _run(self, queue: "_Queue") -> None:
        worker = Worker(self._database, writes=self._writes, seal=self._seal, is_done=self._is_done)
        worker.warm()
        ending = False
        while not ending:
            if queue.waiting.empty():
                worker.idle()
            batch, ending = queue.take(self._batch_limit)
            if not batch:
                continue
            begun = time.monotonic()
            error = worker.work_off(batch)
            if error is not None and not ending and (self._stopping or self._database.is_away(error)):
                # What waits behind it would wait for the same trouble, each batch as long as the first.
                rest, ending = queue.take(None) if self._stopping else queue.take_now()
                ending = ending or self._stopping
                take_back(rest, error)
                batch += rest
            self._loop.call_soon_threadsafe(self._finish, batch, begun, time.monotonic())
        worker.close()


class _Queue:
    """Units on their way from the loop's thread to a worker's."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.gathered: list[Unit] = []
        self.waiting: SimpleQueue[list[Unit] | None] = SimpleQueue()

    def hand_over(self) -> None:
        gathered, self.gathered = self.gathered, []
        # In a rush a turn gathers thousands, which would be one batch, and one long turn to answer all of them.
        for begin in range(0, len(gathered), self._limit):
            self.waiting.put(gathered[begin : begin + self._limit])

    def take(self, limit: int | None) -> tuple[list[Unit], bool]:
        """Wait for units and take what waits behind them, or all; whether the end was among it."""
        return self._take(self.waiting.get(), limit)

    def take_now(self) -> tuple[list[Unit], bool]:
        """As `take`, all and without waiting."""
        return self._take([], None)

    def _take(self, units: list[Unit] | None, limit: int | None) -> tuple[list[Unit], bool]:
        batch: list[Unit] = []
        while units is not None:
            batch += units
            if limit is not None and len(batch) >= limit:
                return batch, False
            try:
                units = self.waiting.get_nowait()
            except Empty:
                return batch, False
        return batch, True


def _trace(tracer: tracing.Tracer, batch: Sequence[Unit], begun: float, ended: float) -> None:
    """Tell of each unit how long it waited, and of the transaction that it shared with the others."""
    for unit in batch:
        if unit.origin is not None and unit.origin.span is not None:
            tracer.tell(unit.origin.span, "queue", unit.queued, begun)
            tracer.tell(unit.origin.span, "transaction", begun, ended, units=len(batch))
