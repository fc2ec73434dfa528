"""One run of a plan: the servers that are there, the results so far, and the clock."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import growth, means, report, servers
from benchmarks.load.generator import Load, LoadError, build
from benchmarks.means import Missing
from benchmarks.plan import Plan
from benchmarks.scenarios import Bench, Figures
from benchmarks.servers import TORNADO, Kind, Server, ServerError

FIRST_GUESS_SECONDS = 120
"""How long something not done before is taken to last."""
SHOWN = {
    "idle_sockets": "{opened} sockets, {kb_per_socket:.2f} KB each, {handshakes_per_second:,.0f} handshakes/s, "
    "{failed} failed",
    "idle_cpu": "idle at {cpu_percent:.1f} % CPU",
    "quiet_loop": "{round_trip_ms[max]:.1f} ms longest silence, own stop {client_longest_stop_ms:.1f} ms",
    "timetable": "timetable: p99 {frame_ms[p99]:.1f} ms, {accepted} accepted, {lost} lost, {unsent} unsent, "
    "{cpu_percent:.0f} % CPU",
    "saturated": "saturated: {messages_per_second:,.0f} messages/s, {cpu_percent:.0f} % CPU, "
    "the generator {client_cpu_percent:.0f} %",
    "fan_out": "fan-out: {frames_per_cpu_second:,.0f} frames a CPU second, {frames_missing} missing",
    "come_and_go": "came and went: {growth_percent:+.1f} % since round 2, {failed} failed, {cut} cut",
    "growth": "{cpu_us_per_send:.0f} µs a send, {cpu_us_per_frame:.1f} µs a frame",
}


class Session:
    def __init__(self, plan: Plan, out: Path, keep: Path) -> None:
        """`out` gets the results, `keep` holds what is made once and the servers' databases while they run."""
        self.plan, self.out, self.keep = plan, out, keep
        self.begin = time.monotonic()
        self.longest: dict[str, float] = {}
        self.program = self.echo = Path()
        self.kinds: dict[str, Kind] = {}
        self.results: dict[str, Any] = {
            "started": datetime.now(UTC).isoformat(timespec="seconds"), "minutes": 0.0, "plan": asdict(plan),
            "machine": means.versions(), "servers": {}, "limit_of_load": None, "notes": [],
        }  # fmt: skip

    def say(self, line: str) -> None:
        print(f"[{(time.monotonic() - self.begin) / 60:5.1f} min] {line}", flush=True)

    def note(self, line: str) -> None:
        """Something is missing or went wrong: one line now and one below the table."""
        self.say(line)
        if line not in self.results["notes"]:
            self.results["notes"].append(line)

    def seconds_left(self) -> float:
        return 60 * self.plan.limit_minutes - (time.monotonic() - self.begin)

    def save(self) -> None:
        self.results["minutes"] = (time.monotonic() - self.begin) / 60
        report.write(self.results, self.out)

    def look_around(self) -> None:
        """Finds and installs the servers that the plan wants; what is missing becomes a note."""
        fits, line = means.allow_descriptors(self.plan.sockets)
        if line:
            self.note(line)
            self.plan = replace(self.plan, sockets=fits)
        for what, look in (("product", self._product), ("Node peer", self._node), ("Python peers", self._python)):
            self.say(f"looking for the {what}")
            try:
                found = look()
            except Missing as missing:
                self.note(str(missing))
                continue
            for kind in found:
                self.kinds[kind.key] = kind
                self.results["servers"][kind.key] = {"label": kind.label, "runs": {}, "growth": {}}

    def _product(self) -> list[Kind]:
        return [servers.product_kind()]

    def _node(self) -> list[Kind]:
        means.prepare_node()
        return [servers.node_kind()]

    def _python(self) -> list[Kind]:
        kinds = servers.python_kinds(means.prepare_python(self.keep))
        return [kind for kind in kinds if self.plan.all_peers or kind.key == TORNADO]

    def build_load(self, folder: Path) -> None:
        self.program, self.echo = build(folder)

    @contextmanager
    def bench(self, kind: Kind, sockets: int, database: Path | None = None) -> Iterator[Bench]:
        """A fresh server with the generator aimed at it, its database on the disk that `keep` is on."""
        with tempfile.TemporaryDirectory(dir=self.keep) as name:
            folder = Path(name)
            path = growth.copied(database, folder) if database else folder / "bench.sqlite"
            with Server(kind, path) as server:
                users = server.tokens(Bench.users_needed(sockets))
                with Load(self.program, server.port, users, folder) as load:
                    yield Bench(server, load, sockets, min(self.plan.crowd, sockets), self.plan.settle_seconds)

    def record(self, kind: Kind, scenario: str, figures: Figures) -> None:
        self.results["servers"][kind.key]["runs"].setdefault(scenario, []).append(figures)
        self.say(f"{kind.label}: {SHOWN[scenario].format(**figures)}")

    def timed(self, kind: Kind, what: str, act: Callable[[], None]) -> None:
        """Does it if it still fits, going by the last time it was done; a failure becomes a note."""
        name, start = f"{kind.key} {what}", time.monotonic()
        if self.seconds_left() < self.longest.get(name, FIRST_GUESS_SECONDS):
            self.note(f"the {self.plan.limit_minutes:.0f} minutes are used up: left out {kind.label}, {what}")
            return
        try:
            act()
        except (ServerError, LoadError, OSError, KeyError, TypeError) as error:
            self.note(f"{kind.label}, {what}: {type(error).__name__}: {error}")
        self.longest[name] = max(self.longest.get(name, 0), time.monotonic() - start)
        self.save()
