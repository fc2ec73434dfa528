"""How long and how much: the three sizes of a run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    name: str
    limit_minutes: float
    runs: int
    sockets: int = 10_000
    crowd: int = 1_000
    """Sockets of the fan-out, all of one user, and of the saturated run, of one user each."""
    rate: int = 1_000
    """Messages a second of the open-loop run."""
    settle_seconds: float = 3.0
    idle_runs: int = 1
    idle_seconds: float = 31.0
    """A whole heartbeat interval of 30 s, whichever moment in it a server chooses for its pings."""
    quiet_seconds: float = 100.0
    """Of probing the product's loop in each run; three runs are the five quiet minutes."""
    timetable_seconds: float = 12.0
    saturated_seconds: float = 6.0
    fan_out_seconds: float = 4.0
    limit_of_load_seconds: float = 3.0
    rounds: int = 10
    come_and_go_runs: int = 1
    stored: tuple[int, ...] = ()
    """Numbers of stored messages for the growth rows; none: no growth rows."""
    growth_seconds: float = 10.0
    all_peers: bool = False


BENCH = Plan("bench", limit_minutes=15, runs=3)
FULL = Plan(
    "bench-full", limit_minutes=90, runs=3, timetable_seconds=20, saturated_seconds=10, idle_runs=3, come_and_go_runs=3,
    stored=(1_000, 5_000_000), all_peers=True,
)  # fmt: skip
SMOKE = Plan(
    "smoke", limit_minutes=5, runs=1, sockets=500, crowd=100, rate=200, settle_seconds=0.5, idle_seconds=2,
    quiet_seconds=2, timetable_seconds=2, saturated_seconds=1, fan_out_seconds=1, limit_of_load_seconds=1, rounds=3,
    stored=(1_000, 20_000), growth_seconds=2, all_peers=True,
)  # fmt: skip
