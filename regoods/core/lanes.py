"""Threads that run waiting units of work in batches, each batch in one transaction.

What arrives while a batch is under way waits for the next. A batch of writes costs one fsync, whatever its size; a
batch of reads one snapshot. At low load a batch is one unit and waits for nothing.
"""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

from regoods.core import explanations, tracing
from regoods.core.database import Database, Session
from regoods.core.metrics import LaneMetrics
from regoods.core.origin import Origin
from regoods.core.outbox import Outbox

logger = logging.getLogger(__name__)

ATTEMPTS = 5
"""How often a batch is run that a deadlock undid, that lost its connection, or that a unit broke."""

JITTER_SECONDS = 0.02
"""Before the second run at most so long, before the third twice that, …"""


MOST_WAIT_SECONDS = 1.0
"""What a lane takes from clients: as much as it does in so long. Who comes then waits longer for his turn than it is
worth, and everyone behind him, too."""

FIRST_GUESS = 16
"""Full batches that a lane is thought to do in that time before it has done any."""

LEAST_ROOM = 8

SILENCE_SECONDS = 10.0
"""A database that is away is asked by many, some of them ten times a second."""


class Complaints:
    """Says a trouble with the database, and the same again only after a while."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: tuple[str, float] = ("", 0.0)

    def say(self, text: str, error: BaseException | None = None) -> None:
        """Of an error the first line: behind it databases quote rows."""
        now, line = time.monotonic(), text if error is None else f"{text}: {explanations.one_line(error)}"
        if line != self._said[0] or now - self._said[1] >= SILENCE_SECONDS:
            self._said = (line, now)
            self._log.error("%s", line)


class Unit:
    """One waiting call: what to run in a session, and afterwards what came of it."""

    __slots__ = ("call", "error", "future", "in_doubt", "origin", "outbox", "queued", "result")

    def __init__(
        self, call: Callable[[Session, Outbox], Any], future: asyncio.Future[Any], origin: Origin | None
    ) -> None:
        self.call = call
        self.future = future
        self.origin = origin
        self.queued = time.monotonic()
        self.outbox: Outbox = []
        self.result: Any = None
        self.error: Exception | None = None
        self.in_doubt = False
        """Whether it may have been committed in spite of its error."""


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
        worker = _Worker(self._database, writes=self._writes, seal=self._seal, is_done=self._is_done)
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
                _take_back(rest, error)
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


class _BrokenByUnit(Exception):
    """A unit's error ended the transaction for its neighbours, too."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self.unit = unit


class _Worker:
    """What one thread holds: a session, opened when it is needed and thrown away when it failed."""

    def __init__(
        self,
        database: Database,
        *,
        writes: bool,
        seal: Callable[[Session, Sequence[Unit]], None] | None,
        is_done: Callable[[Session, Sequence[Unit]], bool | None] | None,
    ) -> None:
        self._database = database
        self._writes = writes
        self._seal = seal
        self._is_done = is_done
        self._complaints = Complaints(logger)
        self._session: Session | None = None
        self._doubted = False
        """Whether the session may be what a unit failed by."""

    def warm(self) -> None:
        """Connect before the first unit comes: a first connection to a server costs 50 ms."""
        try:
            self._session = self._database.session(writes=self._writes)
        except Exception as error:
            logger.warning("the database is not there yet: %s", explanations.one_line(error))

    def idle(self) -> None:
        """Nothing waits: a server's connection goes back to the pool, which tries it before it gives it out again."""
        if self._session is not None and not self._session.lasting:
            self.close()

    def close(self) -> None:
        self._put_away(Session.close)

    def _discard(self) -> None:
        self._put_away(Session.discard)

    def _put_away(self, how: Callable[[Session], None]) -> None:
        session, self._session, self._doubted = self._session, None, False
        if session is not None:
            try:
                how(session)
            except Exception as error:
                logger.error("closing a database connection failed: %s", explanations.one_line(error))

    def work_off(self, batch: Sequence[Unit]) -> Exception | None:
        """Run a batch; the error with which all of it was taken back, if it was.

        Run again is what a deadlock undid, and what a lost connection has not committed: where it broke during the
        commit, the log is asked first. A unit that broke the transaction, or took too long, is left out the next time.
        """
        waiting = list(batch)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                session = self._session = self._session or self._database.session(writes=self._writes)
                (self._write if self._writes else self._read)(session, waiting)
                if self._doubted:
                    self._discard()
                return None
            except _BrokenByUnit as broken:
                self._discard()
                error = broken.unit.error or broken
                waiting.remove(broken.unit)
                if not waiting:
                    return None
            except Exception as failure:
                error = failure
                lost = self._session is not None and self._database.lost_connection(failure)
                repeatable = lost or self._database.undid_all(failure)
                committing = self._session is not None and self._session.committing
                self._discard()
                if lost and committing:
                    done = self._look(waiting)
                    if done:
                        return None
                    repeatable = done is False
                    for unit in waiting:
                        unit.in_doubt = done is None and unit.error is None
                if not repeatable:
                    break
                # Whoever met in a deadlock must not meet again.
                time.sleep(random.uniform(0, JITTER_SECONDS * attempt))
        self._complaints.say("a batch was taken back", error)
        _take_back(waiting, error)
        return error

    def _look(self, batch: Sequence[Unit]) -> bool | None:
        """Whether a batch was committed whose commit broke off; None where that cannot be told, or not now."""
        if self._is_done is None:
            return None
        try:
            session = self._session = self._database.session(writes=True)
            session.begin()
            done = self._is_done(session, batch)
            session.rollback()
        except Exception as error:
            self._discard()
            self._complaints.say("what became of a broken commit cannot be told yet", error)
            return None
        return done

    def _write(self, session: Session, batch: Sequence[Unit]) -> None:
        """Commit the batch; a unit that fails takes only itself back.

        Most failures are rules that refuse before anything is written: nothing need be taken back. So the batch first
        runs without savepoints, which spares three of a send's five statements and the waits for the interpreter's
        lock that come with each; only where a unit failed after it wrote, all run again, each in its savepoint.
        """
        session.begin()
        if not all(self._attempt(session, unit) for unit in batch):
            session.rollback()
            session.begin()
            for unit in batch:
                self._run_in_savepoint(session, unit)
        if self._seal is not None:
            self._seal(session, batch)
        session.commit()

    def _attempt(self, session: Session, unit: Unit) -> bool:
        """Run without a savepoint; False where the unit failed and may have left something behind."""
        before = session.writes
        return self._call(session, unit) or (session.writes == before and session.is_intact())

    def _run_in_savepoint(self, session: Session, unit: Unit) -> None:
        session.savepoint()
        if not self._call(session, unit):
            try:
                session.rollback_to_savepoint()
            except Exception:
                raise _BrokenByUnit(unit) from unit.error
        session.release_savepoint()

    def _read(self, session: Session, batch: Sequence[Unit]) -> None:
        session.begin()
        for unit in batch:
            if not self._call(session, unit) and not session.is_intact():
                session.rollback()
                session.begin()
        session.rollback()

    def _call(self, session: Session, unit: Unit) -> bool:
        """Run one unit; whether it succeeded. Raises what concerns the whole batch."""
        unit.outbox, unit.result, unit.error = [], None, None
        try:
            unit.result = unit.call(session, unit.outbox)
        except Exception as error:
            unit.error = error
            if self._database.took_too_long(error):
                raise _BrokenByUnit(unit) from error
            if self._database.undid_all(error) or self._database.lost_connection(error):
                raise
            # One that was opened while the database was read-only stays so; on SQLite even BEGIN IMMEDIATE succeeds.
            self._doubted = self._doubted or self._database.is_away(error)
            return False
        return True


def _trace(tracer: tracing.Tracer, batch: Sequence[Unit], begun: float, ended: float) -> None:
    """Tell of each unit how long it waited, and of the transaction that it shared with the others."""
    for unit in batch:
        if unit.origin is not None and unit.origin.span is not None:
            tracer.tell(unit.origin.span, "queue", unit.queued, begun)
            tracer.tell(unit.origin.span, "transaction", begun, ended, units=len(batch))


def _take_back(batch: Sequence[Unit], error: Exception) -> None:
    """Nothing of the batch is known to be on disk: every unit that had succeeded failed with it."""
    for unit in batch:
        unit.error = unit.error or error
