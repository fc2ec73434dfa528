"""`python -m benchmarks.run [--full] [--out FOLDER]`: the front end of `make bench` and `make bench-full`."""

import argparse
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks import growth, inside, report, scenarios, servers
from benchmarks.load.generator import Load, LoadError
from benchmarks.means import ROOT
from benchmarks.plan import BENCH, FULL, SMOKE
from benchmarks.servers import FASTAPI, NODE, PRODUCT, TORNADO, Kind
from benchmarks.session import SHOWN, Session

INSIDE_SECONDS = 120.0
GROWTH_RATE = 500
"""Messages a second; below what every server can do, so that the cost of one is compared and not a queue."""


def measure_limit_of_load(session: Session, folder: Path) -> None:
    port = servers.free_port()
    users = [(number, "x" * 180) for number in range(1, scenarios.SENDERS + 1)]
    with subprocess.Popen([session.echo, str(port)], stdout=subprocess.PIPE, text=True) as echo:
        try:
            assert echo.stdout is not None
            echo.stdout.readline()
            with Load(session.program, port, users, folder) as load:
                figures = scenarios.limit_of_load(load, session.plan.limit_of_load_seconds)
        finally:
            echo.terminate()
    session.results["limit_of_load"] = figures
    session.say(f"the generator's own limit: {figures['messages_per_second']:,.0f} messages/s")


def one_turn(session: Session, kind: Kind, number: int) -> None:
    """One fresh server through all scenarios; plain Tornado in the short plan only shakes hands."""
    plan = session.plan
    with session.bench(kind, plan.sockets) as bench:
        session.record(kind, "idle_sockets", scenarios.idle_sockets(bench))
        if kind.key == TORNADO and not plan.all_peers:
            return
        if number < plan.idle_runs:
            session.record(kind, "idle_cpu", scenarios.idle_cpu(bench, plan.idle_seconds))
        if kind.key == PRODUCT:
            session.record(kind, "quiet_loop", scenarios.quiet_loop(bench, plan.quiet_seconds))
        session.record(kind, "timetable", scenarios.timetable(bench, plan.rate, plan.timetable_seconds))
        bench.load.close()
        session.record(kind, "saturated", scenarios.saturated(bench, plan.saturated_seconds))
        session.record(kind, "fan_out", scenarios.fan_out(bench, plan.fan_out_seconds))


def come_and_go(session: Session, kind: Kind) -> None:
    with session.bench(kind, session.plan.sockets) as bench:
        session.record(kind, "come_and_go", scenarios.come_and_go(bench, session.plan.rounds))


def all_turns(session: Session) -> None:
    kinds, runs = list(session.kinds.values()), session.plan.runs
    for number in range(runs):
        # A B, then B A: a machine that grows slower or busier favours nobody.
        for kind in kinds if number % 2 == 0 else reversed(kinds):
            session.say(f"{kind.label}, run {number + 1} of {runs}")
            session.timed(kind, "scenarios", partial(one_turn, session, kind, number))
    lasting = [session.kinds[key] for key in (PRODUCT, NODE, FASTAPI) if key in session.kinds]
    for _ in range(session.plan.come_and_go_runs):
        for kind in lasting if session.plan.all_peers else lasting[:1]:
            session.say(f"{kind.label}: all sockets come and go {session.plan.rounds} times")
            session.timed(kind, "come and go", partial(come_and_go, session, kind))
    if session.plan.stored and lasting:
        all_growth(session, lasting[0])


def one_growth(session: Session, kind: Kind, name: str, sockets: int, stored: int) -> None:
    kept = growth.stored_database(kind, session.keep, stored, servers.USERS, session.say)
    with session.bench(kind, sockets, kept) as bench:
        figures = growth.costs(bench, min(session.plan.rate, GROWTH_RATE), session.plan.growth_seconds)
    session.results["servers"][kind.key]["growth"].setdefault(name, []).append(figures)
    session.say(f"{kind.label}, {name}: {SHOWN['growth'].format(**figures)}")


def all_growth(session: Session, kind: Kind) -> None:
    """The first case is what the others are compared with."""
    (few, many), open_sockets = session.plan.stored, session.plan.sockets
    cases = {
        f"{growth.FEW_SOCKETS} sockets open, {few:,} messages stored": (growth.FEW_SOCKETS, few),
        f"{open_sockets:,} sockets open": (open_sockets, few),
        f"{many:,} messages stored": (growth.FEW_SOCKETS, many),
    }
    for _ in range(session.plan.runs):
        for name, (sockets, stored) in cases.items():
            session.timed(kind, name, partial(one_growth, session, kind, name, sockets, stored))


def from_inside(session: Session) -> None:
    """The figures only the product itself can give; each in an interpreter of its own."""
    for name in [name for name in inside.FIGURES for _ in range(session.plan.runs)]:
        command = [sys.executable, "-m", "benchmarks.inside", name]
        seconds = max(1.0, min(INSIDE_SECONDS, session.seconds_left()))
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            session.note(f"inside.{name} took more than {seconds:.0f} s: that row is left out")
            continue
        if done.returncode == 0:
            session.results["servers"][PRODUCT]["runs"].setdefault(name, []).append(float(done.stdout))
            session.say(f"{name}: {float(done.stdout):,.1f}")
        else:
            session.note(f"inside.{name} failed: {''.join(done.stderr.strip().splitlines()[-1:])}")


def everything(session: Session) -> None:
    session.look_around()
    with tempfile.TemporaryDirectory(dir=session.keep) as folder:
        try:
            session.build_load(Path(folder))
            measure_limit_of_load(session, Path(folder))
            all_turns(session)
        except LoadError as error:
            session.note(f"{error}: only what is measured inside the process follows")
    if PRODUCT in session.kinds:
        from_inside(session)


def interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--full", action="store_true", help="all peers and the growth rows, at most 90 minutes")
    size.add_argument("--smoke", action="store_true", help="every scenario, small and short: does it still work?")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance", help="folder for the results")
    parser.add_argument("--keep", type=Path, default=ROOT / "data" / "bench", help="folder for what is made once")
    chosen = parser.parse_args()
    chosen.keep.mkdir(parents=True, exist_ok=True)
    session = Session(FULL if chosen.full else SMOKE if chosen.smoke else BENCH, chosen.out, chosen.keep.resolve())
    signal.signal(signal.SIGTERM, interrupt)
    try:
        everything(session)
    except KeyboardInterrupt:
        session.note("interrupted: what was measured until then follows")
    session.save()
    print(f"\n{report.summary(session.results)}\nWritten to {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
