"""What a feature declares, and what the house hands to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from regoods.core.build import Build
from regoods.core.clock import Clock
from regoods.core.database import Session
from regoods.core.faults import Faults
from regoods.core.metrics import Metrics
from regoods.core.outbox import EventLog
from regoods.core.settings import Settings
from regoods.core.tokens import TokenVerifier
from regoods.core.wire import Event, Shape
from regoods.core.work import Work
from regoods.core.work_queue import WorkQueue

T = TypeVar("T")

Publish = Callable[[Sequence[int], bytes], None]
"""Give an encoded event to every open socket of these users, without a number and without keeping it; on the loop's
thread."""

Enricher = Callable[[Work, int, Sequence[int]], Mapping[int, Shape]]
"""`(work, caller's id, ids) -> {id: extra wire fields}` for another feature's answers, asked once a page. Its
annotation names the Shape it returns."""


Hearer = Callable[..., None]
"""`(work, …)`: does its part of what another feature's action tells, in that action's transaction."""


# Without a repr, which would be 10 KB of contract in the line that says a callback failed.
@dataclass(frozen=True, slots=True, repr=False)
class Services:
    """The parts of one running server that features use. `app.py` makes it."""

    settings: Settings
    clock: Clock
    tokens: TokenVerifier
    work: WorkQueue
    metrics: Metrics
    publish: Publish
    notify: Callable[[str, bytes], None]
    """`(kind, JSON)`: tell all other nodes what concerns no single user's sockets and is rare; nothing where there is
    none."""
    connections: Callable[[], tuple[int, int]]
    """How many sockets are open in this process, and how many users have one."""
    users_here: Callable[[], Sequence[int]]
    """Who has a socket in this process."""
    dismiss: Callable[[int], None]
    """Close the user's sockets in this process, as with a token that is no longer good; on the loop's thread."""
    faults: Faults | None
    """What developers break on purpose; None but in development."""
    degraded: Callable[[], Sequence[str]]
    """What this server is doing without at the moment, though it still serves."""
    contract: "Contract"
    """What it speaks: api_docs describes it."""
    build: Build
    """Which program it is."""
    _states: dict[type, Any] = field(default_factory=dict)

    def state(self, kind: type[T]) -> T:
        """What a feature remembers in this server, made at its first use: one `kind()` a server."""
        if kind not in self._states:
            self._states[kind] = kind()
        kept: T = self._states[kind]
        return kept


FrameListener = Callable[[int, bytes], Awaitable[None] | None]
"""`(user id of the token, the frame's JSON)`; raises ApiError to answer with an `error` event."""


NoticeListener = Callable[[Services, bytes], None]
"""`(services, JSON)`: what another node told all others; on the loop's thread."""


UserListener = Callable[[Services, int], None]
"""`(services, user id)`; on the loop's thread, for each of thousands who come at once: it only takes note."""


class Listens(Protocol):
    """Makes the listener of one server; `frame` decodes what it hears."""

    @property
    def frame(self) -> msgspec.json.Decoder[Any]: ...

    def __call__(self, services: Services, /) -> FrameListener: ...


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work that a PeriodicCallback does every `interval_ms`, on the loop's thread."""

    run: Callable[[Services], Awaitable[None] | None]
    interval_ms: int | Callable[[Settings], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    name: str
    routes: Sequence[tuple[str, type[Any]]] = ()
    """(path pattern, handler class), in the order they are tried; after all that have no variable part."""
    frames: Mapping[str, Listens] = field(default_factory=dict)
    """Frames heard from clients, by their `type`: what makes the listener of one server."""
    events: Sequence[type[Event]] = ()
    """Shapes of the events sent to clients."""
    arrivals: Sequence[UserListener] = ()
    """Told of each user whose first socket has opened, on whichever node; one node is told."""
    departures: Sequence[UserListener] = ()
    """Told of each user who has no socket any more, on any node; not of those whom the server's own stop cuts off. One
    node is told, and of his return within a minute the same one."""
    periodic: Sequence[Periodic] = ()
    enriches: Mapping[str, Enricher] = field(default_factory=dict)
    """Extra fields for answers of a kind: `conversations`, keyed by the partner's user id."""
    hears: Mapping[str, Hearer] = field(default_factory=dict)
    """What other features' actions tell: `message_edited` and `message_deleted`, with the message's id."""
    notices: Mapping[str, NoticeListener] = field(default_factory=dict)
    """What other nodes' features tell by `Services.notify`, by its kind."""
    guard: Callable[[Work, int], None] | None = None
    """Asked before every action for a signed-in caller; raises the error he gets."""
    prepare: Callable[[Session, Settings, datetime], None] | None = None
    """Done once at start, in a transaction."""
    stop: Callable[[Services], Awaitable[None]] | None = None
    """Done once at the server's stop, beside all else that is to end; cut off where the writer would have been."""
    log: EventLog | None = None
    """Where published events are kept; one feature's at most."""
    enabled: Callable[[Settings], bool] = lambda _settings: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """All that a client can see of a server: what its features declare, and what a socket does whatever they are."""

    features: Sequence[Feature]
    socket_events: Sequence[type[Event]]
    socket_frames: Mapping[str, str | type[Shape]]
    """What becomes of a frame, by its type, or its shape."""
    close_codes: Sequence[tuple[int, str, bool]]
    """(code, reason, whether the same client with the same token may dial again)."""
    refusals: Sequence[str]
    """For what handshakes are refused, as it is counted."""
