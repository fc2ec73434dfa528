"""The measurements themselves. Each takes a Bench and returns its figures; names carry their units.

CPU figures are of the server's process unless they start with `client`; a percentage is of one core.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import process
from benchmarks.load.generator import Load
from benchmarks.servers import Server

Figures = dict[str, Any]
WARM_UP = 20
"""Sockets before the first measure, so code loaded at first use is not counted; few, for their memory is reused."""
SENDERS = 100
"""Users beyond the sockets who only send."""
PROBE_INTERVAL = 0.002


@dataclass(frozen=True)
class Bench:
    """A running server, the generator aimed at it, and how many users have a socket each.

    Users by index: 0..sockets-1 the idle ones, `sockets` the one whom the fan-out is for, then SENDERS more.
    """

    server: Server
    load: Load
    sockets: int
    crowd: int
    settle_seconds: float

    @staticmethod
    def users_needed(sockets: int) -> int:
        return sockets + 1 + SENDERS


def _with_cpu(bench: Bench, act: Callable[[], Figures]) -> Figures:
    """Adds what the server and the generator used meanwhile, in seconds and in percent of a core."""
    pids, start = (bench.server.pid, bench.load.pid), time.monotonic()
    before = [process.cpu_seconds(pid) for pid in pids]
    figures = act()
    used, used_by_client = (process.cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True))
    # A command's own seconds leave out its wait for stragglers, in which nobody works.
    seconds = figures.get("seconds") or time.monotonic() - start
    return figures | {
        "cpu_seconds": round(used, 3),
        "cpu_percent": round(100 * used / seconds, 2),
        "client_cpu_percent": round(100 * used_by_client / seconds, 2),
    }


def idle_sockets(bench: Bench) -> Figures:
    """Opens all the idle sockets: `kb_per_socket` (PSS, 1,024 bytes) and `handshakes_per_second`; they stay open."""
    bench.load.open(0, WARM_UP)
    bench.load.close()
    time.sleep(bench.settle_seconds)
    before = process.memory_kb(bench.server.pid)
    figures = _with_cpu(bench, lambda: bench.load.open(0, bench.sockets))
    time.sleep(bench.settle_seconds)
    after = process.memory_kb(bench.server.pid)
    opened = max(1, figures["opened"])
    return figures | {
        "kb_before": before,
        "kb_after": after,
        "kb_per_socket": (after - before) / opened,
        "handshakes_per_second": opened / figures["seconds"],
        "cpu_us_per_handshake": 1e6 * figures["cpu_seconds"] / opened,
    }


def idle_cpu(bench: Bench, seconds: float) -> Figures:
    """What the server uses while nothing happens but its heartbeat, with the sockets that are open."""

    def wait() -> Figures:
        time.sleep(seconds)
        return {"seconds": seconds}

    return _with_cpu(bench, wait)


def quiet_loop(bench: Bench, seconds: float) -> Figures:
    """The longest time the loop answered nothing: a protocol ping each 2 ms on a fixed timetable.

    `client_longest_stop_ms` is how long the generator itself was kept from running in that time: a stop of the
    server no longer than that may be the machine's.
    """
    return _with_cpu(bench, lambda: bench.load.probe(seconds, PROBE_INTERVAL))


def timetable(bench: Bench, rate: int, seconds: float) -> Figures:
    """Open loop: `rate` messages a second, `frame_ms` from the scheduled send to the frame at the recipient."""
    bench.load.post(2, first=0, count=bench.sockets, rate=rate)
    figures = _with_cpu(bench, lambda: bench.load.post(seconds, first=0, count=bench.sockets, rate=rate))
    figures["cpu_us_per_message"] = 1e6 * figures["cpu_seconds"] / max(1, figures["accepted"])
    return figures


def saturated(bench: Bench, seconds: float) -> Figures:
    """64 keep-alive connections that send without a pause, `crowd` users with a socket each on both ends."""
    bench.load.open(0, bench.crowd)
    bench.load.post(1, first=0, count=bench.crowd)
    figures = _with_cpu(bench, lambda: bench.load.post(seconds, first=0, count=bench.crowd))
    bench.load.close()
    figures["messages_per_second"] = figures["accepted"] / figures["seconds"]
    return figures


def fan_out(bench: Bench, seconds: float, *, sockets: int | None = None) -> Figures:
    """Messages to one user with many sockets: `frames_per_cpu_second` of the server, the few sends included."""
    count = sockets or bench.crowd
    opened = bench.load.open(bench.sockets, count, one_user=True)

    def push(for_seconds: float) -> Figures:
        first = bench.sockets + 1
        return bench.load.post(for_seconds, first=first, count=SENDERS, connections=4, recipient=bench.sockets)

    push(0.5)
    figures = _with_cpu(bench, lambda: push(seconds))
    frames, used = figures["message_frames"], max(process.TICK, figures["cpu_seconds"])
    return figures | {
        "opened": opened["opened"],
        "frames_per_cpu_second": frames / used,
        "frames_per_second": frames / figures["seconds"],
        "cpu_us_per_frame": 1e6 * used / max(1, frames),
        "frames_missing": figures["accepted"] * opened["opened"] - frames,
    }


def come_and_go(bench: Bench, rounds: int) -> Figures:
    """All sockets open and close, again and again: memory after each round, and its growth since the second."""
    memory_kb: list[int] = []

    def all_rounds() -> Figures:
        failed = cut = 0
        for _ in range(rounds):
            failed += bench.load.open(0, bench.sockets)["failed"]
            cut += bench.load.close()["cut"]
            time.sleep(bench.settle_seconds)
            memory_kb.append(process.memory_kb(bench.server.pid))
        return {"failed": failed, "cut": cut}

    figures = _with_cpu(bench, all_rounds)
    return figures | {"memory_kb": memory_kb, "growth_percent": 100 * (memory_kb[-1] / memory_kb[1] - 1)}


def limit_of_load(load: Load, seconds: float) -> Figures:
    """What the generator reaches against a server that only says 201: its own limit."""
    figures = load.post(seconds, first=0, count=SENDERS)
    figures["messages_per_second"] = figures["accepted"] / figures["seconds"]
    figures["client_cpu_percent"] = 100 * figures["client_cpu_seconds"] / figures["seconds"]
    return figures
