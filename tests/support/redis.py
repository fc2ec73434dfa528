"""A real Redis for tests: Debian's, in a folder and on a port of its own; it can be stopped, killed and frozen."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

from tests.support.databases import START_SECONDS, MissingPackage, launch
from tests.support.ports import free_port

LAST_PORT = 65_535 - 10_000
"""Above it a cluster's server would have no port for its bus, which is that much higher."""

STOPPED = "T"
"""Of a process's states in proc(5)."""


def port_with_bus() -> int:
    while (port := free_port()) > LAST_PORT:
        pass
    return port


class RedisServer:
    """Keeps nothing on disk: a restarted one has forgotten all."""

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("redis-server", path="/usr/bin")
        if program is None:
            raise MissingPackage("Redis is not installed (Debian: apt-get install redis-server)")
        self._program = program
        self.folder = folder
        self.port = port_with_bus()
        self._options = options
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """On the same port as before; waits until it answers."""
        self._process = launch(
            [
                *(self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--save", "", "--appendonly", "no", *self._options),
            ],
            self.port,
            self.folder / "log",
        )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(START_SECONDS)

    def kill(self) -> None:
        """As `kill -9`; may be called on one that has ended."""
        self._process.kill()
        self._process.wait(START_SECONDS)

    def freeze(self) -> None:
        """Its connections stay open, and nothing comes: as behind a broken network."""
        self._process.send_signal(signal.SIGSTOP)
        stat = Path(f"/proc/{self._process.pid}/stat")
        deadline = time.monotonic() + START_SECONDS
        while stat.read_text().rpartition(")")[2].split()[0] != STOPPED:
            assert self._process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    @property
    def client(self) -> "redis.Redis":
        """For looking at it as an operator would."""
        return redis.Redis.from_url(self.url, decode_responses=True)

    def ran(self, command: str) -> int:
        """How often it ran such a command, and did what it says."""
        figures = self.client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0, "failed_calls": 0})
        return int(figures["calls"] - figures["failed_calls"])

    def empty(self) -> None:
        self.client.flushall()


class RedisCluster:
    """Three servers that share the keys, and no replicas."""

    def __init__(self, folder: Path) -> None:
        self.servers = []
        for number in range(3):
            (folder / str(number)).mkdir()
            self.servers.append(RedisServer(folder / str(number), "--cluster-enabled", "yes"))
        addresses = [f"127.0.0.1:{server.port}" for server in self.servers]
        done = subprocess.run(
            ["/usr/bin/redis-cli", "--cluster", "create", *addresses, "--cluster-yes"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for server in self.servers:
            self._wait_until_it_knows_all(server)

    @property
    def url(self) -> str:
        return self.servers[0].url.replace("redis://", "redis+cluster://").removesuffix("/0")

    def stop(self) -> None:
        for server in self.servers:
            server.stop()

    def _wait_until_it_knows_all(self, server: RedisServer) -> None:
        deadline = time.monotonic() + START_SECONDS
        while server.client.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
            assert time.monotonic() < deadline
            time.sleep(0.05)
