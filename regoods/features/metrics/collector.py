"""What is counted in plain ints, as the library's metrics: made when somebody asks, so counting costs no more."""

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as LibrarysCollector

from regoods.core.feature import Contract, Services

WITHOUT_CODE = ("1000", "1005", "1006")
"""How sockets end that the server does not close: normally, without a code, without a word."""


class Collector(LibrarysCollector):
    """Of one server. It runs on another thread than the one that counts: each dict is copied before it is read."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._codes = _zeros(WITHOUT_CODE, (str(code) for code, _, _ in services.contract.close_codes))
        self._reasons = _zeros(services.contract.refusals)
        self._types = _zeros(_event_types(services.contract))

    def collect(self) -> Iterator[Metric]:
        yield from self._sockets()
        yield from self._traffic()
        yield from self._strain()
        yield from self._bus()
        yield self._build()

    def _sockets(self) -> Iterator[Metric]:
        metrics = self._services.metrics
        connections, users = self._services.connections()
        yield _gauge("connections", "Open sockets", connections)
        yield _gauge("online_users", "Users with an open socket in this process", users)
        yield _counter("connections_opened", "Sockets opened", metrics.connections_opened)
        yield _counters("connections_closed", "Sockets closed", "code", self._codes | metrics.closed_by_code)
        yield _counters("handshakes_refused", "Handshakes refused", "reason", self._reasons | metrics.refused.copy())
        yield _gauge(
            "connection_duration_average_seconds",
            "Mean age of all sockets since the start, those still open included",
            metrics.average_connection_seconds,
        )

    def _traffic(self) -> Iterator[Metric]:
        metrics = self._services.metrics
        events = {kind.decode(): count for kind, count in metrics.events.copy().items()}
        yield _counters(
            "events_sent",
            "Events written to sockets; without what a socket is told of itself",
            "type",
            self._types | events,
        )
        yield _counter("frames_received", "Frames read from sockets", metrics.frames_received)
        yield _counters("rate_limited", "Calls refused and frames dropped", "limit", metrics.rate_limited.copy())

    def _strain(self) -> Iterator[Metric]:
        loop, work = self._services.metrics.loop, self._services.work
        yield _gauge("loop_lag_seconds", "How late the loop came last to what was due", loop.last)
        yield _gauge("loop_lag_longest_seconds", "The same at most in the last minute", loop.longest)
        waiting = GaugeMetricFamily(
            "regoods_queue_units", "Units of work that wait for the database or are under way", labels=["lane"]
        )
        for lane, units in work.waiting.items():
            waiting.add_metric([lane], units)
        yield waiting
        yield _counter("overload_refused", "Calls answered 503 because too much waited", work.refused)
        dropped = self._services.metrics.log_lines_dropped
        yield _counter(
            "log_lines_dropped", "Lines of the log that were not written, as nobody read those before", dropped
        )
        yield _gauge("degraded", "Things this process does without at the moment", len(self._services.degraded()))

    def _bus(self) -> Iterator[Metric]:
        bus = self._services.metrics.bus
        yield _counter("bus_published", "Messages to other nodes", bus.published)
        yield _counter("bus_received", "Messages from other nodes", bus.received)
        yield _counter("bus_resyncs", "Users who were told to catch up", bus.resyncs)
        yield _gauge("bus_lag_seconds", "The way of this node's last message to itself", bus.lag_seconds)
        yield _counter("bus_limits_alone", "Calls and frames counted for this node alone", bus.limits_alone)

    def _build(self) -> Metric:
        build = self._services.build
        labels = {"version": build.version, "commit": build.commit or "", "python": build.python}
        family = GaugeMetricFamily("regoods_build_info", "Which program this is; always 1", labels=list(labels))
        family.add_metric(list(labels.values()), 1)
        return family


def _event_types(contract: Contract) -> Iterator[str]:
    for feature in contract.features:
        for event in feature.events:
            yield str(event.__struct_config__.tag)


def _zeros(*several: Iterable[str]) -> dict[str, int]:
    """A series that is not there before its first event has no rate at that event."""
    return {name: 0 for names in several for name in names}


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"regoods_{name}", about, value=value)


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(f"regoods_{name}", about, value=value)


def _counters(name: str, about: str, label: str, counts: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"regoods_{name}", about, labels=[label])
    for key, count in counts.items():
        family.add_metric([key], count)
    return family
