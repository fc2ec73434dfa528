"""Drives the C load generator: one command a line to it, one line of JSON back."""

import json
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which
from types import TracebackType
from typing import Any, Self

SOURCES = ("main.c", "measure.c", "sockets.c", "posts.c")
FOLDER = Path(__file__).parent
SPARE_SECONDS = 15.0
"""How much longer than its own time limit a command may take before the generator is given up."""

Figures = dict[str, Any]


class LoadError(Exception):
    """The generator could not be built, refused a command or did not answer."""


def build(into: Path) -> tuple[Path, Path]:
    """Compiles the generator and the echo server into that folder; returns both programs."""
    compiler = next((path for name in ("cc", "gcc", "clang") if (path := which(name))), None)
    if compiler is None:
        raise LoadError("no C compiler (cc, gcc, clang): the load generator cannot be built")
    programs = into / "wsload", into / "echo"
    for program, sources in zip(programs, (SOURCES, ("echo.c",)), strict=True):
        command: list[str | Path] = [compiler, "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", program]
        command += [FOLDER / name for name in sources]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise LoadError(f"{compiler} failed: {done.stderr.strip().splitlines()[-1]}")
    return programs


class Load:
    """One generator process against 127.0.0.1 on a port, or on several that serve together, with the tokens of `users`
    (id, token) in that order.

    Users are named by their index. Every method returns the figures the program printed: what the command itself
    measured, frames and pings received, `client_cpu_seconds` and `wall_seconds`.
    """

    def __init__(
        self, program: Path, ports: int | Sequence[int], users: Sequence[tuple[int, str]], folder: Path
    ) -> None:
        named = str(ports) if isinstance(ports, int) else ",".join(map(str, ports))
        tokens = folder / f"tokens-{named.partition(',')[0]}.txt"
        tokens.write_text("".join(f"{user_id} {token}\n" for user_id, token in users))
        self._process = subprocess.Popen(
            [program, named, tokens], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _ask(self, command: str, seconds: float) -> Figures:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(command + "\n")
        except BrokenPipeError:
            raise LoadError("the load generator has ended") from None
        if not select.select([stdout], [], [], seconds + SPARE_SECONDS)[0]:
            raise LoadError(f"no answer to `{command}`")
        line = stdout.readline()
        if not line:
            raise LoadError(f"the load generator ended at `{command}`")
        figures: Figures = json.loads(line)
        if "error" in figures:
            raise LoadError(f"{figures['error']}: {command}")
        return figures

    def open(
        self, first: int, count: int, *, one_user: bool = False, at_once: int = 64, timeout: float = 60
    ) -> Figures:
        """Opens sockets, `at_once` handshakes under way; done when each has its `connected` event."""
        return self._ask(f"open {first} {0 if one_user else 1} {count} {at_once} {timeout}", timeout)

    def close(self, timeout: float = 15) -> Figures:
        """Closes all sockets with the closing handshake; `cut` counts those the server did not answer in time."""
        return self._ask(f"close {timeout}", timeout)

    def probe(self, seconds: float, interval: float) -> Figures:
        """Protocol pings on the first socket on a fixed timetable: `round_trip_ms` from the scheduled time."""
        return self._ask(f"probe {seconds} {interval}", seconds)

    def post(
        self, seconds: float, *, first: int, count: int, rate: float = 0, connections: int = 64, recipient: int = -1
    ) -> Figures:
        """Messages from the users first..first+count-1, each to the one half-way round, or all to `recipient`.

        Rate 0 saturates; else `rate` a second on a fixed timetable, latencies from the scheduled time: `answer_ms`
        to the 201 and `frame_ms` to the frame at the recipient's socket.
        """
        return self._ask(f"post {connections} {rate} {seconds} {first} {count} {recipient}", seconds)
