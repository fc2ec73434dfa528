"""The alerts' rules: what fires, what does not, what is resolved, and that nothing flickers."""

import math
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regoods.core.metrics import LATENCIES
from regoods.features.alerts import memory
from regoods.features.alerts.history import Counted, Sockets
from regoods.features.alerts.rules import (
    AT_ONCE,
    LEAST_SOCKETS,
    RULES,
    STEADY,
    Alert,
    Reading,
    Totals,
    failures,
    interval_ms,
    latency,
)

WINDOW = 300.0
KIB, GIB = 1024, 1024**3


def states(name: str, *values: tuple[float, float]) -> list[bool]:
    """Whether the alert fires after each (time, value)."""
    alert = Alert(RULES[name])  # type: ignore[index]
    seen = []
    for now, value in values:
        alert.see(Reading(value, True, {}), now, WINDOW)
        seen.append(alert.firing)
    return seen


def test_an_alert_fires_above_its_limit_and_is_resolved_under_the_lower_one_for_a_while() -> None:
    calm = STEADY * WINDOW

    assert states("connection_failures", (0, 0.05), (1, 0.051)) == [False, True]
    assert states("delivery_latency", (0, 501), (1, 450), (400, 450)) == [True, True, True]
    under = [(1.0, 399.0), (calm, 399.0), (1 + calm, 399.0)]
    assert states("delivery_latency", (0, 501), *under) == [True, True, True, False]
    broken = [(1.0, 399.0), (2.0, 450.0), (3.0, 399.0), (1 + calm, 399.0), (3 + calm, 399.0)]
    assert states("delivery_latency", (0, 501), *broken) == [True, True, True, True, True, False]


def test_memory_fires_only_when_it_stays_full() -> None:
    stays = STEADY * WINDOW

    assert states("memory", (0, 0.9), (stays - 1, 0.9), (stays, 0.9)) == [False, False, True]
    assert states("memory", (0, 0.9), (10, 0.7), (stays, 0.9), (stays + 10, 0.9)) == [False] * 4


def test_what_proves_nothing_does_not_fire_and_ends_what_fires() -> None:
    alert = Alert(RULES["connection_failures"])
    nothing = Reading(1.0, False, {})

    assert not alert.see(nothing, 0, WINDOW)
    assert alert.see(Reading(1.0, True, {}), 1, WINDOW)
    assert not alert.see(nothing, 2, WINDOW)
    assert alert.see(nothing, 2 + STEADY * WINDOW, WINDOW)
    assert not alert.firing


readings = st.lists(
    st.tuples(st.floats(0.1, 40), st.floats(0, 1), st.booleans()).map(
        lambda one: (one[0], Reading(one[1], one[2], {}))
    ),
    max_size=200,
)


@given(st.sampled_from(sorted(RULES)), readings)
def test_no_alert_flickers(name: str, sequence: list[tuple[float, Reading]]) -> None:
    rule = RULES[name]  # type: ignore[index]
    alert, now, changes = Alert(rule), 0.0, [(-math.inf, False)]
    scale = 1000 if rule.unit == "ms" else 1
    for step, reading in sequence:
        now += step
        if alert.see(reading._replace(value=scale * reading.value), now, WINDOW):
            changes.append((now, alert.firing))

    for (before, was), (after, is_firing) in pairwise(changes):
        assert was != is_firing
        assert is_firing or after - before >= STEADY * WINDOW


def test_a_window_counts_what_happened_in_it_and_what_came_before_the_first_look() -> None:
    counted = Counted()

    assert counted.during(Totals(opened=5), 1000, WINDOW).opened == 5
    counted.during(Totals(opened=7), 1100, WINDOW)
    assert counted.during(Totals(opened=10), 1250, WINDOW).opened == 10
    assert counted.during(Totals(opened=11), 1300, WINDOW).opened == 6
    assert counted.during(Totals(opened=11), 5000, WINDOW).opened == 0


@given(st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 50)), min_size=1, max_size=100))
def test_a_window_is_never_shorter_than_it_is_called(steps: list[tuple[float, int]]) -> None:
    """Looks that come late lose nothing: whatever is younger than the window is in the count."""
    counted, now, opened, events = Counted(), 0.0, 0, []
    for step, more in steps:
        now += step
        opened += more
        events.append((now, more))
        during = counted.during(Totals(opened=opened), now, WINDOW).opened
        assert during >= sum(count for at, count in events if at > now - WINDOW)
    assert during <= opened


def test_failures_are_a_part_of_all_handshakes() -> None:
    reading = failures(Totals(opened=360, refused={"Invalid token": 30, "Too many connections": 10}))

    assert (reading.value, reading.proves) == (0.1, True)
    assert reading.details == {
        "handshakes": 400,
        "failures": 40,
        "reasons": {"Invalid token": 30, "Too many connections": 10},
    }
    assert failures(Totals()) == Reading(0.0, False, {"handshakes": 0, "failures": 0, "reasons": {}})


@pytest.mark.parametrize("tabs", [1, 5])
def test_tabs_of_one_person_with_an_old_token_are_no_alert(tabs: int) -> None:
    assert not failures(Totals(refused={"Invalid token": 6 * tabs})).proves
    assert failures(Totals(refused={"Invalid token": 6 * 6})).proves


def test_reasons_are_those_of_the_window() -> None:
    before = Totals(refused={"Invalid token": 40, "Token required": 2})
    now = Totals(refused={"Invalid token": 40, "Token required": 5, "Too many connections": 1})

    assert now.since(before).refused == {"Token required": 3, "Too many connections": 1}


def test_latency_is_a_mean_with_a_percentile_beside_it() -> None:
    counts = [0.0] * 8 + [90.0] * 2 + [100.0] * 4  # 90 up to 500 ms, 10 between 1 and 2.5 s
    reading = latency(Totals(delivered=counts, seconds=60.0), LATENCIES)

    assert (reading.value, reading.proves) == (600.0, True)
    assert reading.details["deliveries"] == 100
    assert reading.details["p99_ms"] == pytest.approx(2350)
    assert latency(Totals(), LATENCIES) == Reading(0.0, False, {"deliveries": 0})
    assert not latency(Totals(delivered=[0.0] * 9 + [9.0] * 5, seconds=9.0), LATENCIES).proves


def test_sockets_are_missed_when_they_go_at_once() -> None:
    sockets, short = Sockets(), AT_ONCE * WINDOW

    assert sockets.missing(100, 0, WINDOW, firing=False) == Reading(0.0, True, {"sockets": 100, "most_sockets": 100})
    assert sockets.missing(79, 5, WINDOW, firing=False).value == pytest.approx(0.21)
    # In the evening they go, too, but slowly.
    evening = Sockets()
    for minute in range(60):
        assert evening.missing(1000 - 10 * minute, minute * short, WINDOW, firing=False).value < 0.05


def test_while_it_fires_they_are_held_against_what_was_before_until_the_window_is_over() -> None:
    sockets = Sockets()
    sockets.missing(100, 0, WINDOW, firing=False)
    sockets.missing(70, 5, WINDOW, firing=False)

    assert sockets.missing(70, 200, WINDOW, firing=True).value == pytest.approx(0.3)
    assert sockets.missing(95, 250, WINDOW, firing=True).value == pytest.approx(0.05)
    assert sockets.missing(70, 260, WINDOW, firing=True).value == pytest.approx(0.3)
    assert sockets.missing(70, 5 + WINDOW + 60, WINDOW, firing=True).value == 0


def test_of_few_sockets_one_person_s_tabs_are_no_alert() -> None:
    few, more = Sockets(), Sockets()
    few.missing(3, 0, WINDOW, firing=False)
    more.missing(LEAST_SOCKETS, 0, WINDOW, firing=False)

    assert few.missing(2, 1, WINDOW, firing=False).proves is False
    assert more.missing(LEAST_SOCKETS - 5, 1, WINDOW, firing=False).value <= RULES["connections_dropped"].limit
    assert Sockets().missing(0, 0, WINDOW, firing=False).value == 0


@pytest.mark.parametrize(
    ("window_ms", "interval"), [(300_000, 5_000), (60_000, 1_000), (1_000, 200), (3_600_000, 5_000)]
)
def test_it_is_looked_often_enough(window_ms: int, interval: int) -> None:
    assert interval_ms(window_ms) == interval


# Memory, as Linux tells it


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Of a machine with 8 GiB, of which 6 can be had, and of a process of 1 GiB in a cgroup without a limit."""
    write(tmp_path, "proc/meminfo", f"MemTotal: {8 * GIB // KIB} kB\nMemAvailable: {6 * GIB // KIB} kB\n")
    write(tmp_path, "proc/self/status", f"Name:\tpython\nVmHWM:\t9 kB\nVmRSS:\t  {GIB // KIB} kB\n")
    write(tmp_path, "proc/self/cgroup", "1:name=systemd:/x\n0::/system.slice/regoods.service\n")
    limit(tmp_path, "system.slice/regoods.service", "max", GIB)
    return tmp_path


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def limit(root: Path, group: str, most: object, used: int, inactive: int = 0) -> None:
    write(root, f"sys/fs/cgroup/{group}/memory.max", f"{most}\n")
    write(root, f"sys/fs/cgroup/{group}/memory.current", f"{used}\n")
    write(root, f"sys/fs/cgroup/{group}/memory.stat", f"anon 1\ninactive_file {inactive}\nactive_file 2\n")


def test_without_a_limit_the_machine_counts(root: Path) -> None:
    assert memory.read(0, root) == ("machine", 2 * GIB, 8 * GIB)


def test_a_limit_of_its_own_counts_alone(root: Path) -> None:
    assert memory.read(2 * GIB, root) == ("process", GIB, 2 * GIB)


def test_the_cgroup_or_one_above_counts_where_it_is_nearer_to_its_end(root: Path) -> None:
    limit(root, "system.slice", 4 * GIB, 3 * GIB)
    assert memory.read(0, root) == ("cgroup", 3 * GIB, 4 * GIB)

    limit(root, "system.slice/regoods.service", 2 * GIB, 2 * GIB, inactive=GIB // 4)
    assert memory.read(0, root) == ("cgroup", 2 * GIB - GIB // 4, 2 * GIB)

    write(root, "proc/meminfo", f"MemTotal: {8 * GIB // KIB} kB\nMemAvailable: 0 kB\n")
    assert memory.read(0, root) == ("machine", 8 * GIB, 8 * GIB)


def test_a_container_sees_itself_at_the_top(root: Path) -> None:
    write(root, "proc/self/cgroup", "0::/\n")
    limit(root, ".", GIB, GIB // 2)

    assert memory.read(0, root) == ("cgroup", GIB // 2, GIB)


@pytest.mark.parametrize("limit", [0, GIB])
def test_where_linux_tells_nothing_nothing_is_known(tmp_path: Path, limit: int) -> None:
    assert memory.read(limit, tmp_path) is None
    write(tmp_path, "proc/meminfo", "MemTotal: many\n")
    assert memory.read(limit, tmp_path) is None


def test_this_machine_tells() -> None:
    for most in (0, 64 * GIB):
        read = memory.read(most)
        assert read is not None
        assert 0 < read.ratio <= 1
