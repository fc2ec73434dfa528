"""What this process counted since it started, for `/health/websocket-stats`."""

import time
from collections import Counter, deque

from prometheus_client import CollectorRegistry, Histogram

from regoods.core import log

LAG_MS = 100
"""How often it is looked how late the loop is."""

LAGS = 60_000 // LAG_MS


LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of what clients wait for, in seconds; one is the plan's limit of 500 ms."""


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


class Metrics:
    """Plain counters, written on the loop's thread only."""

    def __init__(self) -> None:
        self.events_sent = 0
        self.frames_received = 0
        self.connections_opened = 0
        self.connections_closed = 0
        self.refused: Counter[str] = Counter()
        self.closed_by_code: Counter[int] = Counter()
        self._connected_seconds = 0.0
        self.registry = CollectorRegistry()
        """Of this server alone: two fit in one process."""
        self.delivery = Histogram(
            "regoods_delivery_latency_seconds",
            "From a request's arrival to the write to a user's sockets here; once for each user who hears of it",
            buckets=LATENCIES,
            registry=self.registry,
        )
        self.bus = BusMetrics()
        self.loop = LoopLag()

    @property
    def log_lines_dropped(self) -> int:
        """Of the whole process."""
        return log.dropped()

    def opened(self) -> None:
        self.connections_opened += 1
        self._connected_seconds -= time.monotonic()

    def closed(self, code: int) -> None:
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
