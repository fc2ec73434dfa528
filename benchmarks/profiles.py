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

from benchmarks import means, report, scenarios, servers
from benchmarks.load.generator import Load, build
from benchmarks.scenarios import Bench

OUT = means.ROOT / "docs" / "performance"
SECONDS = 8.0
RATE = 250
"""Samples a second."""
SOCKETS = 5_000

STOPS = (
    ("writer: the commit, its fsync included", "EmbeddedSession.commit (regoods/core/database.py"),
    ("writer: number and log the events", "append (regoods/features/sync/queries.py"),
    ("writer: the action – rules, insert, encoding", "Worker._call (regoods/core/batches.py"),
    ("writer: the rest of the batch and handing it back", "Lane._run (regoods/core/lanes.py"),
    ("reader: the index of texts follows", "follow (regoods/features/search/actions.py"),
    ("loop: the push to both sockets", "LocalBus.deliver (regoods/realtime/bus.py"),
    ("loop: setting the answers", "WorkQueue._settle (regoods/core/work_queue.py"),
    ("loop: writing the 201", "RequestHandler.finish (tornado/web.py"),
    ("loop: the handler – token, limits, body, queueing", "RequestHandler._execute (tornado/web.py"),
    ("loop: Tornado routes the request", "_RoutingDelegate.headers_received (tornado/routing.py"),
    ("loop: Tornado parses the request", "HTTP1Connection._read_message (tornado/http1connection.py"),
    ("loop: Tornado reads the socket", "BaseIOStream._handle_events (tornado/iostream.py"),
)
"""What a stop is called, and the function that a sample's stack must hold; the first that fits has the sample."""

WAITING = ("EpollSelector.select", "_Queue.take", "Condition.wait", "_worker (concurrent/futures")
"""Functions in whose lock or call a thread without work rests; the sampler cannot always tell."""

REST = "loop: epoll, callbacks and tasks themselves"


def hot_paths() -> dict[str, Callable[[Bench], scenarios.Figures]]:
    return {
        "send": lambda bench: scenarios.saturated(bench, SECONDS),
        "push": lambda bench: scenarios.fan_out(bench, SECONDS),
        "handshake": scenarios.idle_sockets,
    }


@contextmanager
def py_spy(pid: int, kind: str, into: Path) -> Iterator[None]:
    command = [Path(sys.executable).with_name("py-spy"), "record", "--pid", str(pid), "--rate", str(RATE)]
    command += ["--duration", str(int(SECONDS)), "--format", kind, "--output", into]
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
    """Each stop's share of the samples, threads that wait left out; together 1."""
    found = dict.fromkeys([*(stop for stop, _ in STOPS), REST], 0)
    for line in samples.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        waiting = stack.rpartition(";")[2].startswith(WAITING)
        if count.isdigit() and not waiting:
            found[next((stop for stop, function in STOPS if function in stack), REST)] += int(count)
    return {stop: count / max(1, sum(found.values())) for stop, count in found.items()}


def walk(figures: scenarios.Figures, samples: Path) -> str:
    """Markdown: the stops of a send with their cost, as their share of the CPU time a message took."""
    cost = 1e6 * figures["cpu_seconds"] / max(1, figures["accepted"])
    title = f"A send at saturation cost {cost:.0f} µs of CPU while it was sampled (`make profile`):"
    lines = [title, "", "| stop | µs |", "|---|---|"]
    lines += [f"| {stop} | {share * cost:.0f} |" for stop, share in shares(samples).items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    means.allow_descriptors(SOCKETS)
    OUT.mkdir(parents=True, exist_ok=True)
    for name, act in hot_paths().items():
        picture = OUT / f"profile-{name}.svg"
        run(name, act, "flamegraph", picture)
        # The recorder writes its command line into the picture, with this machine's folders.
        picture.write_text(picture.read_text().replace(f"{means.ROOT}/", ""))
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.txt"
        text = walk(run("send", hot_paths()["send"], "raw", samples), samples)
    print(text)
    page = OUT.with_suffix(".md")
    page.write_text(report.inserted(page.read_text(), "profile", text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
