"""Memory and CPU of a running process and its children, from /proc."""

import os
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds a unit of /proc/<pid>/stat stands for."""


def _family(pid: int) -> list[int]:
    lists = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    return [pid, *(member for children in lists for child in children for member in _family(int(child)))]


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def _cpu(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) * TICK


def memory_kb(pid: int) -> int:
    """Proportional set size, in KB of 1,024 bytes."""
    return sum(_pss(member) for member in _family(pid))


def cpu_seconds(pid: int) -> float:
    """User and system time so far."""
    return sum(_cpu(member) for member in _family(pid))
