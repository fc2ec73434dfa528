"""As a service: what systemd is told and when, and whether config/regoods.service is one that it takes."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from regoods.core.settings import ROOT
from tests.support.databases import server_folder
from tests.support.people import LIMIT
from tests.support.process import Start
from tests.support.redis import RedisServer

MOST_EXPOSED = 15
"""Tenths: 1.5 of the 10 that a service without any hardening has."""


class Manager:
    """What listens at NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.said: list[str] = []
        """Line by line, and no `WATCHDOG=1`."""
        self.signs_of_life = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)

    async def hear(self, wanted: str) -> None:
        """Up to this line."""
        self.said.clear()
        async with asyncio.timeout(LIMIT):
            while wanted not in self.said:
                message = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
                lines = message.decode().split("\n")
                self.signs_of_life += lines.count("WATCHDOG=1")
                self.said += [line for line in lines if line != "WATCHDOG=1"]

    async def hear_signs_of_life(self, count: int) -> None:
        """So many more."""
        self.signs_of_life = 0
        async with asyncio.timeout(LIMIT):
            while self.signs_of_life < count:
                message = await asyncio.get_running_loop().sock_recv(self._socket, 4096)
                self.signs_of_life += message == b"WATCHDOG=1"

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(request: pytest.FixtureRequest) -> Iterator[Manager]:
    with server_folder() as folder:
        abstract = getattr(request, "param", "path") == "abstract"
        manager = Manager(f"@regoods-{os.getpid()}-{folder.name}" if abstract else str(folder / "notify"))
        yield manager
        manager.close()


@pytest.fixture
def start(manager: Manager, start: Start) -> Start:
    return partial(start, NOTIFY_SOCKET=manager.address, WATCHDOG_USEC="300000")


@pytest.mark.parametrize("manager", ["path", "abstract"], indirect=True)
async def test_it_is_told_of_the_start_of_each_moment_and_of_the_stop(manager: Manager, start: Start) -> None:
    process = start()

    await manager.hear("READY=1")
    await process.started()
    ann = process.person(1)
    at_ann = await ann.connect()
    await manager.hear_signs_of_life(3)
    process.signal(signal.SIGTERM)
    await manager.hear("STATUS=Draining.")

    assert manager.said == ["STOPPING=1", "STATUS=Draining."]
    assert await at_ann.closed() == (1001, "Server is restarting")
    assert await process.exit_code() == 0


async def test_it_waits_for_all_processes_and_for_their_replacement(
    manager: Manager, start: Start, redis: RedisServer
) -> None:
    process = start("--workers", "2", REDIS_URL=redis.url, WATCHDOG_USEC="30000000")

    await manager.hear("READY=1")
    before = process.workers
    assert len(before) == 2
    await process.started()
    process.signal(signal.SIGHUP)
    await manager.hear("RELOADING=1")
    await manager.hear("READY=1")

    assert len(process.workers) == 2
    assert not process.workers & before
    assert manager.signs_of_life
    process.signal(signal.SIGTERM)
    await manager.hear("STOPPING=1")
    assert await process.exit_code() == 0


def test_it_takes_the_units_and_finds_the_service_closed_in(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian: apt-get install systemd)")
    service = (ROOT / "config" / "regoods.service").read_text()
    for there, here in (("/opt/regoods/.venv/bin/python", sys.executable), ("/opt/regoods", str(ROOT))):
        assert there in service
        service = service.replace(there, here)
    # A thousand messages a second are as many lines; journald takes a third of that, whatever is among them.
    assert "\nLogRateLimitIntervalSec=0\n" in service
    (tmp_path / "regoods.service").write_text(service)
    shutil.copy(ROOT / "config" / "regoods.socket", tmp_path)

    def analyze(*arguments: str) -> str:
        answer = subprocess.run([program, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stderr

    said = analyze("verify", "--man=no", "--recursive-errors=no", "./regoods.service", "./regoods.socket")
    assert said == ""
    analyze("security", "--no-pager", "--offline=yes", f"--threshold={MOST_EXPOSED}", "./regoods.service")
