"""The rows of the table: which figure of which scenario, what it has to reach, and how runs are put together."""

from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.servers import NODE, PRODUCT, TORNADO

Results = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """`path` leads to one number in a scenario's figures. With `against`, the row is the product's ratio to that peer.

    The value of several runs is their median, except for a `worst` row: there it is the worst of them.
    """

    what: str
    unit: str
    scenario: str
    path: tuple[str, ...]
    less_is_better: bool
    at_least: float | None = None
    ambition: float | None = None
    against: str | None = None
    worst: bool = False


@dataclass(frozen=True)
class Cell:
    """The value of a row for one server and the spread of its runs."""

    value: float
    low: float
    high: float
    runs: int


def _row(what: str, unit: str, where: str, less: bool, *goals: float, **more: Any) -> Row:
    scenario, *path = where.split(".")
    at_least, ambition = (*goals, None, None)[:2]
    return Row(what, unit, scenario, tuple(path), less, at_least, ambition, **more)


LESS, MORE = True, False
MEMORY, HANDSHAKES = "idle_sockets.kb_per_socket", "idle_sockets.handshakes_per_second"
ROWS = [
    _row("memory per idle socket", "KB", MEMORY, LESS, 3.0, 2.2),
    _row("memory per idle socket, against Node", "×", MEMORY, LESS, 0.5, 0.33, against=NODE),
    _row("events written a CPU second, through the bus", "/s", "bus_events_per_cpu_second", MORE, 100_000, 120_000),
    _row("frames a CPU second, message to a crowd", "/s", "fan_out.frames_per_cpu_second", MORE, 100_000, 120_000),
    _row("durable messages a second, saturated", "/s", "saturated.messages_per_second", MORE, 2_200, 3_500),
    _row("saturated: p99 of the 201", "ms", "saturated.answer_ms.p99", LESS),
    _row("saturated: CPU of the server", "% core", "saturated.cpu_percent", LESS),
    _row("saturated: CPU of the load generator", "% core", "saturated.client_cpu_percent", LESS),
    _row("timetable: p50 send to frame", "ms", "timetable.frame_ms.p50", LESS),
    _row("timetable: p99 send to frame", "ms", "timetable.frame_ms.p99", LESS, 15, 5),
    _row("timetable: longest send to frame", "ms", "timetable.frame_ms.max", LESS, worst=True),
    _row("timetable: accepted and not delivered", "", "timetable.lost", LESS, 0, 0, worst=True),
    _row("timetable: sends not begun by its end", "", "timetable.unsent", LESS, 0, 0, worst=True),
    _row("timetable: CPU of the server", "% core", "timetable.cpu_percent", LESS),
    _row("handshakes with JWT", "/s", HANDSHAKES, MORE),
    _row("handshakes, against plain Tornado", "×", HANDSHAKES, MORE, 0.95, 1.2, against=TORNADO),
    _row("heartbeat, longest tick", "ms", "longest_heartbeat_tick_ms", LESS, 5, 2, worst=True),
    _row("longest silence of the loop, quiet", "ms", "quiet_loop.round_trip_ms.max", LESS, 25, 10, worst=True),
    _row("the generator's own stop meanwhile", "ms", "quiet_loop.client_longest_stop_ms", LESS, worst=True),
    _row("idle CPU with the sockets open", "% core", "idle_cpu.cpu_percent", LESS, 3.0),
    _row("memory after ten rounds, since the 2nd", "%", "come_and_go.growth_percent", LESS, 3.0, 1.0),
]


def series(results: Results, server: str, row: Row) -> list[float | None]:
    """The row's number of each run; None where a run has none."""
    values = []
    for figures in results["servers"].get(server, {}).get("runs", {}).get(row.scenario, []):
        value: Any = figures
        for step in row.path:
            value = value.get(step) if isinstance(value, dict) else None
        values.append(value)
    return values


def _cell(row: Row, values: list[float]) -> Cell | None:
    if not values:
        return None
    worst = max(values) if row.less_is_better else min(values)
    return Cell(worst if row.worst else median(values), min(values), max(values), len(values))


def cell(results: Results, server: str, row: Row) -> Cell | None:
    """What stands in the table; of a ratio row, run by run against the peer's run of the same turn."""
    values = [value for value in series(results, server, row) if value is not None]
    if row.against is None:
        return _cell(row, values)
    theirs = [value for value in series(results, row.against, row) if value]
    if server != PRODUCT or not values or not theirs:
        return None
    each = [ours / their for ours, their in zip(values, theirs, strict=False)]
    return Cell(median(values) / median(theirs), min(each), max(each), len(each))


def verdict(row: Row, got: Cell | None) -> str:
    if got is None or row.at_least is None:
        return ""
    sign = 1 if row.less_is_better else -1
    if row.ambition is not None and sign * got.value <= sign * row.ambition:
        return "ambition"
    return "yes" if sign * got.value <= sign * row.at_least else "no"


def growth_rows(results: Results, server: str) -> list[tuple[str, float, float, float]]:
    """What, ratio of medians, lowest and highest of the runs, for each way of growing; the goal is 0.8 to 1.2."""
    cases = results["servers"].get(server, {}).get("growth", {})
    if len(cases) < 2:
        return []
    (_, base), *grown = cases.items()
    found = []
    for name, runs in grown:
        for figure, what in (("cpu_us_per_send", "a send"), ("cpu_us_per_frame", "a push")):
            common = median(run[figure] for run in base)
            ratios = [run[figure] / common for run in runs]
            found.append((f"CPU of {what}, {name}", median(ratios), min(ratios), max(ratios)))
    return found
