"""`python -m benchmarks.profiles`: flame graphs of the three hot paths, and what each stop of a send's walk costs.

Needs py-spy (requirements-dev.txt). Pictures and table go into docs/performance/, the table into its page, too.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import means, report, scenarios, servers
from benchmarks.load.generator import Load, build
from benchmarks.scenarios import Bench

OUT = means.ROOT / "docs" / "performance"
SECONDS = 8.0
RATE = 500
"""Samples a second."""
SOCKETS = 5_000

STOPS = (
    ("Tornado reads and parses the request", "_server_request_loop (tornado/http1connection.py"),
    ("… of which its handler, up to the waiting action and its answer", "RequestHandler._execute (tornado/web.py"),
    ("… of which the 201 is written", "RequestHandler.finish (tornado/web.py"),
    ("handed to the writer's thread", "Lane._hand_over (regoods/core/lanes.py"),
    ("the batch runs on the writer's thread", "_write (regoods/core/lanes.py"),
    ("… of which the action: rules, insert, encoding", "send (regoods/features/messages/actions.py"),
    ("… of which the commit", "Session.commit (regoods/core/database.py"),
    ("events are published and answers set", "WorkQueue._settle (regoods/core/work.py"),
    ("… of which the push to the sockets", "LocalBus.publish (regoods/realtime/bus.py"),
)
"""What a stop is called, and the function all of whose time is its. Stops with … are inside the one above."""


def hot_paths() -> dict[str, Callable[[Bench], scenarios.Figures]]:
    return {
        "send": lambda bench: scenarios.saturated(bench, SECONDS),
        "push": lambda bench: scenarios.fan_out(bench, SECONDS),
        "handshake": scenarios.idle_sockets,
    }


@contextmanager
def py_spy(pid: int, kind: str, into: Path) -> Iterator[None]:
    command = [Path(sys.executable).with_name("py-spy"), "record", "--pid", str(pid), "--rate", str(RATE)]
    command += ["--duration", str(int(SECONDS)), "--format", kind, "--output", into, "--nonblocking"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as recorder:
        time.sleep(0.5)
        yield
        recorder.wait(60)


def run(name: str, act: Callable[[Bench], scenarios.Figures], kind: str, into: Path) -> scenarios.Figures:
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        program, _ = build(folder)
        with servers.Server(servers.product_kind(), folder / "profile.sqlite") as server:
            users = server.tokens(Bench.users_needed(SOCKETS))
            with Load(program, server.port, users, folder) as load:
                bench = Bench(server, load, SOCKETS, 1_000, 1.0)
                with py_spy(server.pid, kind, into):
                    print(f"{name}: {kind}", flush=True)
                    return act(bench)


def shares(samples: Path) -> dict[str, float]:
    """Share of the samples in which each function was anywhere on the stack, waiting threads left out."""
    total, within = 0, dict.fromkeys((function for _, function in STOPS), 0)
    for line in samples.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        last = stack.rpartition(";")[2]
        if last.startswith(("EpollSelector.select", "Lane._take", "select (")):
            continue
        total += int(count)
        for function in within:
            if function in stack:
                within[function] += int(count)
    return {function: count / max(1, total) for function, count in within.items()}


def walk(figures: scenarios.Figures, samples: Path) -> str:
    """Markdown: the stops of a send with their cost, as their share of the CPU time a message took."""
    cost = 1e6 * figures["cpu_seconds"] / max(1, figures["accepted"])
    lines = [
        f"A send at saturation cost {cost:.0f} µs of CPU, measured by `make profile`.",
        "",
        "| stop | µs |",
        "|---|---|",
    ]
    found: dict[str, Any] = shares(samples)
    lines += [f"| {stop} | {found[function] * cost:.0f} |" for stop, function in STOPS]
    return "\n".join(lines) + "\n"


def main() -> int:
    means.allow_descriptors(SOCKETS)
    OUT.mkdir(parents=True, exist_ok=True)
    for name, act in hot_paths().items():
        run(name, act, "flamegraph", OUT / f"profile-{name}.svg")
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.txt"
        text = walk(run("send", hot_paths()["send"], "raw", samples), samples)
    print(text)
    page = OUT.with_suffix(".md")
    page.write_text(report.inserted(page.read_text(), "profile", text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
