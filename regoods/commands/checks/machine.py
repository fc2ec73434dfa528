"""What the system lets a process have."""

import resource
from collections.abc import Iterator
from pathlib import Path

from regoods.app import BACKLOG
from regoods.commands.checks.finding import Finding, advice, good

SOCKETS = 10_000
SPARE = 500
"""Descriptors beside the sockets: the database's, Redis', uploads under way, clients of REST."""

SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


def look(somaxconn: Path = SOMAXCONN) -> Iterator[Finding]:
    yield _files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    if somaxconn.exists():
        yield _queue(int(somaxconn.read_text()))


def _files(limit: int) -> Finding:
    if limit == resource.RLIM_INFINITY:
        return good("Open files", "no limit")
    if limit < SOCKETS + SPARE:
        return advice(
            "Open files",
            f"a process may have {limit:,}, which is less than {SOCKETS:,} sockets want",
            "In a shell: ulimit -n 65536; for systemd: LimitNOFILE=65536.",
        )
    return good("Open files", f"a process may have {limit:,}")


def _queue(most: int) -> Finding:
    if most < BACKLOG:
        return advice(
            "Waiting connections",
            f"the system lets {most:,} wait, of {BACKLOG:,} that come back after a restart",
            f"sysctl -w net.core.somaxconn={BACKLOG}",
        )
    return good("Waiting connections", f"{BACKLOG:,} may wait")
