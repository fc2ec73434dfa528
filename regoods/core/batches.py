"""A batch of units in one transaction: run, committed, and where that fails, run again, looked up or taken back."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from regoods.core import explanations
from regoods.core.complaints import Complaints
from regoods.core.database import Database, Session
from regoods.core.origin import Origin
from regoods.core.outbox import Outbox

logger = logging.getLogger(__name__)

ATTEMPTS = 5
"""How often a batch is run that a deadlock undid, that lost its connection, or that a unit broke."""

JITTER_SECONDS = 0.02
"""Before the second run at most so long, before the third twice that, …"""


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


class _BrokenByUnit(Exception):
    """A unit's error ended the transaction for its neighbours, too."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self.unit = unit


class Worker:
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
        take_back(waiting, error)
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


def take_back(batch: Sequence[Unit], error: Exception) -> None:
    """Nothing of the batch is known to be on disk: every unit that had succeeded failed with it."""
    for unit in batch:
        unit.error = unit.error or error
