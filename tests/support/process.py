"""The server as a process of its own, as an operator starts it: environment in, lines out, signals, an exit code."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket as tcp
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from regoods.core.settings import ROOT, Settings
from tests.support.people import LIMIT, Person
from tests.support.ports import free_port

SECRET = "a-secret-for-tests-of-the-whole-process"
TOKEN = r"(eyJ[\w-]+\.[\w-]+\.[\w-]+)"
QUIET = re.compile(r'^\S+ (DEBUG|INFO) |"level":"(debug|info)"')
ODBC = ("ODBCINI", "ODBCSYSINI", "LD_LIBRARY_PATH")
DELAYS = {"PYTHONPATH": str(ROOT / "tests" / "delays")}
NOTHING_SET = (
    {field.name.upper(): "" for field in msgspec.structs.fields(Settings)}
    | {name: os.environ[name] for name in ODBC if name in os.environ}
    | (DELAYS if DELAYS.items() <= os.environ.items() else {})
)
"""Empty is as good as unset, and hides what a developer's own `.env` says. As the tests do, servers find ODBC's drivers
and have the delays of `make test-delayed`."""


HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""
"""As systemd does (sd_listen_fds(3)): an open file's number, then the program."""


class ServerProcess:
    """`run.py` with an own database in `folder`; ended by its process id, at the latest by `kill`.

    `listening`: a socket that is handed over as by systemd, and stays open. `stdout`, `stderr`: where to, if that is
    not to be kept in `lines` and `errors`.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        listening: tcp.socket | None = None,
        stdout: int = subprocess.PIPE,
        stderr: int | None = None,
        **environment: str,
    ) -> None:
        given = {
            # None that the kernel would give to somebody else while a server that comes back is away.
            "PORT": str(free_port()),
            "DATABASE_URL": f"sqlite:///{folder}/regoods.db",
            "ATTACHMENTS_URL": f"file://{folder}/attachments",
            "JWT_ACCESS_SECRET": SECRET,
        }
        self.environment = NOTHING_SET | given | environment
        self.folder = folder
        self.people: list[Person] = []
        self.lines: list[str] = []
        """What it wrote to stdout and was read so far."""
        self._errors = (folder / f"stderr-{time.monotonic_ns()}").open("w+")
        handed_over = [] if listening is None else [listening.fileno()]
        self._popen = subprocess.Popen(
            [
                sys.executable,
                *(part for number in handed_over for part in ("-c", HAND_OVER, str(number))),
                str(ROOT / "run.py"),
                *arguments,
            ],
            pass_fds=handed_over,
            cwd=folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=self._errors if stderr is None else stderr,
            text=True,
            process_group=0,
        )

    async def line(self, pattern: str) -> str:
        """Read stdout up to a line that has `pattern`; its first group."""
        assert self._popen.stdout is not None
        while True:
            line = await asyncio.wait_for(asyncio.to_thread(self._popen.stdout.readline), LIMIT)
            assert line, f"it ended: {self.lines} {self.errors}"
            self.lines.append(line)
            if found := re.search(pattern, line):
                return found[1]

    async def started(self) -> "ServerProcess":
        """Wait for the line that says where it listens."""
        self.base_url = await self.line(r"listens on (http://\S+:\d+)")
        return self

    @property
    def port(self) -> str:
        return self.base_url.rpartition(":")[2]

    async def refuses(self) -> bool:
        """Whether nobody listens at its port any more."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", int(self.port))
        except ConnectionError:
            return True
        writer.close()
        return False

    @property
    def process_id(self) -> int:
        return self._popen.pid

    def memory(self, of: str) -> int:
        """Bytes it holds: `VmRSS` now, `VmHWM` at most so far."""
        found = re.search(rf"^{of}:\s+(\d+) kB", Path(f"/proc/{self._popen.pid}/status").read_text(), re.MULTILINE)
        assert found
        return int(found[1]) * 1024

    @property
    def processor_seconds(self) -> float:
        """What it has used of a processor's time so far: the same on a busy machine."""
        fields = Path(f"/proc/{self._popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def errors(self) -> str:
        """All it has written to stderr."""
        return Path(self._errors.name).read_text()

    @property
    def troubles(self) -> list[str]:
        """The lines of that but those of its log at level debug or info."""
        return [line for line in self.errors.splitlines() if not QUIET.search(line)]

    def logged(self, kind: str) -> list[dict[str, Any]]:
        """The lines of this type of its log, which is JSON."""
        lines = [json.loads(line) for line in self.errors.splitlines() if line.startswith("{")]
        return [line for line in lines if line["type"] == kind]

    def person(self, user_id: int) -> Person:
        person = Person(self.base_url, user_id, self.environment["JWT_ACCESS_SECRET"])
        self.people.append(person)
        return person

    @property
    def workers(self) -> set[int]:
        """Process ids of its children."""
        return {pid for pid, parent in _parents().items() if parent == self._popen.pid}

    def signal_from_terminal(self, number: signal.Signals) -> None:
        """To it and its children, as by Ctrl+C."""
        os.killpg(self._popen.pid, number)

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    async def exit_code(self) -> int:
        """Wait for its end; the rest of stdout is in `lines` then."""
        code = await asyncio.to_thread(self._popen.wait, LIMIT)
        if self._popen.stdout is not None and not self._popen.stdout.closed:
            self.lines += self._popen.stdout.readlines()
        return code

    def close_stdout(self) -> None:
        """As whoever reads it, and goes: the next line that is written is refused."""
        assert self._popen.stdout is not None
        self._popen.stdout.close()

    def kill(self) -> None:
        """As `kill -9`; may be called on one that has ended."""
        self._popen.kill()
        self._popen.wait(LIMIT)

    async def clean_up(self) -> None:
        """On the loop's thread, while the loop lives: its clients are closed and its workers killed, too."""
        for person in self.people:
            for socket in person.sockets:
                socket.close()
        with contextlib.suppress(ProcessLookupError):
            self.signal_from_terminal(signal.SIGKILL)
        self._popen.wait(LIMIT)
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        self._errors.close()


Start = Callable[..., ServerProcess]
"""Starts one, as `ServerProcess(folder, …)`."""


def _parents() -> dict[int, int]:
    """Every process's parent, by process id."""
    found: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    return found
