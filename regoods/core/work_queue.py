"""Runs actions off the loop, and tells and answers each on it.

Writes are committed in groups (`core/lanes.py`); then the loop publishes their outboxes in order and answers each.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from regoods.core import log, origin, tracing
from regoods.core.batches import Unit
from regoods.core.clock import Clock
from regoods.core.complaints import Complaints
from regoods.core.database import Database, Session
from regoods.core.errors import ApiError, ServiceUnavailable, Undecided
from regoods.core.lanes import Lane
from regoods.core.metrics import Metrics
from regoods.core.outbox import EventLog, Outbox, Publication
from regoods.core.work import Action, Work, writes_for_anyone

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

WRITE_BATCH = 128
"""Units in a transaction: at about 100 µs each, nobody waits much over 13 ms for the others of his batch."""

SERVER_WRITERS = 4
"""Writer threads on a database server; SQLite lets one write at a time, so there it has one."""

READ_BATCH = 32
READERS = 2
"""Threads; a long list on one leaves the other for the short reads. One more has the slow ones."""

WORKER_THREADS = SERVER_WRITERS + READERS + 1
"""Each holds a connection while it has work."""

COME_BACK_SECONDS = (1, 4)
"""Who finds a full lane is sent away for a time between these, so that not all come back at once."""

DOUBT_SECONDS = 1.0
"""So often the database is asked what became of commits that broke off."""

MOST_DOUBTS = 4 * SERVER_WRITERS
"""Such commits that are remembered: when a database goes away, each writer has one at most. Of those beyond it readers
learn when they next ask what they missed."""


class WorkQueue:
    """Runs actions: writes in group commits, reads beside them."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        guards: Sequence[Callable[[Work, int], None]],
        deliver: Callable[[Publication], int],
        online: Callable[[Collection[int]], set[int]],
        enrichers: Mapping[str, Sequence[Callable[..., Any]]],
        hearers: Mapping[str, Sequence[Callable[..., None]]],
        metrics: Metrics,
        log: EventLog | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._guards = guards
        self._deliver = deliver
        self._online = online
        self._enrichers = enrichers
        self._log = log
        self._hearers = hearers
        writers = 1 if database.embedded else SERVER_WRITERS
        self._writer = Lane(
            database,
            writes=True,
            threads=writers,
            batch_limit=WRITE_BATCH,
            metrics=metrics.lanes["writes"],
            settle=self._settle,
            seal=None if log is None else self._append_to_log,
            is_done=None if log is None else self._is_logged,
        )
        self._readers = Lane(
            database,
            writes=False,
            threads=READERS,
            batch_limit=READ_BATCH,
            metrics=metrics.lanes["reads"],
            settle=self._settle,
        )
        self._slow_reader = Lane(
            database, writes=False, threads=1, batch_limit=1, metrics=metrics.lanes["slow"], settle=self._settle
        )
        self._lanes = (self._writer, self._readers, self._slow_reader)
        self._complaints = Complaints(logger)
        self.refused = 0
        """Calls that found a full lane."""
        self._doubts: deque[tuple[Sequence[Unit], Sequence[asyncio.Future[Any]]]] = deque()
        """Batches whose commit broke off, and the outcome of each unit."""
        self._clearing: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = False

    @property
    def embedded(self) -> bool:
        """Whether the database is the one inside this process, with one writer."""
        return self._database.embedded

    def start(self) -> None:
        """Begin to work; called on the loop's thread, to which results return."""
        self._loop = asyncio.get_running_loop()
        for lane in self._lanes:
            lane.start(self._loop)

    async def stop(self, seconds: float) -> None:
        """Finish what waits, then end the threads; at most so long."""
        self._stopping = True
        if self._clearing is not None:
            self._clearing.cancel()
        await asyncio.gather(*(lane.stop(seconds) for lane in self._lanes))

    @property
    def waiting(self) -> Mapping[str, int]:
        """Units waiting or under way, by lane."""
        return {"writes": self._writer.waiting, "reads": self._readers.waiting, "slow": self._slow_reader.waiting}

    def is_full(self, *, writes: bool) -> bool:
        """Whether so much waits that another call would wait over MOST_WAIT_SECONDS.

        Asked for clients' calls. Handshakes, probes and what the server does of itself are bounded elsewhere, and
        refused they would make things worse.
        """
        return (self._writer if writes else self._readers).is_full

    def check_room(self, action: Action[P, T]) -> None:
        """Raises ServiceUnavailable where `is_full`."""
        if self._lane(action).is_full:
            raise self.refusal()

    def refusal(self) -> ServiceUnavailable:
        """What somebody is told who comes to a full lane; he is counted."""
        self.refused += 1
        self._complaints.say("more calls come than can be done: who comes now is told to come back")
        return ServiceUnavailable(retry_after=random.randint(*COME_BACK_SECONDS))

    async def run(self, action: Action[P, T], user_id: int, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an action for a user; its events are published before this returns.

        Raises the action's ApiError, or ServiceUnavailable where the database refused.
        """
        assert self._loop is not None
        if self._stopping:
            # No thread would take it any more.
            raise ServiceUnavailable()

        def call(session: Session, outbox: Outbox) -> T:
            work = Work(
                session,
                outbox,
                self._clock.now(),
                self._enrichers,
                self._online,
                self._log,
                self._database.text_encoding,
                self._hearers,
            )
            if action.checks_caller:
                for guard in self._guards:
                    guard(work, user_id)
            return action.function(work, user_id, *args, **kwargs)

        future: asyncio.Future[T] = self._loop.create_future()
        self._lane(action).put(Unit(call, future, origin.current.get()), user_id)
        return await future

    def _lane(self, action: Action[P, T]) -> Lane:
        return self._writer if action.writes else self._slow_reader if action.slow else self._readers

    def _append_to_log(self, session: Session, batch: Sequence[Unit]) -> None:
        """For the whole batch at once: a user's place in the log is locked from here to the commit, and no longer."""
        publications = [one for unit in batch if unit.error is None for one in unit.outbox]
        if publications and self._log is not None:
            self._log.append(session, publications, self._clock.now())

    def _is_logged(self, session: Session, batch: Sequence[Unit]) -> bool | None:
        """Whether a batch was committed; None where it told nobody of anything."""
        publications = [one for unit in batch if unit.error is None for one in unit.outbox]
        return self._log.holds(session, publications) if publications and self._log is not None else None

    def _settle(self, batch: Sequence[Unit]) -> None:
        """Tell and answer; on the loop's thread, after the commit."""
        doubtful: list[Unit] = []
        for unit in batch:
            if unit.error is None:
                self._push_all(unit)
            elif unit.in_doubt and unit.outbox:
                doubtful.append(unit)
                continue
            if unit.future.cancelled():
                continue
            if unit.error is None:
                unit.future.set_result(unit.result)
            else:
                unit.future.set_exception(self._translate(unit.error))
        if doubtful:
            self._doubt(doubtful)

    def _doubt(self, units: Sequence[Unit]) -> None:
        """Answer that it is not known what became of them, and find it out once the database answers again."""
        assert self._loop is not None
        outcomes: list[asyncio.Future[Any]] = [self._loop.create_future() for _ in units]
        for unit, outcome in zip(units, outcomes, strict=True):
            if not unit.future.cancelled():
                unit.future.set_exception(Undecided(outcome))
        if len(self._doubts) >= MOST_DOUBTS:
            for outcome in outcomes:
                outcome.cancel()
            return
        self._doubts.append((units, outcomes))
        if not self._stopping and (self._clearing is None or self._clearing.done()):
            self._clearing = asyncio.ensure_future(self._clear_doubts())

    async def _clear_doubts(self) -> None:
        while self._doubts:
            units, outcomes = self._doubts[0]
            try:
                done = await self.run(_holds, 0, [one for unit in units for one in unit.outbox])
            except ServiceUnavailable:
                await asyncio.sleep(DOUBT_SECONDS)
                continue
            except Exception:
                logger.exception("what became of a broken commit cannot be told")
                done = False
            self._doubts.popleft()
            for unit, outcome in zip(units, outcomes, strict=True):
                if done:
                    self._push_all(unit)
                    outcome.set_result(unit.result)
                else:
                    outcome.cancel()

    def _push_all(self, unit: Unit) -> None:
        for publication in unit.outbox:
            publication.origin = unit.origin
            self._push(publication)

    def _push(self, publication: Publication) -> None:
        begun = time.monotonic()
        try:
            sockets = self._deliver(publication)
            _tell(publication, sockets)
            origin = publication.origin
            if tracing.tracer is not None and origin is not None and origin.span is not None:
                name = f"push {publication.kind}"
                tracing.tracer.tell(origin.span, name, begun, time.monotonic(), sockets=sockets)
        except Exception:
            # It is committed; a failed push must not become a failed answer (contract, section 2).
            logger.exception("an event could not be pushed")

    def _translate(self, error: Exception) -> Exception:
        if not isinstance(error, ApiError) and self._database.is_operational(error):
            self._complaints.say("the database refused", error)
            return ServiceUnavailable()
        return error


@writes_for_anyone
def _holds(work: Work, _user_id: int, publications: Sequence[Publication]) -> bool:
    """Whether publications were committed whose commit broke off."""
    return work.holds(publications)


def _tell(publication: Publication, sockets: int) -> None:
    """The log's line of a publication: which event, of which request and message, to how many sockets of this process.

    What only the doer's own other tabs hear is said at level debug.
    """
    origin = publication.origin
    to_himself = origin is not None and publication.audience == (origin.user_id,)
    level = logging.DEBUG if to_himself else logging.INFO
    if not log.event.is_enabled_for(level):
        return
    facts: dict[str, object] = {}
    if origin is not None:
        facts = {"requestId": origin.request_id, "userId": origin.user_id}
    if publication.of is not None:
        facts["messageId"], facts["recipientId"] = publication.of
    log.event.log(level, f"{publication.kind}_broadcast", **facts, sockets=sockets)
