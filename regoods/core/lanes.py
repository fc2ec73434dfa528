"""Threads that run waiting units of work in batches, each batch in one transaction.

What arrives while a batch is under way waits for the next. A batch of writes costs one fsync, whatever its size; a
batch of reads one snapshot. At low load a batch is one unit and waits for nothing.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any

from regoods.core.database import Database, Session

logger = logging.getLogger(__name__)

Outbox = list[tuple[Sequence[int], bytes]]
"""(audience, encoded event), in the order of publishing."""


class Unit:
    """One waiting call: what to run in a session, and afterwards what came of it."""

    __slots__ = ("call", "error", "future", "outbox", "result")

    def __init__(self, call: Callable[[Session, Outbox], Any], future: asyncio.Future[Any]) -> None:
        self.call = call
        self.future = future
        self.outbox: Outbox = []
        self.result: Any = None
        self.error: Exception | None = None


class Lane:
    """A queue of units and the threads, with a lasting connection each, that run them.

    `settle` gets each finished batch on the loop's thread: after its commit, with result or error in every unit.
    """

    def __init__(
        self,
        database: Database,
        *,
        writes: bool,
        threads: int,
        batch_limit: int,
        settle: Callable[[Sequence[Unit]], None],
    ) -> None:
        self._database = database
        self._writes = writes
        self._batch_limit = batch_limit
        self._settle = settle
        self._stopping = False
        self._gathered: list[Unit] = []
        self._waiting: queue.SimpleQueue[list[Unit] | None] = queue.SimpleQueue()
        name = "writer" if writes else "reader"
        self._threads = [
            threading.Thread(target=self._run, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        for thread in self._threads:
            thread.start()

    def put(self, unit: Unit) -> None:
        """Queue a unit; on the loop's thread.

        What comes in one turn of the loop is handed over together: waking a thread, and giving it the interpreter's
        lock, costs more than a unit does.
        """
        self._gathered.append(unit)
        if len(self._gathered) == 1:
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        if gathered:
            self._waiting.put(gathered)

    async def stop(self, seconds: float) -> None:
        """Finish what waits and end the threads; at most so long, for a database that hangs must not hold the stop."""
        self._stopping = True
        self._hand_over()
        for _ in self._threads:
            self._waiting.put(None)
        deadline = self._loop.time() + seconds
        while any(thread.is_alive() for thread in self._threads) and self._loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def _run(self) -> None:
        session: Session | None = None
        ending = False
        while not ending:
            batch, ending = self._take()
            if not batch:
                continue
            try:
                session = session or self._database.session(writes=self._writes)
                if self._writes:
                    _write(session, batch)
                else:
                    _read(session, batch)
            except Exception as error:
                logger.error("a batch of %d units was taken back: %s", len(batch), error)
                _take_back(batch, error)
                # The connection may be what failed: the next batch opens another.
                _close_quietly(session)
                session = None
                if self._stopping and not ending:
                    # What waits behind it would wait for the same trouble.
                    rest, _ = self._take(everything=True)
                    _take_back(rest, error)
                    batch += rest
                    ending = True
            self._loop.call_soon_threadsafe(self._settle, batch)
        _close_quietly(session)

    def _take(self, *, everything: bool = False) -> tuple[list[Unit], bool]:
        """Wait for units and take what waits behind them; whether the end was among it."""
        batch: list[Unit] = []
        units = self._waiting.get()
        while units is not None:
            batch += units
            if len(batch) >= self._batch_limit and not everything:
                return batch, False
            try:
                units = self._waiting.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True


def _write(session: Session, batch: Sequence[Unit]) -> None:
    """Commit the batch; a unit that fails takes only itself back.

    Most failures are rules that refuse before anything is written: nothing need be taken back. So the batch first
    runs without savepoints, which spares three of a send's five statements and the waits for the interpreter's lock
    that come with each; only where a unit failed after it wrote, all run again, each in its savepoint.
    """
    session.begin()
    if not (session.counts_changes and all(_attempt(session, unit) for unit in batch)):
        if session.counts_changes:
            session.rollback()
            session.begin()
        for unit in batch:
            _run_in_savepoint(session, unit)
    session.commit()


def _attempt(session: Session, unit: Unit) -> bool:
    """Run without a savepoint; False where the unit failed and may have left something behind."""
    before = session.changes
    try:
        unit.result = unit.call(session, unit.outbox)
    except Exception as error:
        unit.error = error
        return session.changes == before and session.in_transaction
    return True


def _run_in_savepoint(session: Session, unit: Unit) -> None:
    unit.outbox, unit.result, unit.error = [], None, None
    session.savepoint()
    try:
        unit.result = unit.call(session, unit.outbox)
    except Exception as error:
        unit.error = error
        session.rollback_to_savepoint()
    session.release_savepoint()


def _read(session: Session, batch: Sequence[Unit]) -> None:
    session.begin()
    for unit in batch:
        try:
            unit.result = unit.call(session, unit.outbox)
        except Exception as error:
            unit.error = error
            # On a server an error may end the transaction for those behind it.
            session.rollback()
            session.begin()
    session.rollback()


def _take_back(batch: Sequence[Unit], error: Exception) -> None:
    """Nothing of the batch is on disk: every unit that had succeeded failed with it."""
    for unit in batch:
        unit.error = unit.error or error


def _close_quietly(session: Session | None) -> None:
    if session is not None:
        try:
            session.close()
        except Exception as error:
            logger.error("closing a database connection failed: %s", error)
