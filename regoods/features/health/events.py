"""Answers of the health calls, which stand outside the envelope (contract, section 5)."""

from typing import Literal

from regoods.core.feature import Services
from regoods.core.wire import Shape, Time, iso


class Health(Shape):
    status: str
    timestamp: Time


class BusStats(Shape):
    """What went between this node and the others (docs/scaling.md)."""

    published: int
    received: int
    resyncs: int
    """Users who were told to catch up."""
    lag_ms: float
    """How long this node's last message to itself was under way."""
    limits_alone: int
    """Calls and frames that were counted for this node alone, since Redis was away."""


Status = Literal["ok", "degraded", "draining", "unavailable"]


class Readiness(Shape):
    status: Status
    """`degraded`: it serves, without what is named; `draining` and `unavailable`: send requests elsewhere."""
    degraded: list[str]
    """What does not answer: `database`, `redis`."""


class LoopStats(Shape):
    """How late the loop, which serves everyone, comes to what is due: looked at ten times a second."""

    lag_ms: float
    """Last."""
    longest_lag_ms: float
    """Of the last minute."""


class QueueStats(Shape):
    """Units of work that wait for the database or are under way."""

    writes: int
    reads: int
    slow_reads: int
    """Searches."""
    refused: int
    """Calls answered 503 because too much waited (docs/reliability.md)."""


class WebSocketStats(Shape):
    """The plan's `getMetrics`: counts since this process started."""

    active_connections: int
    online_users: int
    messages_sent: int
    """Events written to sockets."""
    messages_received: int
    """Frames read from sockets."""
    connection_errors: int
    """Handshakes refused."""
    avg_connection_duration: float
    """Seconds; sockets still open count up to now."""
    refused: dict[str, int]
    """Handshakes refused, by reason."""
    closed: dict[str, int]
    """Sockets closed, by code."""
    bus: BusStats
    loop: LoopStats
    queues: QueueStats


def health(services: Services) -> Health:
    return Health(status="ok", timestamp=iso(services.clock.now()))


def readiness(services: Services, *, draining: bool, database_answers: bool) -> Readiness:
    degraded = list(services.degraded())
    status: Status = "degraded" if degraded else "ok"
    if not database_answers:
        status, degraded = "unavailable", ["database", *degraded]
    return Readiness(status="draining" if draining else status, degraded=degraded)


def websocket_stats(services: Services) -> WebSocketStats:
    metrics = services.metrics
    connections, users = services.connections()
    return WebSocketStats(
        active_connections=connections,
        online_users=users,
        messages_sent=metrics.events_sent,
        messages_received=metrics.frames_received,
        connection_errors=sum(metrics.refused.values()),
        avg_connection_duration=round(metrics.average_connection_seconds, 3),
        refused=dict(metrics.refused),
        closed={str(code): count for code, count in metrics.closed_by_code.items()},
        bus=BusStats(
            published=metrics.bus.published,
            received=metrics.bus.received,
            resyncs=metrics.bus.resyncs,
            lag_ms=round(1000 * metrics.bus.lag_seconds, 3),
            limits_alone=metrics.bus.limits_alone,
        ),
        loop=LoopStats(
            lag_ms=round(1000 * metrics.loop.last, 3),
            longest_lag_ms=round(1000 * metrics.loop.longest, 3),
        ),
        queues=QueueStats(
            writes=services.work.waiting["writes"],
            reads=services.work.waiting["reads"],
            slow_reads=services.work.waiting["slow"],
            refused=services.work.refused,
        ),
    )
