"""What was measured, beside what the owner's plan wants."""

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from regoods.commands.bench.allowance import Allowance, Wanted
from regoods.commands.bench.load import Outcome
from regoods.commands.bench.sockets import TEXT_WORDS
from regoods.commands.printing import harmless

SOCKETS, RATE, KB_A_SOCKET, DELIVERY_MS = 10_000, 1_000, 10, 500
"""The plan's: sockets at once, messages a second, memory of a socket, mean delivery."""

NEARLY = 0.99
"""Of a rate: the last answer comes after the timetable's end."""

ENOUGH_SOCKETS = 500
"""Fewer say nothing of memory: what a process takes in advance is more."""

BUSY_SHARE = 0.85
LATE_SECONDS = 0.1
"""From here on the generator is what was measured."""

MARKS = {True: Text("✓", "bold green"), False: Text("✗", "bold red"), None: Text("–", "dim")}
NOTHING = "–"


def report(outcome: Outcome, wanted: Wanted, allowed: Allowance) -> RenderableType:
    return Group(
        _targets(outcome, allowed),
        _latencies(outcome),
        _figures(outcome),
        *(Text(line, style) for line, style in _words(outcome, wanted, allowed)),
    )


def _targets(outcome: Outcome, allowed: Allowance) -> Table:
    table = Table(title="The plan's targets", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("target", "plan", "measured", "tried", ""):
        table.add_column(name, justify="right" if name in ("plan", "measured") else "left")
    at_rate = f"{allowed.rate:,} a second" if outcome.due else "not tried"
    with_sockets = f"with {outcome.opened:,} sockets"
    memory, mean = outcome.memory_per_socket, 1000 * outcome.delivery.mean
    table.add_row(
        "sockets at once",
        f"{SOCKETS:,}",
        f"{outcome.opened:,}",
        f"{allowed.sockets:,}",
        _mark(outcome.opened >= SOCKETS, tried=allowed.sockets >= SOCKETS),
    )
    table.add_row(
        "messages a second",
        f"{RATE:,}",
        f"{outcome.rate:,.1f}" if outcome.due else NOTHING,
        at_rate,
        _mark(outcome.rate >= NEARLY * RATE, tried=bool(outcome.due) and allowed.rate >= RATE),
    )
    table.add_row(
        "memory a socket",
        f"{KB_A_SOCKET} KB",
        NOTHING if memory is None else f"{memory / 1000:,.1f} KB",
        with_sockets,
        _mark((memory or 0) <= 1000 * KB_A_SOCKET, tried=memory is not None and outcome.opened >= ENOUGH_SOCKETS),
    )
    table.add_row(
        "delivery, mean",
        f"{DELIVERY_MS} ms",
        f"{mean:,.1f} ms" if outcome.delivery.count else NOTHING,
        f"{at_rate}, {with_sockets}" if outcome.due else at_rate,
        _mark(mean <= DELIVERY_MS, tried=bool(outcome.delivery.count)),
    )
    return table


def _mark(reached: bool, *, tried: bool) -> Text:
    return MARKS[reached if tried else None]


def _figures(outcome: Outcome) -> Table:
    table = Table(title="And beside", title_justify="left", box=box.SIMPLE, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    if outcome.opened:
        table.add_row("handshakes", f"{outcome.opened / outcome.open_seconds:,.0f} a second")
    table.add_row("messages", f"{outcome.due:,} due, {outcome.sent:,} sent, {outcome.accepted:,} accepted")
    table.add_row("frames", f"{outcome.delivery.count:,} delivered, {outcome.lost:,} lost, {outcome.twice:,} twice")
    for error, count in outcome.errors.most_common():
        table.add_row("error", Text(f"{harmless(error)}: {count:,} times", "red"))
    if outcome.due:
        if outcome.server_share is not None:
            table.add_row("server", f"{100 * outcome.server_share:.0f} % of a core while sending")
        late = f"at most {1000 * outcome.late.longest:,.0f} ms late"
        table.add_row("generator", f"{100 * outcome.generator_share:.0f} % of a core, {late}")
    return table


def _latencies(outcome: Outcome) -> Table:
    table = Table(title="From the moment a message was due", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("ms", "mean", "p50", "p99", "longest"):
        table.add_column(name, justify="left" if name == "ms" else "right")
    for name, times in (("to its answer", outcome.sending), ("to the frame at a socket", outcome.delivery)):
        seconds = (times.mean, times.percentile(50), times.percentile(99), times.longest)
        table.add_row(name, *(f"{1000 * one:,.1f}" if times.count else NOTHING for one in seconds))
    return table


def _words(outcome: Outcome, wanted: Wanted, allowed: Allowance) -> Iterator[tuple[str, str]]:
    if outcome.due and (outcome.generator_share > BUSY_SHARE or outcome.late.percentile(99) > LATE_SECONDS):
        yield (
            "The generator itself was the bottleneck: the server may be better than these figures. Load it less, or "
            "measure with `make bench`.",
            "bold yellow",
        )
    if outcome.due < allowed.rate * wanted.seconds:
        yield "It ended early: the figures are of what was done.", "bold yellow"
    for note in allowed.notes:
        yield note, "yellow"
    if allowed.remedy:
        yield f"For all that was wanted, start the server so: {allowed.remedy}", "yellow"
    if outcome.accepted:
        yield (
            f"{outcome.accepted:,} messages “{TEXT_WORDS}n” were written between users 1 to {allowed.users:,}, and "
            "stay.",
            "",
        )
