"""What a feature declares, and what the house hands to it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from regoods.core.clock import Clock
from regoods.core.database import Session
from regoods.core.metrics import Metrics
from regoods.core.settings import Settings
from regoods.core.tokens import TokenVerifier
from regoods.core.wire import Event, Shape
from regoods.core.work import Work, WorkQueue

Publish = Callable[[Sequence[int], bytes], None]
"""Give an encoded event to every open socket of these users; on the loop's thread."""

Enricher = Callable[[Work, Sequence[int]], Mapping[int, Shape]]
"""`(work, ids) -> {id: extra wire fields}` for another feature's answers, asked once a page."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one running server that features use. `app.py` makes it."""

    settings: Settings
    clock: Clock
    tokens: TokenVerifier
    work: WorkQueue
    metrics: Metrics
    publish: Publish
    connections: Callable[[], tuple[int, int]]
    """How many sockets are open, and how many users have one."""


FrameListener = Callable[[int, bytes], Awaitable[None] | None]
"""`(user id of the token, the frame's JSON)`; raises ApiError to answer with an `error` event."""


@dataclass(frozen=True, slots=True)
class Periodic:
    """Work that a PeriodicCallback does every `interval_ms`, on the loop's thread."""

    run: Callable[[Services], Awaitable[None] | None]
    interval_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    name: str
    routes: Sequence[tuple[str, type[Any]]] = ()
    """(path pattern, handler class), in the order they are tried; those without a group come before all others."""
    frames: Mapping[str, Callable[[Services], FrameListener]] = field(default_factory=dict)
    """Frames heard from clients, by their `type`: what makes the listener of one server."""
    events: Sequence[type[Event]] = ()
    """Shapes of the events sent to clients."""
    periodic: Sequence[Periodic] = ()
    enriches: Mapping[str, Enricher] = field(default_factory=dict)
    """Extra fields for answers of a kind: `conversations`, keyed by the partner's user id."""
    guard: Callable[[Work, int], None] | None = None
    """Asked before every action for a signed-in caller; raises the error he gets."""
    prepare: Callable[[Session, Settings, datetime], None] | None = None
    """Done once at start, in a transaction, on an embedded database."""
    enabled: Callable[[Settings], bool] = lambda _settings: True
