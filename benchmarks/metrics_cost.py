"""`python -m benchmarks.metrics_cost`: what counting and measuring costs a send, in CPU time of the server's process.

One process serves the same sends again and again, with the calls that observe and with calls of nothing in their
place, in turns of A B B A: what changes slowly, on the machine or in the database, weighs on both alike. Beside it,
what the calls take by themselves. The result goes into docs/operations.md.
"""

import asyncio
import statistics
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

from benchmarks import means, report
from benchmarks.inside import serving
from regoods.app import Application
from regoods.core.metrics import LaneMetrics, Metrics, event_type
from regoods.realtime import bus
from regoods.realtime.frames import text_frame
from run import SWITCH_SECONDS

PAGE = means.ROOT / "docs" / "operations.md"
SOCKETS = 400
CONNECTIONS = 8
"""That send without a pause: batches are small, so a send bears much of a batch's two observations."""
ROUND_SECONDS = 0.25
TURNS = 40
"""Of four rounds each."""
CALLS = 200_000
LIMIT_PERCENT = 2.0


class Nothing:
    """In a histogram's place, whose figures it still gives."""

    def __init__(self, histogram: Any) -> None:
        self.collect = histogram.collect

    def observe(self, _seconds: float) -> None: ...

    def did(self, _units: int, _seconds: float) -> None: ...


class Switch:
    """Takes the observing calls of a running server away, and gives them back."""

    def __init__(self, app: Application) -> None:
        metrics, nothing = app.metrics, Nothing(app.metrics.delivery)
        self._places: list[tuple[Any, str, Any]] = [
            (metrics, "delivery", nothing),
            (metrics, "send", nothing),
            (metrics, "answered", lambda *_facts: None),
            (bus, "event_type", lambda _ready: b""),
            *((lane, "_metrics", nothing) for lane in app.services.work._lanes),
        ]
        self._own = [getattr(place, name) for place, name, _ in self._places]

    def turn(self, *, on: bool) -> None:
        for (place, name, nothing), own in zip(self._places, self._own, strict=True):
            setattr(place, name, own if on else nothing)


async def in_turns(app: Application, post: Callable[[], dict[str, Any]]) -> tuple[list[float], list[float]]:
    """CPU µs a send of each turn: with the calls, and without them."""
    switch = Switch(app)
    spent: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(TURNS + 1):
        used, sent = {True: 0.0, False: 0.0}, {True: 0, False: 0}
        for on in (True, False, False, True):
            switch.turn(on=on)
            before = time.process_time()
            figures = await asyncio.to_thread(post)
            used[on] += time.process_time() - before
            sent[on] += figures["accepted"]
        switch.turn(on=True)
        if turn:  # the first one warms up
            for on, costs in spent.items():
                costs.append(1e6 * used[on] / sent[on])
    return spent[True], spent[False]


def alone_us() -> dict[str, float]:
    """What each call takes, in µs."""
    metrics = Metrics()
    ready = text_frame(b'{"seq":12345,"type":"message","message":{"messageContent":"' + b"x" * 350 + b'"}}')
    lane: LaneMetrics = metrics.lanes["writes"]

    def count() -> None:
        metrics.events[event_type(ready)] += 1

    calls: dict[str, Callable[[], None]] = {
        "histogram": lambda: metrics.delivery.observe(0.004),
        "batch": lambda: lane.did(4, 0.003),
        "answer": lambda: metrics.answered("POST", 201, 0.004),
        "event": count,
    }
    took = {}
    for name, call in calls.items():
        before = time.process_time()
        for _ in range(CALLS):
            call()
        took[name] = 1e6 * (time.process_time() - before) / CALLS
    return took


def counted(app: Application) -> dict[str, float]:
    """How often each call was made, for one send."""
    metrics = app.metrics
    value = metrics.registry.get_sample_value
    sends = value("regoods_send_latency_seconds_count") or 1
    batches = sum(value("regoods_database_batch_seconds_count", {"lane": lane}) or 0 for lane in metrics.lanes)
    delivered = value("regoods_delivery_latency_seconds_count") or 0
    return {"histogram": 1 + delivered / sends, "batch": batches / sends, "answer": 1.0, "event": delivered / sends}


def described(on: list[float], off: list[float], own: float) -> str:
    more = [100 * (one / other - 1) for one, other in zip(on, off, strict=True)]
    low, middle, high = statistics.quantiles(more, n=4)
    machine = means.versions()
    with_calls, without = statistics.median(on), statistics.median(off)
    lost = ", which is lost in the scatter of a busy machine" if low < 0 < high else ""
    text = (
        f"A send cost {with_calls:.0f} µs of CPU with the calls that count and measure, {without:.0f} µs with calls of "
        f"nothing in their place: {middle:+.1f} % in the median of {len(more)} turns (quartiles {low:+.1f} to "
        f"{high:+.1f} %){lost}. {CONNECTIONS} connections sent without a pause, {SOCKETS} sockets were open. By "
        f"themselves, as often as a send makes them, they take {own:.1f} µs, {100 * own / without:.1f} % of a send; "
        f"the limit is {LIMIT_PERCENT:.0f} %. (`make bench-metrics`, {machine['cpu']}, Python {machine['python']})"
    )
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


async def main() -> int:
    sys.setswitchinterval(SWITCH_SECONDS)
    async with serving(SOCKETS, one_user=False) as (app, load):
        post = lambda: load.post(ROUND_SECONDS, first=0, count=SOCKETS, connections=CONNECTIONS)  # noqa: E731
        on, off = await in_turns(app, post)
        times = counted(app)
    took = alone_us()
    own = sum(times[name] * took[name] for name in took)
    text = described(on, off, own)
    print(text)
    PAGE.write_text(report.inserted(PAGE.read_text(), "metrics-cost", text))
    return 0 if 100 * own / statistics.median(off) < LIMIT_PERCENT else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
