"""Answers of the health calls, which stand outside the envelope (contract, section 5)."""

from collections.abc import Mapping
from typing import Any, Literal

from prometheus_client import Histogram

from regoods.core.feature import Services
from regoods.core.metrics import LaneMetrics, summary
from regoods.core.wire import Shape, Time, iso

SLOW, REAPED = "4008", ("4009", "4010")
"""Close codes (README)."""


class Health(Shape):
    status: str
    timestamp: Time


class Version(Shape):
    version: str
    python: str
    started_at: Time
    commit: str | None = None
    """As `git describe` names it, where the program runs from a checkout."""


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


class LatencyStats(Shape):
    """Since this process started. Percentiles are estimated from the buckets of `/metrics`."""

    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class BatchStats(LatencyStats):
    """Batches of units of work, each one transaction: their time in the database, commits included."""

    mean_units: float


class DatabaseStats(Shape):
    writes: BatchStats
    reads: BatchStats
    slow_reads: BatchStats
    """Searches."""


class RateLimitedStats(Shape):
    """What was more than a user may."""

    reads: int
    writes: int
    """Calls answered 429."""
    frames: int
    """Dropped."""


class MemoryStats(Shape):
    resident_bytes: int
    """Of this process, in RAM."""


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
    """Sockets closed, by code; `other`: a code of the client's own."""
    delivery_latency: LatencyStats
    """From a request's arrival to the write to a user's sockets here."""
    send_latency: LatencyStats
    """From the arrival of a `POST /messages` to its 201."""
    events_by_type: dict[str, int]
    """Of `messagesSent`."""
    rate_limited: RateLimitedStats
    slow_consumers: int
    """Sockets closed since they read too slowly."""
    reaped: int
    """Sockets closed since nothing was heard of them."""
    bus: BusStats
    loop: LoopStats
    queues: QueueStats
    database: DatabaseStats
    memory: MemoryStats
    open_files: int
    """Sockets, files and pipes of this process."""
    max_open_files: int


def health(services: Services) -> Health:
    return Health(status="ok", timestamp=iso(services.clock.now()))


def readiness(services: Services, *, draining: bool, database_answers: bool) -> Readiness:
    degraded = list(services.degraded())
    status: Status = "degraded" if degraded else "ok"
    if not database_answers:
        status, degraded = "unavailable", ["database", *degraded]
    return Readiness(status="draining" if draining else status, degraded=degraded)


def version(services: Services) -> Version:
    build = services.build
    return Version(version=build.version, commit=build.commit, python=build.python, started_at=iso(build.started_at))


def process_figures(services: Services) -> Mapping[str, float]:
    """Memory and files of this process, by the names that `/metrics` has for them. Off the loop's thread."""
    return {one.name: one.samples[0].value for one in services.metrics.process.collect()}


def _latency(histogram: Histogram) -> LatencyStats:
    return LatencyStats(**_milliseconds(histogram))


def _batches(lane: LaneMetrics) -> BatchStats:
    return BatchStats(mean_units=round(summary(lane.units).mean, 2), **_milliseconds(lane.seconds))


def _milliseconds(histogram: Histogram) -> dict[str, Any]:
    seconds = summary(histogram)
    figures = {f"{name}_ms": round(1000 * getattr(seconds, name), 3) for name in ("mean", "p50", "p95", "p99")}
    return {"count": seconds.count, **figures}


def websocket_stats(services: Services, process: Mapping[str, float]) -> WebSocketStats:
    """`process`: what `process_figures` gave, nothing where the system has no /proc."""
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
        closed=dict(metrics.closed_by_code),
        delivery_latency=_latency(metrics.delivery),
        send_latency=_latency(metrics.send),
        events_by_type={kind.decode(): count for kind, count in metrics.events.items()},
        rate_limited=RateLimitedStats(**metrics.rate_limited),
        slow_consumers=metrics.closed_by_code[SLOW],
        reaped=sum(metrics.closed_by_code[code] for code in REAPED),
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
        database=DatabaseStats(
            writes=_batches(metrics.lanes["writes"]),
            reads=_batches(metrics.lanes["reads"]),
            slow_reads=_batches(metrics.lanes["slow"]),
        ),
        memory=MemoryStats(resident_bytes=int(process.get("process_resident_memory_bytes", 0))),
        open_files=int(process.get("process_open_fds", 0)),
        max_open_files=int(process.get("process_max_fds", 0)),
    )
