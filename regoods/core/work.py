"""The unit of work: an action runs in a transaction off the loop, and nobody hears before the commit.

Writes are committed in groups. What arrives while a batch is being written waits for the next; one
writer thread runs the waiting units, each in its own savepoint, in one transaction with one fsync; then
the loop publishes their outboxes in order and answers each. At low load a batch is one unit and waits for nothing.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import msgspec

from regoods.core.clock import Clock
from regoods.core.database import Database, Session
from regoods.core.errors import ApiError, ServiceUnavailable

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

BATCH_LIMIT = 128
"""Units in a transaction: at about 100 µs each, nobody waits much over 13 ms for the others of his batch."""

READERS = 4
RETRY_AFTER_SECONDS = 2


class Work:
    """What an action gets: a session inside a transaction, the time, and an outbox."""

    __slots__ = ("_enrichers", "_is_online", "now", "outbox", "session")

    def __init__(
        self,
        session: Session,
        now: datetime,
        enrichers: Mapping[str, Sequence[Callable[..., Any]]],
        is_online: Callable[[int], bool],
    ) -> None:
        self.session = session
        self.now = now
        self.outbox: list[tuple[Sequence[int], bytes]] = []
        self._enrichers = enrichers
        self._is_online = is_online

    def publish(self, audience: Sequence[int], event: bytes) -> None:
        """Send an encoded event to every socket of these users once the transaction is committed."""
        self.outbox.append((audience, event))

    def is_online(self, user_id: int) -> bool:
        """Whether the user has an open socket at this moment."""
        return self._is_online(user_id)

    def enrich(self, kind: str, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """The fields that other features add to answers of this kind, by id."""
        extra: dict[int, dict[str, Any]] = {key: {} for key in ids}
        for enricher in self._enrichers.get(kind, ()):
            for key, fields in enricher(self, ids).items():
                extra[key].update(msgspec.to_builtins(fields))
        return extra


class Action(Generic[P, T]):
    """A verb of a feature, `(work, user_id, …)`, and how it is to be run."""

    __slots__ = ("checks_caller", "function", "writes")

    def __init__(
        self, function: Callable[Concatenate[Work, int, P], T], *, writes: bool, checks_caller: bool = True
    ) -> None:
        self.function = function
        self.writes = writes
        self.checks_caller = checks_caller
        """Whether the caller must be an existing, active user before the action begins (contract, section 1)."""


def reads(function: Callable[Concatenate[Work, int, P], T]) -> Action[P, T]:
    """An action that only reads: it runs beside the writer, on a snapshot."""
    return Action(function, writes=False)


def reads_for_anyone(function: Callable[Concatenate[Work, int, P], T]) -> Action[P, T]:
    """As `reads`, for an action that needs no signed-in user; its user id means nothing."""
    return Action(function, writes=False, checks_caller=False)


def writes(function: Callable[Concatenate[Work, int, P], T]) -> Action[P, T]:
    """An action that changes the database: it runs in a savepoint of the next group commit."""
    return Action(function, writes=True)


def writes_for_anyone(function: Callable[Concatenate[Work, int, P], T]) -> Action[P, T]:
    """As `writes`, for an action that looks at the caller itself."""
    return Action(function, writes=True, checks_caller=False)


class _Unit:
    """One waiting write: what to run, and afterwards what came of it."""

    __slots__ = ("action", "arguments", "error", "future", "outbox", "result", "user_id")

    def __init__(
        self, action: Action[..., Any], user_id: int, arguments: tuple[Any, ...], future: asyncio.Future[Any]
    ) -> None:
        self.action = action
        self.user_id = user_id
        self.arguments = arguments
        self.future = future
        self.outbox: list[tuple[Sequence[int], bytes]] = []
        self.result: Any = None
        self.error: BaseException | None = None


class WorkQueue:
    """Runs actions: writes in group commits on one writer thread, reads on a few reader threads."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        guard: Callable[[Work, int], None],
        publish: Callable[[Sequence[int], bytes], None],
        is_online: Callable[[int], bool],
        enrichers: Mapping[str, Sequence[Callable[..., Any]]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._guard = guard
        self._publish = publish
        self._is_online = is_online
        self._enrichers = enrichers
        self._waiting: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._reader_sessions = threading.local()
        self._writer: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to work; called on the loop's thread, to which results return."""
        self._loop = asyncio.get_running_loop()
        self._writer = threading.Thread(target=self._write_batches, name="writer", daemon=True)
        self._writer.start()

    async def stop(self) -> None:
        """Finish what waits, then end the threads."""
        self._waiting.put(None)
        loop = asyncio.get_running_loop()
        if self._writer is not None:
            await loop.run_in_executor(None, self._writer.join)
        await loop.run_in_executor(None, self._readers.shutdown)

    async def run(self, action: Action[P, T], user_id: int, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an action for a user; its events are published before this returns.

        Raises the action's ApiError, or ServiceUnavailable where the database refused.
        """
        assert self._loop is not None
        assert not kwargs, "actions take positional arguments"
        if not action.writes:
            return await self._loop.run_in_executor(self._readers, self._read, action, user_id, args)
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.put(_Unit(action, user_id, args, future))
        return await future

    def _read(self, action: Action[..., T], user_id: int, arguments: tuple[Any, ...]) -> T:
        session: Session | None = getattr(self._reader_sessions, "session", None)
        try:
            if session is None:
                session = self._reader_sessions.session = self._database.session(writes=False)
            session.begin()
            result, _ = self._call(session, action, user_id, arguments)
            session.rollback()
        except ApiError:
            assert session is not None
            session.rollback()
            raise
        except Exception as error:
            # The connection may be what failed: the next read opens another.
            self._reader_sessions.session = None
            _close_quietly(session)
            raise self._translate(error) from error
        return result

    def _call(
        self, session: Session, action: Action[..., T], user_id: int, arguments: tuple[Any, ...]
    ) -> tuple[T, list[tuple[Sequence[int], bytes]]]:
        work = Work(session, self._clock.now(), self._enrichers, self._is_online)
        if action.checks_caller:
            self._guard(work, user_id)
        return action.function(work, user_id, *arguments), work.outbox

    def _write_batches(self) -> None:
        session: Session | None = None
        while (first := self._waiting.get()) is not None:
            batch = [first]
            stopping = False
            while len(batch) < BATCH_LIMIT and not self._waiting.empty():
                unit = self._waiting.get()
                if unit is None:
                    stopping = True
                    break
                batch.append(unit)
            try:
                session = session or self._database.session(writes=True)
                self._write(session, batch)
            except Exception as error:
                logger.error("a batch of %d writes was not committed: %s", len(batch), error)
                self._abandon(session, batch, error)
                session = None
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._settle, batch)
            if stopping:
                break
        if session is not None:
            session.close()

    def _write(self, session: Session, batch: Sequence[_Unit]) -> None:
        session.begin()
        for unit in batch:
            session.savepoint()
            try:
                unit.result, unit.outbox = self._call(session, unit.action, unit.user_id, unit.arguments)
            except Exception as error:
                unit.error = self._translate(error)
                session.rollback_to_savepoint()
            session.release_savepoint()
        session.commit()

    def _abandon(self, session: Session | None, batch: Sequence[_Unit], error: Exception) -> None:
        """Nothing of the batch is on disk: every unit that had succeeded failed with it."""
        for unit in batch:
            unit.outbox = []
            if unit.error is None:
                unit.error = self._translate(error)
        _close_quietly(session)

    def _settle(self, batch: Sequence[_Unit]) -> None:
        for unit in batch:
            for audience, event in unit.outbox:
                try:
                    self._publish(audience, event)
                except Exception:
                    # It is committed; a failed push must not become a failed answer (contract, section 2).
                    logger.exception("an event could not be pushed")
            if unit.future.cancelled():
                continue
            if unit.error is None:
                unit.future.set_result(unit.result)
            else:
                unit.future.set_exception(unit.error)

    def _translate(self, error: Exception) -> Exception:
        if not isinstance(error, ApiError) and self._database.is_operational(error):
            logger.error("the database refused: %s", error)
            return ServiceUnavailable(retry_after=RETRY_AFTER_SECONDS)
        return error


def _close_quietly(session: Session | None) -> None:
    if session is not None:
        try:
            session.close()
        except Exception as error:
            logger.error("closing a database connection failed: %s", error)
