"""How much memory is used of what there is. Small files of Linux; elsewhere nothing is known."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

Holder = Literal["process", "cgroup", "machine"]

ROOT = Path("/")
CGROUPS = "sys/fs/cgroup"


class Memory(NamedTuple):
    """Bytes used, of so many that there are for this holder."""

    holder: Holder
    used: int
    total: int

    @property
    def ratio(self) -> float:
        return self.used / self.total


def read(limit: int, root: Path = ROOT) -> Memory | None:
    """The process's own against `limit` bytes; 0: the machine's, or that of a cgroup with a limit, whichever is nearer
    to its end. None where this is not to be found under `root`. Blocks for as long as small files take."""
    try:
        if limit:
            return Memory("process", _kilobytes(root / "proc/self/status", "VmRSS"), limit)
        info = root / "proc/meminfo"
        total = _kilobytes(info, "MemTotal")
        machine = Memory("machine", total - _kilobytes(info, "MemAvailable"), total)
    except (OSError, LookupError):
        return None
    return max([machine, *_cgroups(root)], key=lambda one: one.ratio)


def _kilobytes(file: Path, name: str) -> int:
    """In bytes. Raises LookupError."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", file.read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(name)
    return int(found[1]) * 1024


def _cgroups(root: Path) -> Iterator[Memory]:
    """Ours and those above it that have a limit (cgroup v2)."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    top = root / CGROUPS
    ours = next((top / line[3:].lstrip("/") for line in lines if line.startswith("0::")), top)
    for folder in (ours, *ours.parents):
        if not folder.is_relative_to(top):
            return
        try:
            limit = (folder / "memory.max").read_text().strip()
            used = int((folder / "memory.current").read_text())
            stat = (folder / "memory.stat").read_text()
        except (OSError, ValueError):
            continue
        if limit.isdecimal() and int(limit):
            # Files read long ago are given back when memory is wanted.
            idle = re.search(r"^inactive_file (\d+)$", stat, re.MULTILINE)
            yield Memory("cgroup", max(used - int(idle[1] if idle else 0), 0), int(limit))
