"""`make bench-scaling`: what a message costs nodes, Redis and database with 1, 2 and 4 nodes.

Requests go to the nodes in turn, and sockets are spread evenly without regard to that, as behind a balancer. All parts
run on this machine, each with a database and a Redis of its own for each run.
"""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import means, report, scaling_model, scaling_table
from benchmarks.community import Counts, Node, Observer, counted_statements, fill_users, nodes, since
from benchmarks.database import SECRET
from benchmarks.load.generator import Load, LoadError, build
from benchmarks.servers import ServerError
from benchmarks.tokens import mint
from tests.support.databases import MissingPackage, PostgresServer, server_folder
from tests.support.redis import RedisCluster, RedisServer

DOCUMENT = means.ROOT / "docs" / "scaling.md"
RAW = means.ROOT / "docs" / "performance" / "scaling.json"

CONNECTIONS = 64
"""Of each node, that send without a pause. What waits together is committed together, so each must have as many."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Case:
    name: str
    nodes: int
    redis: type[RedisServer] | type[RedisCluster] | None = RedisServer
    postgres: bool = True


CASES = (
    Case("1 node, SQLite, no Redis", 1, None, postgres=False),
    Case("1 node, no Redis", 1, None),
    Case("1 node", 1),
    Case("2 nodes", 2),
    Case("4 nodes", 4),
    Case("4 nodes, cluster of 3", 4, RedisCluster),
)
SMOKE_CASES = (Case("1 node", 1, postgres=False), Case("2 nodes", 2, postgres=False))


@dataclass(frozen=True)
class Plan:
    limit_minutes: float = 12
    runs: int = 3
    sockets: int = 1_024
    """A user each. So many are spread over 4 nodes evenly, whatever node their messages come to."""
    rate: int = 200
    """Messages a second of the open-loop part: below what a machine of 2 cores can do with all parts on it."""
    warm_up_seconds: float = 2
    idle_seconds: float = 5
    timetable_seconds: float = 8
    saturated_seconds: float = 5


SMOKE = Plan(
    limit_minutes=3, runs=1, sockets=64, rate=100, warm_up_seconds=0.5, idle_seconds=1, timetable_seconds=2,
    saturated_seconds=1,
)  # fmt: skip


@dataclass(frozen=True)
class Means:
    """What is made once for all runs: the load generator, and a PostgreSQL with a database to be copied, or none."""

    program: Path
    users: Sequence[tuple[int, str]]
    postgres: PostgresServer | None
    template: str

    @contextmanager
    def database(self, case: Case, folder: Path) -> Iterator[str]:
        """A fresh one, with the users."""
        if not case.postgres or self.postgres is None:
            url = f"sqlite:///{folder}/bench.db"
            fill_users(url, len(self.users))
            yield url
            return
        url = self.postgres.create(f"TEMPLATE {self.template}")
        try:
            yield url
        finally:
            self.postgres.drop(url)


class Community:
    """What runs in a case, and the load aimed at it."""

    def __init__(self, load: Load, observer: Observer) -> None:
        self._load, self._observer = load, observer

    def during(self, act: Callable[[Load], Figures]) -> tuple[Figures, Counts]:
        """What was measured by who acted, and what all parts did meanwhile."""
        before = self._observer.look()
        figures = act(self._load)
        return figures, since(before, self._observer.look())


@contextmanager
def community(case: Case, made: Means, folder: Path) -> Iterator[Community]:
    with ExitStack() as stack:
        url = stack.enter_context(made.database(case, folder))
        shared = case.redis(stack.enter_context(server_folder())) if case.redis else None
        if shared is not None:
            stack.callback(shared.stop)
        running: Sequence[Node] = stack.enter_context(nodes(case.nodes, url, shared.url if shared else "", folder))
        load = stack.enter_context(Load(made.program, [one.port for one in running], made.users, folder))
        servers = shared.servers if isinstance(shared, RedisCluster) else [shared] if shared else []
        observer = Observer(running, servers, made.postgres if case.postgres else None, url)
        stack.callback(observer.close)
        yield Community(load, observer)


def wait(seconds: float) -> Figures:
    time.sleep(seconds)
    return {"seconds": seconds}


def run(case: Case, plan: Plan, made: Means) -> Figures:
    """All parts of a measurement with fresh nodes, each as {"load": the generator's figures, "counts": sums}."""
    steps: dict[str, Callable[[Load], Figures]] = {
        "opening": lambda load: load.open(0, plan.sockets),
        "warm-up": lambda load: load.post(plan.warm_up_seconds, first=0, count=plan.sockets, rate=plan.rate),
        "idle": lambda _: wait(plan.idle_seconds),
        "timetable": lambda load: load.post(plan.timetable_seconds, first=0, count=plan.sockets, rate=plan.rate),
        "saturated": lambda load: load.post(
            plan.saturated_seconds, first=0, count=plan.sockets, connections=CONNECTIONS * case.nodes
        ),
        "closing": lambda load: load.close(),
    }
    figures: Figures = {"load average": Path("/proc/loadavg").read_text().split()[0]}
    with (
        means.scratch() as folder,
        community(case, made, Path(folder)) as running,
    ):
        for name, act in steps.items():
            load, counts = running.during(act)
            figures[name] = {"load": load, "counts": counts}
    return figures


@contextmanager
def prepared(plan: Plan, cases: Sequence[Case]) -> Iterator[Means]:
    users = [(number, mint(number, f"user{number}", SECRET)) for number in range(1, plan.sockets + 1)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        program, _ = build(folder)
        if not any(case.postgres for case in cases):
            yield Means(program, users, None, "")
            return
        server = PostgresServer(stack.enter_context(server_folder()), safe=True)
        stack.callback(server.stop, "immediate")
        counted_statements(server)
        template = server.create()
        fill_users(template, plan.sockets)
        yield Means(program, users, server, template.rpartition("/")[2])


def measure(plan: Plan, cases: Sequence[Case], results: Figures) -> None:
    begun, longest = time.monotonic(), 60.0
    with prepared(plan, cases) as made:
        for number in range(plan.runs):
            # There and back: a machine that grows slower or busier favours nobody.
            for case in cases if number % 2 == 0 else cases[::-1]:
                start = time.monotonic()
                if start - begun + longest > 60 * plan.limit_minutes:
                    results["notes"].append(f"the {plan.limit_minutes:.0f} minutes are used up: no {case.name}")
                    continue
                try:
                    figures = run(case, plan, made)
                except (ServerError, LoadError, OSError) as error:
                    results["notes"].append(f"{case.name}: {type(error).__name__}: {error}")
                    continue
                longest = time.monotonic() - start
                results["cases"][case.name]["runs"].append(figures)
                minutes = (time.monotonic() - begun) / 60
                print(f"[{minutes:4.1f} min] {scaling_table.line(case.name, figures)}", flush=True)
    results["minutes"] = (time.monotonic() - begun) / 60


def interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="1 and 2 nodes on SQLite, small and short: does it work?")
    parser.add_argument("--runs", type=int, default=Plan.runs)
    parser.add_argument("--rate", type=int, default=Plan.rate, help="messages a second of the open-loop part")
    parser.add_argument("--out", type=Path, default=RAW, help="file for the raw figures")
    parser.add_argument("--draw", action="store_true", help="write the document anew from the raw figures alone")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    if options.draw:
        results = json.loads(options.out.read_text())
    else:
        plan, cases = (SMOKE, SMOKE_CASES) if options.smoke else (Plan(runs=options.runs, rate=options.rate), CASES)
        _, fewer = means.allow_descriptors(plan.sockets)
        results = {
            "started": datetime.now(UTC).isoformat(timespec="minutes"), "minutes": 0.0, "plan": asdict(plan),
            "machine": means.versions(), "notes": [fewer] if fewer else [],
            "cases": {case.name: {"nodes": case.nodes, "runs": []} for case in cases},
        }  # fmt: skip
        try:
            measure(plan, cases, results)
        except MissingPackage as missing:
            print(missing, file=sys.stderr)
            return 1
        options.out.write_text(json.dumps(results, indent=1) + "\n")
    text, model = scaling_table.summary(results), scaling_model.summary(results)
    print(text, model, sep="\n")
    if options.out == RAW:
        page = report.inserted(DOCUMENT.read_text(), "scaling", text)
        DOCUMENT.write_text(report.inserted(page, "model", model))
    return 0


if __name__ == "__main__":
    sys.exit(main())
