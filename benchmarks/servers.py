"""Starts the product and its peers as subprocesses on 127.0.0.1, and stops them."""

import os
import secrets
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.means import NODE_PEER, PEERS, ROOT, product
from benchmarks.tokens import mint

USERS = 20_000
READY_SECONDS = 90.0
STOP_SECONDS = 20.0
SOCKETS_OF_ONE_USER = 1_000
"""The most that settings allow; the sockets of the fan-out scenario's crowd all belong to one user."""


class ServerError(Exception):
    """A server did not start or has ended; one line."""


@dataclass(frozen=True)
class Kind:
    """One of the servers under test: how it is called in tables, its command and its working folder."""

    key: str
    label: str
    command: tuple[str, ...]
    folder: Path = ROOT


PRODUCT = "product"
NODE = "node"
TORNADO = "tornado"
FASTAPI = "fastapi"


def product_kind() -> Kind:
    return Kind(PRODUCT, "ReGoods messaging", (sys.executable, str(product())))


def node_kind() -> Kind:
    return Kind(NODE, "Node: Express + ws", ("node", "server.js"), NODE_PEER)


def python_kinds(interpreter: Path) -> list[Kind]:
    return [
        Kind(TORNADO, "plain Tornado", (str(interpreter), "tornado_plain.py"), PEERS),
        Kind(FASTAPI, "FastAPI + uvicorn", (str(interpreter), "fastapi_uvicorn.py"), PEERS),
    ]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Server:
    """A running server with its own database file; a context manager that ends it by its process id."""

    kind: Kind
    database: Path
    port: int = field(default_factory=free_port)
    secret: str = field(default_factory=lambda: secrets.token_hex(32))

    def _environment(self) -> dict[str, str]:
        common = {"PORT": str(self.port), "HOST": "127.0.0.1", "JWT_ACCESS_SECRET": self.secret}
        peer = {"DATABASE": str(self.database), "USERS": str(USERS), "NODE_ENV": "production"}
        ours = {
            "DATABASE_URL": f"sqlite:///{self.database}",
            "DEMO_DATA": "true",
            "DEMO_USERS": str(USERS),
            "WS_MAX_CONNECTIONS_PER_USER": str(SOCKETS_OF_ONE_USER),
            "RATE_LIMIT_WRITES_PER_MINUTE": "0",
            "RATE_LIMIT_READS_PER_MINUTE": "0",
            "DEBUG_CHAT": "false",
            "WS_ENABLED": "true",
            "LOG_LEVEL": "WARNING",
            "APP_ENV": "production",
        }
        return {**os.environ, **common, **(ours if self.kind.key == PRODUCT else peer)}

    def __enter__(self) -> Self:
        self._log = self.database.with_suffix(".log")
        with self._log.open("ab") as log:
            if self.kind.key == PRODUCT:
                # In production a start never migrates.
                migrate = [*self.kind.command, "migrate"]
                subprocess.run(
                    migrate, cwd=self.kind.folder, env=self._environment(), stdout=log, stderr=log, check=False
                )
            self._process = subprocess.Popen(
                self.kind.command, cwd=self.kind.folder, env=self._environment(), stdout=log, stderr=log
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        last = self._log.read_text(errors="replace").strip().splitlines()[-1:]
        raise ServerError(f"{self.kind.label} did not start: {''.join(last) or 'it said nothing'}")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when the drain takes longer than it may."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def tokens(self, count: int) -> list[tuple[int, str]]:
        """Id and token of that many active users; the newest, for the oldest ids of a demo may play parts."""
        query = "SELECT UserID, Email FROM Users WHERE IsActive = 1 ORDER BY UserID DESC LIMIT ?"
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            rows = connection.execute(query, (count,)).fetchall()
        connection.close()
        if len(rows) < count:
            raise ServerError(f"{self.kind.label} has {len(rows)} active users, {count} are needed")
        return [(user_id, mint(user_id, email, self.secret)) for user_id, email in rows]
