"""The four alerts: what each looks at, when it fires, when it is resolved. Times in seconds, given by the caller."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from regoods.core.metrics import quantile

Name = Literal["connection_failures", "delivery_latency", "connections_dropped", "memory"]
Unit = Literal["ratio", "ms"]

LEAST_FAILURES = 35
"""Fewer may be one person who opens his laptop: each of his five tabs dials six times with a token that has ended.
Prometheus' increase() makes up to 5 % more of that."""
LEAST_DELIVERIES = 10
LEAST_SOCKETS = 25
"""Of fewer, one person's five are more than a fifth."""

AT_ONCE = 1 / 5
"""Of the window: sockets that go within this time go at once. In the evening they go, too, but in hours."""
STEADY = 1 / 10
"""Of the window: how long an alert's value must stay under the lower limit before it is resolved, without a break. So
one that goes up and down fires no oftener than that."""

EVALUATIONS = 60
"""In a window."""


@dataclass(frozen=True, slots=True)
class Rule:
    name: Name
    limit: float
    resolved_under: float
    unit: Unit = "ratio"
    persists: float = 0.0
    """Of the window: how long the value must stay over the limit before the alert fires."""


RULES: Mapping[Name, Rule] = {
    rule.name: rule
    for rule in (
        Rule("connection_failures", 0.05, 0.04),
        Rule("delivery_latency", 500.0, 400.0, "ms"),
        Rule("connections_dropped", 0.20, 0.10),
        # What another program takes for a moment is over by itself.
        Rule("memory", 0.80, 0.75, persists=STEADY),
    )
}


class Reading(NamedTuple):
    value: float
    proves: bool
    """Whether it is of enough events: where not, nothing fires by it, and what fires is as good as under its limit."""
    details: Mapping[str, Any]
    """Fields of `events.Details`."""


class Alert:
    """One of the four in one process: ok, or firing."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.firing = False
        self.reading: Reading | None = None
        """The last one."""
        self._turned_at: float | None = None
        """Since when the readings have spoken for the other state, without a break."""

    def see(self, reading: Reading, now: float, window: float) -> bool:
        """Take a reading; whether the alert has fired or is resolved by it. `now` never goes back."""
        self.reading = reading
        if self.firing:
            speaks, lasting = not reading.proves or reading.value < self.rule.resolved_under, STEADY * window
        else:
            speaks, lasting = reading.proves and reading.value > self.rule.limit, self.rule.persists * window
        if not speaks:
            self._turned_at = None
            return False
        if self._turned_at is None:
            self._turned_at = now
        if now - self._turned_at < lasting:
            return False
        self._turned_at = None
        self.firing = not self.firing
        return True


@dataclass(frozen=True, slots=True)
class Totals:
    """What a process has counted since it started."""

    opened: int = 0
    """Handshakes that ended in a socket."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Handshakes that did not, by reason."""
    delivered: Sequence[float] = ()
    """Deliveries by their latency: so many up to each bound, the last one infinite."""
    seconds: float = 0.0
    """The sum of their latencies."""

    def since(self, before: "Totals") -> "Totals":
        earlier = before.delivered or [0.0] * len(self.delivered)
        return Totals(
            opened=self.opened - before.opened,
            refused={
                reason: more
                for reason, count in self.refused.items()
                if (more := count - before.refused.get(reason, 0))
            },
            delivered=[now - then for now, then in zip(self.delivered, earlier, strict=True)],
            seconds=self.seconds - before.seconds,
        )


def failures(during: Totals) -> Reading:
    """The part of the window's handshakes that were refused or failed."""
    failed = sum(during.refused.values())
    handshakes = during.opened + failed
    details = {"handshakes": handshakes, "failures": failed, "reasons": dict(during.refused)}
    return Reading(failed / handshakes if handshakes else 0.0, failed >= LEAST_FAILURES, details)


def latency(during: Totals, bounds: Sequence[float]) -> Reading:
    """The mean of the window's deliveries, in ms; `bounds` in seconds."""
    count = int(during.delivered[-1]) if during.delivered else 0
    if not count:
        return Reading(0.0, False, {"deliveries": 0})
    buckets = list(zip((*bounds, math.inf), during.delivered, strict=True))
    details = {"deliveries": count, "p99_ms": round(1000 * quantile(0.99, buckets, count), 3)}
    return Reading(1000 * during.seconds / count, count >= LEAST_DELIVERIES, details)


def interval_ms(window_ms: int) -> int:
    """How often is looked: often enough to see what goes at once."""
    return min(max(window_ms // EVALUATIONS, 200), 5_000)
