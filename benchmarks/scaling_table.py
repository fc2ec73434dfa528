"""What `make bench-scaling` measured, as docs/scaling.md shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Results = dict[str, Any]
Figures = dict[str, Any]

RARE = 0.005
"""Commands a message, below which one has no row."""

LARGEST, SMALLEST = "4 nodes", "1 node"
"""The cases that are compared."""


@dataclass(frozen=True)
class Row:
    """One figure of each run; None where a run has none."""

    what: str
    of: Callable[[Figures], float | None]
    digits: int = 0


def a_message(step: str, count: str, scale: float = 1) -> Callable[[Figures], float | None]:
    def of(run: Figures) -> float | None:
        value, accepted = run[step]["counts"].get(count), run[step]["load"]["accepted"]
        return None if value is None or not accepted else scale * value / accepted

    return of


def a_second(step: str, count: str) -> Callable[[Figures], float | None]:
    def of(run: Figures) -> float | None:
        value = run[step]["counts"].get(count)
        return None if value is None else value / run[step]["load"]["seconds"]

    return of


def a_socket(count: str) -> Callable[[Figures], float | None]:
    def of(run: Figures) -> float | None:
        value = run["opening"]["counts"].get(count)
        return None if value is None else value / run["opening"]["load"]["opened"]

    return of


def of_load(step: str, *path: str) -> Callable[[Figures], float | None]:
    def of(run: Figures) -> float | None:
        value: Any = run[step]["load"]
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return None if value is None else float(value)

    return of


def messages_per_second(run: Figures) -> float:
    return float(run["saturated"]["load"]["accepted"] / run["saturated"]["load"]["seconds"])


COSTS = (
    Row("CPU of all nodes together, µs a message", a_message("saturated", "node cpu", 1e6)),
    Row("CPU of Redis, µs a message", a_message("saturated", "redis cpu", 1e6)),
    Row("CPU of the database, µs a message", a_message("saturated", "database cpu", 1e6)),
    Row("database: statements a message", a_message("saturated", "statements"), 1),
    Row("database: commits a message", a_message("saturated", "commits"), 2),
)
GENERATOR = Row(
    "CPU of the load generator, % of a core",
    lambda run: 100 * run["saturated"]["load"]["client_cpu_seconds"] / run["saturated"]["load"]["seconds"],
)
TIMETABLE = (
    Row("p50 send to frame, ms", of_load("timetable", "frame_ms", "p50"), 1),
    Row("p99 send to frame, ms", of_load("timetable", "frame_ms", "p99"), 1),
    Row("accepted and not delivered", of_load("timetable", "lost")),
    Row("sends not begun by its end", of_load("timetable", "unsent")),
    Row("users told to catch up", lambda run: run["timetable"]["counts"]["resyncs"]),
    Row("CPU of all nodes together, µs a message", a_message("timetable", "node cpu", 1e6)),
    Row("CPU of Redis, µs a message", a_message("timetable", "redis cpu", 1e6)),
    Row("CPU of the database, µs a message", a_message("timetable", "database cpu", 1e6)),
    Row("database: statements a message", a_message("timetable", "statements"), 1),
    Row("database: commits a message", a_message("timetable", "commits"), 2),
    Row("events a message that a node heard from another", a_message("timetable", "heard"), 2),
)
REDIS = (
    Row("**Redis: commands a message**", a_message("timetable", "redis commands"), 2),
    Row("**Redis: bytes in, a message**", a_message("timetable", "redis in")),
    Row("**Redis: bytes out, a message**", a_message("timetable", "redis out")),
)
REST = (
    Row("Redis: commands a second, all sockets idle", a_second("idle", "redis commands"), 1),
    Row("Redis: commands a handshake", a_socket("redis commands"), 2),
    Row("Redis: memory a socket, bytes", a_socket("redis memory")),
    Row("Redis: bytes in a second, all sockets idle", a_second("idle", "redis in")),
)


def rows_of_commands(results: Results) -> Sequence[Row]:
    """A row for each command that a message causes anywhere."""
    runs = [run for case in results["cases"].values() for run in case["runs"]]
    names = {name for run in runs for name in run["timetable"]["counts"] if name.startswith("command ")}
    rows = [Row(f"– {name.removeprefix('command ')}", a_message("timetable", name), 2) for name in sorted(names)]
    return [row for row in rows if any((row.of(run) or 0) >= RARE for run in runs)]


def values(case: Figures, row: Row) -> Sequence[float]:
    return [value for run in case["runs"] if (value := row.of(run)) is not None]


def number(value: float, digits: int) -> str:
    return f"{value:,.{digits}f}"


def cell(case: Figures, row: Row) -> str:
    found = values(case, row)
    if not found:
        return "–"
    low, middle, high = (number(value, row.digits) for value in (min(found), median(found), max(found)))
    return middle if low == high else f"{middle} ({low}–{high})"


def line(name: str, run: Figures) -> str:
    """One run in a line."""
    shown = (*TIMETABLE[:3], COSTS[0], *REDIS[:1])
    parts = [
        f"{row.what.strip('*')} {number(value, row.digits)}" for row in shown if (value := row.of(run)) is not None
    ]
    return f"{name}: {messages_per_second(run):,.0f} messages/s; {'; '.join(parts)}; load average {run['load average']}"


def as_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = f"|{'---|' * len(head)}"
    return "\n".join([f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(cells)} |" for cells in lines)])


def measured(results: Results) -> str:
    cases, rate = results["cases"], results["plan"]["rate"]
    blocks = (
        ("*without a pause*", (Row("messages a second", messages_per_second), *COSTS, GENERATOR)),
        (f"*{rate} messages a second*", TIMETABLE),
        ("", (*REDIS[:1], *rows_of_commands(results), *REDIS[1:])),
        ("*sockets*", REST),
    )
    lines = []
    for title, rows in blocks:
        if title:
            lines.append([title, *("" for _ in cases)])
        lines += [[row.what, *(cell(case, row) for case in cases.values())] for row in rows]
    return as_table(["measured", *cases], lines)


def growth(results: Results) -> str:
    """Whether Redis' work for a message grows with the nodes."""
    one, many = results["cases"].get(SMALLEST), results["cases"].get(LARGEST)
    if not one or not many or not one["runs"] or not many["runs"]:
        return ""
    ratios = [
        f"{row.what.strip('*').removeprefix('Redis: ')} {median(values(many, row)) / median(values(one, row)):.2f} ×"
        for row in (*REDIS, TIMETABLE[6])
    ]
    return f"Measured, {LARGEST} against {SMALLEST}: {', '.join(ratios)}."


def summary(results: Results) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    plan = results["plan"]
    averages = [float(run["load average"]) for case in results["cases"].values() for run in case["runs"]]
    parts = [
        f"`make bench-scaling`, {results['started']}, {results['minutes']:.0f} minutes, {plan['sockets']:,} sockets, "
        f"{plan['runs']} runs: {machine}; load average {min(averages, default=0)}–{max(averages, default=0)} before "
        "the runs. Median of the runs (lowest–highest).",
        measured(results),
        growth(results),
    ]
    parts.append("\n".join(f"- {note}" for note in results["notes"]))
    return "\n\n".join(part for part in parts if part) + "\n"
