"""Several nodes that serve one community as `make bench-scaling` has them, and what each part of it has done so far."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from benchmarks import process
from benchmarks.database import FILL_USERS, SECRET, insert_numbered
from benchmarks.means import ROOT
from benchmarks.servers import STOP_SECONDS, ServerError
from regoods import migrations
from regoods.core.database import Database
from tests.support.databases import PostgresServer
from tests.support.redis import RedisServer

MOST_WRITES = "1000000"
"""A minute's limit that nobody reaches, so that limits are counted as they are in earnest."""

OWN_COMMANDS = ("info",)
"""Those of the one who looks."""

Counts = dict[str, float]


@dataclass(frozen=True)
class Node:
    pid: int
    port: int


def fill_users(url: str, count: int) -> None:
    """Make the schema and the users 1 to `count`."""
    database = Database(url, ROOT, patient=True)
    migrations.upgrade(database)
    with database.engine.begin() as connection:
        insert_numbered(connection, FILL_USERS, count)
    database.close()


@contextmanager
def node(url: str, redis_url: str, folder: Path, number: int) -> Iterator["subprocess.Popen[str]"]:
    """A node that begins to start; ended by its process id."""
    environment = os.environ | {
        "APP_ENV": "production",
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "HOST": "127.0.0.1",
        "PORT": "0",
        "DEBUG_CHAT": "false",
        "DEMO_DATA": "false",
        "WS_ENABLED": "true",
        "LOG_LEVEL": "WARNING",
        "JWT_ACCESS_SECRET": SECRET,
        "RATE_LIMIT_WRITES_PER_MINUTE": MOST_WRITES,
    }
    command = [sys.executable, str(ROOT / "run.py")]
    with (
        (folder / f"node-{number}.log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as started,
    ):
        try:
            yield started
        finally:
            started.terminate()
            try:
                started.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                started.kill()
                raise ServerError("a node did not end") from None


def listening(started: "subprocess.Popen[str]", folder: Path) -> Node:
    assert started.stdout is not None
    line = started.stdout.readline()
    if "http://" not in line:
        said = "".join(log.read_text() for log in folder.glob("node-*.log")).strip().splitlines()[-1:]
        raise ServerError(f"a node did not start: {''.join(said) or 'it said nothing'}")
    return Node(started.pid, int(line.split("http://")[1].split()[0].rpartition(":")[2]))


@contextmanager
def nodes(count: int, url: str, redis_url: str, folder: Path) -> Iterator[Sequence[Node]]:
    """That many nodes on one database, which start and stop together; all are ready."""
    with ExitStack() as stack:
        started = [stack.enter_context(node(url, redis_url, folder, number)) for number in range(count)]
        yield [listening(one, folder) for one in started]
        for one in started:
            one.terminate()


def counted_statements(server: PostgresServer) -> None:
    """From now on the server counts what it is asked: `pg_stat_statements`, which belongs to it."""
    server.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    server.stop()
    server.start()
    server.execute("CREATE EXTENSION pg_stat_statements")


class Observer:
    """Looks at nodes, Redis and database from outside; each figure is a sum since their start."""

    def __init__(
        self, running: Sequence[Node], shared: Sequence[RedisServer], server: PostgresServer | None, url: str
    ) -> None:
        self._nodes, self._server = running, server
        self._redis = [one.client for one in shared]
        self._postmaster = 0
        if server is not None:
            self._postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
            self._engine = sa.create_engine(server.admin_url, isolation_level="AUTOCOMMIT")
            self._database = str(make_url(url).database)

    def look(self) -> Counts:
        counts = {"node cpu": sum(process.cpu_seconds(one.pid) for one in self._nodes)}
        for one in self._nodes:
            add(counts, self._of_node(one))
        for client in self._redis:
            add(counts, of_redis(client.info("commandstats", "stats", "cpu", "memory")))
        if self._server is not None:
            counts["database cpu"] = process.cpu_seconds(self._postmaster)
            add(counts, self._of_database())
        return counts

    def close(self) -> None:
        for client in self._redis:
            client.close()
        if self._server is not None:
            self._engine.dispose()

    def _of_node(self, one: Node) -> Counts:
        with urllib.request.urlopen(f"http://127.0.0.1:{one.port}/health/websocket-stats", timeout=10) as answer:
            stats = json.loads(answer.read())
        return {"heard": stats["bus"]["received"], "resyncs": stats["bus"]["resyncs"]}

    def _of_database(self) -> Counts:
        asked = sa.text(
            "SELECT coalesce(sum(calls), 0), coalesce(sum(calls) FILTER (WHERE query = 'COMMIT'), 0) "
            "FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = :name"
        )
        with self._engine.connect() as connection:
            statements, commits = connection.execute(asked, {"name": self._database}).one()
        return {"statements": float(statements), "commits": float(commits)}


def of_redis(info: dict[str, Any]) -> Counts:
    commands = {
        "command " + name.removeprefix("cmdstat_").upper(): stat["calls"]
        for name, stat in info.items()
        if name.startswith("cmdstat_") and name.removeprefix("cmdstat_") not in OWN_COMMANDS
    }
    return {
        **commands,
        "redis commands": sum(commands.values()),
        "redis cpu": info["used_cpu_user"] + info["used_cpu_sys"],
        "redis in": info["total_net_input_bytes"],
        "redis out": info["total_net_output_bytes"],
        "redis memory": info["used_memory"],
    }


def add(counts: Counts, more: Counts) -> None:
    for name, value in more.items():
        counts[name] = counts.get(name, 0) + value


def since(before: Counts, after: Counts) -> Counts:
    return {name: value - before.get(name, 0) for name, value in after.items()}
