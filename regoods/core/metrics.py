"""What this process counted and measured since it started: for `/metrics` and `/health/websocket-stats`.

What is counted on the way of every message is a plain int, read when somebody asks; what is measured is observed by
the library's histograms, 1 µs each.
"""

import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, disable_created_metrics

from regoods.core import log

# A series beside each counter and histogram that says when it was made: when the process was.
disable_created_metrics()  # type: ignore[no-untyped-call]

LAG_MS = 100
"""How often it is looked how late the loop is."""

LAGS = 60_000 // LAG_MS


LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of what clients wait for, in seconds; one is the plan's limit of 500 ms."""

BATCH_SECONDS = (0.0005, *LATENCIES)
BATCH_UNITS = (1, 2, 4, 8, 16, 32, 64, 128)

LANES = ("writes", "reads", "slow")
"""Of the database's threads (`core/work_queue.py`)."""

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "OPTIONS"})
OTHER = "other"
"""What is said of whatever a client can make up: the number of series must not be his to choose."""

LIMITS = ("reads", "writes", "frames")

EVENT_TYPE, TYPE_ENDS = b'"type":"', 64
"""An encoded event begins with its type, or with its number and its type."""


class BusMetrics:
    """What went between this node and the others."""

    def __init__(self) -> None:
        self.published = 0
        self.received = 0
        self.resyncs = 0
        """Users who were told to catch up."""
        self.lag_seconds = 0.0
        """The way of this node's last message to itself."""
        self.limits_alone = 0
        """Hits that were counted for this node alone."""


class LoopLag:
    """How late the loop comes to what is due, in seconds: what everyone waits for whatever keeps it busy."""

    def __init__(self) -> None:
        self._due = 0.0
        self._late: deque[float] = deque([0.0], LAGS)

    def start(self, now: float) -> None:
        self._due = now + LAG_MS / 1000

    def tick(self, now: float) -> None:
        """Called every LAG_MS by a callback that leaves out what it missed."""
        late = max(0.0, now - self._due)
        self._late.append(late)
        self._due += (int(late * 1000 / LAG_MS) + 1) * LAG_MS / 1000

    @property
    def last(self) -> float:
        return self._late[-1]

    @property
    def longest(self) -> float:
        """Of the last minute in which the loop ran."""
        return max(self._late)


class LaneMetrics(NamedTuple):
    """Of one lane's batches. On the loop's thread."""

    seconds: Histogram
    units: Histogram

    def did(self, units: int, seconds: float) -> None:
        self.seconds.observe(seconds)
        self.units.observe(units)


@dataclass(frozen=True, slots=True)
class Summary:
    """Of what a histogram has observed, in its unit; all 0 where that is nothing."""

    count: int
    mean: float
    p50: float
    p95: float
    p99: float


def summary(histogram: Histogram) -> Summary:
    """Percentiles lie on a straight line within their bucket, as PromQL's `histogram_quantile` has them."""
    (metric,) = histogram.collect()
    count, total, buckets = 0, 0.0, []
    for sample in metric.samples:
        if sample.name.endswith("_bucket"):
            buckets.append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_count"):
            count = int(sample.value)
        elif sample.name.endswith("_sum"):
            total = sample.value
    if not count:
        return Summary(0, 0.0, 0.0, 0.0, 0.0)
    return Summary(count, total / count, *(quantile(share, buckets, count) for share in (0.5, 0.95, 0.99)))


def quantile(share: float, buckets: Sequence[tuple[float, float]], count: int) -> float:
    """`buckets`: upper bound, and how many were no more; the last one has no bound."""
    below, seen = 0.0, 0.0
    for bound, up_to in buckets[:-1]:
        if up_to >= share * count:
            return below + (bound - below) * (share * count - seen) / (up_to - seen)
        below, seen = bound, up_to
    return below


def event_type(ready: bytes) -> bytes:
    """Of a frame with an encoded event."""
    begin = ready.index(EVENT_TYPE, 0, TYPE_ENDS) + len(EVENT_TYPE)
    return ready[begin : ready.index(b'"', begin)]


class Metrics:
    """Counters and histograms, written on the loop's thread only."""

    def __init__(self) -> None:
        self.events: Counter[bytes] = Counter()
        """Written to sockets, by their type."""
        self.frames_received = 0
        self.connections_opened = 0
        self.connections_closed = 0
        self.refused: Counter[str] = Counter()
        self.closed_by_code: Counter[str] = Counter()
        self.rate_limited: Counter[str] = Counter(dict.fromkeys(LIMITS, 0))
        """Calls refused and frames dropped."""
        self._connected_seconds = 0.0
        self.registry = CollectorRegistry()
        """Of this server alone: two fit in one process."""
        self.delivery = Histogram(
            "regoods_delivery_latency_seconds",
            "From a request's arrival to the write to a user's sockets here; once for each user who hears of it",
            buckets=LATENCIES,
            registry=self.registry,
        )
        self.send = Histogram(
            "regoods_send_latency_seconds",
            "From the arrival of a POST /messages to its 201",
            buckets=LATENCIES,
            registry=self.registry,
        )
        self._requests = Histogram(
            "regoods_request_duration_seconds",
            "From a request's arrival to its answer; of a handshake to its 101",
            ["method", "status"],
            buckets=LATENCIES,
            registry=self.registry,
        )
        self._requests_of: dict[tuple[str, int], Histogram] = {}
        self.lanes = self._lanes()
        self.process = ProcessCollector(registry=self.registry)
        """Memory, processor and open files, read from /proc: listing 10,000 sockets takes some ms, so off the loop."""
        self.memory_used = Gauge(
            "regoods_memory_used_ratio",
            "Memory used of what there is: the machine's or a cgroup's, or the process's against MEMORY_LIMIT",
            registry=self.registry,
        )
        self.alerts_firing = Gauge(
            "regoods_alerts_firing", "1 while the alert fires", ["alert"], registry=self.registry
        )
        self.bus = BusMetrics()
        self.loop = LoopLag()

    def _lanes(self) -> Mapping[str, LaneMetrics]:
        seconds = Histogram(
            "regoods_database_batch_seconds",
            "Time of a batch of units of work in the database, its commit included",
            ["lane"],
            buckets=BATCH_SECONDS,
            registry=self.registry,
        )
        units = Histogram(
            "regoods_database_batch_units",
            "Units of work in a batch: one transaction",
            ["lane"],
            buckets=BATCH_UNITS,
            registry=self.registry,
        )
        return {lane: LaneMetrics(seconds.labels(lane), units.labels(lane)) for lane in LANES}

    @property
    def events_sent(self) -> int:
        return sum(self.events.values())

    def answered(self, method: str, status: int, seconds: float) -> None:
        """A request got its answer."""
        key = (method if method in METHODS else OTHER, status // 100)
        histogram = self._requests_of.get(key)
        if histogram is None:
            histogram = self._requests_of[key] = self._requests.labels(key[0], f"{key[1]}xx")
        histogram.observe(seconds)

    @property
    def log_lines_dropped(self) -> int:
        """Of the whole process."""
        return log.dropped()

    def opened(self) -> None:
        self.connections_opened += 1
        self._connected_seconds -= time.monotonic()

    def closed(self, code: str) -> None:
        self.connections_closed += 1
        self.closed_by_code[code] += 1
        self._connected_seconds += time.monotonic()

    @property
    def average_connection_seconds(self) -> float:
        """Mean over all sockets since the start; those still open count up to now.

        A sum of ends minus beginnings needs no time stamp a socket.
        """
        if not self.connections_opened:
            return 0.0
        still_open = self.connections_opened - self.connections_closed
        return (self._connected_seconds + still_open * time.monotonic()) / self.connections_opened
