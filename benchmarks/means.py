"""What a run needs from the machine; each thing that is missing costs one line, not the run."""

import os
import resource
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benchmarks" / "peers"
NODE_PEER = PEERS / "node"
REQUIREMENTS = PEERS / "requirements.txt"
SPARE_DESCRIPTORS = 1300
"""Beside the sockets: the growth rows' crowd of 1,000, senders, files, epoll, the database."""


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for a run's databases, on the disk that a server's own would be on."""
    data = ROOT / "data"
    data.mkdir(exist_ok=True)
    return tempfile.TemporaryDirectory(dir=data)


class Missing(Exception):
    """One line that says what is not there and what is left out for it."""


def allow_descriptors(sockets: int) -> tuple[int, str | None]:
    """Raises the soft limit for us and our children; returns how many sockets fit and a line when fewer."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = sockets + SPARE_DESCRIPTORS
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else hard, hard))
        return sockets, None
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    fewer = max(100, hard - SPARE_DESCRIPTORS)
    return fewer, f"ulimit -n allows {hard} file descriptors, {sockets} sockets need {wanted}: measuring with {fewer}"


def _run(command: list[str | Path], what: str, folder: Path, seconds: float) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Missing(f"{what} took more than {seconds:.0f} s: that peer is left out") from None
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Missing(f"{what} failed: that peer is left out ({''.join(last)})")


def prepare_node() -> None:
    """Installs the Node peer's packages as the lock file says, when they are not there yet."""
    for program in ("node", "npm"):
        if which(program) is None:
            raise Missing(f"no {program}: the Node peer and the ratios to it are left out")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=30).stdout.strip()
    if int(version.lstrip("v").split(".")[0]) < 20:
        raise Missing(f"Node {version} is older than 20: the Node peer and the ratios to it are left out")
    installed, lock = NODE_PEER / "node_modules" / ".package-lock.json", NODE_PEER / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _run(["npm", "ci", "--no-audit", "--no-fund"], "npm ci", NODE_PEER, 400)


def prepare_python(folder: Path) -> Path:
    """A virtual environment for the Python peers, kept in that folder; returns its interpreter."""
    home, stamp = folder / "peers-venv", folder / "peers-venv" / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        venv.create(home, with_pip=True, clear=True)
        command: list[str | Path] = [home / "bin" / "pip", "install", "--quiet", "-r", REQUIREMENTS]
        _run(command, "pip install of the Python peers", ROOT, 400)
        stamp.write_text(REQUIREMENTS.read_text())
    return home / "bin" / "python"


def product() -> Path:
    """The product's start script."""
    script = ROOT / "run.py"
    if not script.exists():
        raise Missing(f"{script.name} is not there: only the peers are measured")
    return script


def versions() -> dict[str, str]:
    """What the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else "unknown",
        "cores": str(os.cpu_count()),
        "kernel": Path("/proc/sys/kernel/osrelease").read_text().strip(),
        "python": sys.version.split()[0],
    }
