"""The unit of work: an action runs in a transaction off the loop, and nobody hears before the commit."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from regoods.core.database import Session
from regoods.core.outbox import EventLog, Outbox, Publication, Subject
from regoods.core.wire import Shape

P = ParamSpec("P")
T = TypeVar("T")


class Work:
    """What an action gets: a session inside a transaction, the time, and an outbox."""

    __slots__ = ("_enrichers", "_hearers", "_log", "_online", "now", "outbox", "session", "text_encoding")

    def __init__(
        self,
        session: Session,
        outbox: Outbox,
        now: datetime,
        enrichers: Mapping[str, Sequence[Callable[..., Any]]],
        online: Callable[[Collection[int]], set[int]],
        log: EventLog | None,
        text_encoding: str | None,
        hearers: Mapping[str, Sequence[Callable[..., None]]],
    ) -> None:
        self.session = session
        self.now = now
        self.outbox = outbox
        self._enrichers = enrichers
        self._online = online
        self._log = log
        self.text_encoding = text_encoding
        """What a message's text must fit into, where the database's column cannot hold all of Unicode."""
        self._hearers = hearers

    def publish(
        self,
        audience: Sequence[int],
        event: bytes,
        *,
        echoes: Sequence[bytes] = (),
        of: Subject | None = None,
        creates: bool = False,
    ) -> None:
        """Log an encoded event for these users, and send it to each of their sockets once it is committed.

        `echoes` are sent before it and not logged. `of`: which message it tells of; `creates`: it tells its creation.
        """
        self.outbox.append(Publication(audience, event, echoes, of, creates))

    def latest_number(self, user_id: int) -> int | None:
        """The number of the newest event in the user's log; None where there is no log."""
        return None if self._log is None else self._log.latest(self.session, user_id)

    def latest_numbers(self, user_ids: Sequence[int]) -> Mapping[int, int]:
        """As `latest_number`, of several users; those without any are left out."""
        return {} if self._log is None else self._log.latest_of(self.session, user_ids)

    def holds(self, publications: Sequence[Publication]) -> bool:
        """Whether the log keeps these, whose commit broke off."""
        return self._log is not None and self._log.holds(self.session, publications)

    def online(self, user_ids: Collection[int]) -> set[int]:
        """Those of them who have an open socket at this moment; ask once for all of them."""
        return self._online(user_ids)

    def enrich(self, kind: str, user_id: int, ids: Sequence[int]) -> dict[int, list[Shape]]:
        """The fields that other features add to the user's answers of this kind, by id."""
        extra: dict[int, list[Shape]] = {key: [] for key in ids}
        for enricher in self._enrichers.get(kind, ()):
            for key, fields in enricher(self, user_id, ids).items():
                extra[key].append(fields)
        return extra

    def tell(self, happening: str, *facts: Any) -> None:
        """Let other features do their part of it, in this transaction."""
        for hearer in self._hearers.get(happening, ()):
            hearer(self, *facts)


class Action(Generic[P, T]):
    """A verb of a feature, `(work, user_id, …)`, and how it is to be run."""

    __slots__ = ("checks_caller", "function", "slow", "writes")

    def __init__(
        self,
        function: Callable[Concatenate[Work, int, P], T],
        *,
        writes: bool,
        checks_caller: bool = True,
        slow: bool = False,
    ) -> None:
        self.function = function
        self.writes = writes
        self.slow = slow
        """Whether it may take tens of ms: it then has a thread apart, for whoever stands in its batch would wait."""
        self.checks_caller = checks_caller
        """Whether the caller must be an existing, active user before the action begins (contract, section 1)."""


def reads(function: Callable[Concatenate[Work, int, P], T]) -> Action[P, T]:
    """An action that only reads: it runs beside the writer, on a snapshot."""
    return Action(function, writes=False)


def reads_slowly(function: Callable[Concatenate[Work, int, P], T]) -> Action[P, T]:
    """As `reads`, for an action that may take tens of ms."""
    return Action(function, writes=False, slow=True)


def reads_for_anyone(function: Callable[Concatenate[Work, int, P], T]) -> Action[P, T]:
    """As `reads`, for an action that needs no signed-in user; its user id means nothing."""
    return Action(function, writes=False, checks_caller=False)


def writes(function: Callable[Concatenate[Work, int, P], T]) -> Action[P, T]:
    """An action that changes the database: it runs in the next group commit. May run twice, if a neighbour fails."""
    return Action(function, writes=True)


def writes_for_anyone(function: Callable[Concatenate[Work, int, P], T]) -> Action[P, T]:
    """As `writes`, for an action that looks at the caller itself."""
    return Action(function, writes=True, checks_caller=False)
