"""The processes of a server, as Linux shows them: what they hold and use. Elsewhere, or of another user, there are none
to be seen."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

PROC = Path("/proc")
LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp."""
_most_files = re.compile(r"^Max open files\s+(\d+)", re.MULTILINE)


class Processes:
    """Those that listen on one port: a server, or a parent and its workers."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = ids

    def __bool__(self) -> bool:
        return bool(self._ids)

    def resident_bytes(self) -> int:
        page = os.sysconf("SC_PAGE_SIZE")
        return sum(int(_read(one, "statm").split()[1]) * page for one in self._ids)

    def processor_seconds(self) -> float:
        ticks = 0
        for one in self._ids:
            fields = _read(one, "stat").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def free_files(self) -> int:
        """How many more files they can open, if all are used alike."""
        free = []
        for one in self._ids:
            most = _most_files.search(_read(one, "limits"))
            if most:
                free.append(int(most[1]) - len(os.listdir(PROC / str(one) / "fd")))
        # A parent listens, and serves nobody.
        return min(free) * max(1, len(free) - 1)


def listening_on(port: int) -> Processes:
    """Those of this user's that do; whichever address they listen at."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    found = []
    for folder in PROC.glob("[0-9]*/fd") if sockets else ():
        with contextlib.suppress(OSError):
            if any(_target(file) in sockets for file in folder.iterdir()):
                found.append(int(folder.parent.name))
    return Processes(found)


def _inodes(port: int) -> Iterator[str]:
    for name in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / name).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]


def _target(file: Path) -> str:
    # One that was open may be closed by now.
    with contextlib.suppress(OSError):
        return str(file.readlink())
    return ""


def _read(process_id: int, name: str) -> str:
    return (PROC / str(process_id) / name).read_text()
