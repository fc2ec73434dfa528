"""`make bench-database`: lists, threads and counts of a user with 1,000 partners in 1,000,000 messages, all his own.

Asked over HTTP, one call after the other, of one server process on SQLite and one on a PostgreSQL started for it.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from benchmarks.growth import wait_until_indexed
from benchmarks.means import ROOT, scratch
from regoods import migrations
from regoods.core.database import Database
from regoods.core.tokens import mint
from tests.support.databases import MissingPackage, PostgresServer, server_folder

SECRET = "a-secret-for-the-benchmark-of-databases"
PARTNERS = 1_000
MESSAGES = 1_000_000
DOCUMENT = ROOT / "docs" / "databases.md"
BEGIN, END = "<!-- database: begin -->", "<!-- database: end -->"

NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})",
    "postgresql": "WITH numbers (n) AS (SELECT generate_series(1, {count}))",
}
STAMP = "'2026-01-01 00:00:00.000000'"
FILL_USERS = """
INSERT INTO {Users} ({UserID}, {Email}, {PhoneNumber}, {FullName}, {CreatedAt}, {UpdatedAt})
{numbers} SELECT n, 'user' || n, '', 'User ' || n, {stamp}, {stamp} FROM numbers
"""
# User 1 and 1,000 partners in turn, each way in turn; one received message in 200 is unread, one in 50 deleted.
FILL_MESSAGES = """
INSERT INTO {Messages} ({SenderID}, {RecipientID}, {MessageContent}, {IsReadByRecipient}, {IsRead}, {IsDeleted},
                        {CreatedAt}, {UpdatedAt})
{numbers} SELECT CASE WHEN n / {partners} % 2 = 0 THEN 1 ELSE 2 + n % {partners} END,
       CASE WHEN n / {partners} % 2 = 0 THEN 2 + n % {partners} ELSE 1 END,
       'Is it still to be had? No. ' || n, n % 200 <> 7, n % 200 <> 7, n % 50 = 3, {stamp}, {stamp} FROM numbers
"""
CALLS = {
    "conversation list, first page of 20": ("/messages/conversations", 50),
    "conversation list, 100 from the 900th": ("/messages/conversations?limit=100&offset=900", 50),
    "unread count": ("/messages/unread-count", 5),
    "thread, latest 50": ("/messages/user/500", 10),
    "thread, 50 from the 900th back": ("/messages/user/500?limit=50&offset=900", 10),
}
"""What is asked -> path, and the limit of its p95 in ms."""

Figures = dict[str, dict[str, float]]


def fill(url: str, messages: int) -> None:
    """Make the schema, the users and the messages."""
    database = Database(url, ROOT, patient=True)
    migrations.upgrade(database)
    with database.engine.begin() as connection:
        insert_numbered(connection, FILL_USERS, PARTNERS + 1)
        insert_numbered(connection, FILL_MESSAGES, messages)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # What the filling left to do is not what is measured.
        for statement in (
            ("ANALYZE Messages", "ANALYZE Users") if database.embedded else ("VACUUM ANALYZE", "CHECKPOINT")
        ):
            connection.exec_driver_sql(statement)
    database.close()


def insert_numbered(connection: sa.Connection, statement: str, count: int) -> None:
    """Run one of the statements above, for the numbers from 1 to `count`."""
    names = {name: connection.dialect.identifier_preparer.quote(name) for name in names_in(statement)}
    numbers = NUMBERS[connection.dialect.name].format(count=count)
    connection.execute(sa.text(statement.format(**names, numbers=numbers, stamp=STAMP, partners=PARTNERS)))


def names_in(statement: str) -> list[str]:
    return [part.partition("}")[0] for part in statement.split("{")[1:] if part[0].isupper()]


@contextmanager
def serving(url: str) -> Iterator[str]:
    """A server on this database, without limits to the calls of one user; its address."""
    environment = os.environ | {
        "DATABASE_URL": url,
        "PORT": "0",
        "DEMO_DATA": "false",
        "JWT_ACCESS_SECRET": SECRET,
        "RATE_LIMIT_READS_PER_MINUTE": "0",
        "RATE_LIMIT_WRITES_PER_MINUTE": "0",
    }
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, str(ROOT / "run.py")], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as server,
    ):
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split("http://")[1].split()[0]
        finally:
            server.terminate()
            server.communicate()


def headers_of(user_id: int) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint(SECRET, user_id, f'user{user_id}', datetime.now(UTC))}"}


def ask(url: str, times: int) -> Figures:
    """p50 and p95 in ms of each call, and how long the longest of all took."""
    with serving(url) as address:
        if url.startswith("sqlite:///"):
            wait_until_indexed(Path(url.removeprefix("sqlite:///")))
        connection = http.client.HTTPConnection(address)
        return {name: times_of(connection, path, headers_of(1), times) for name, (path, _) in CALLS.items()}


def times_of(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str], times: int
) -> dict[str, float]:
    return figures_of(taken_by(connection, path, headers, times))


def taken_by(connection: http.client.HTTPConnection, path: str, headers: dict[str, str], times: int) -> list[float]:
    """How long each of so many calls took, in ms."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        connection.request("GET", f"/api/v1{path}", headers=headers)
        answer = json.loads(connection.getresponse().read())
        taken.append((time.perf_counter() - begun) * 1000)
        assert answer["success"], answer
    return taken


def figures_of(taken: Sequence[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "p50": statistics.median(ordered),
        "p95": ordered[int(0.95 * len(ordered))],
        "longest": ordered[-1],
    }


def table(figures: dict[str, Figures], messages: int) -> str:
    lines = [
        f"`make bench-database`, {datetime.now(UTC):%Y-%m-%d}: {messages:,} messages, all between one user and "
        f"{PARTNERS:,} partners; ms over HTTP, p50 / p95.",
        "",
        f"| call | {' | '.join(figures)} | p95 at most |",
        f"|---|{'---|' * len(figures)}---|",
    ]
    for name, (_, limit) in CALLS.items():
        cells = [f"{one[name]['p50']:.1f} / {one[name]['p95']:.1f}" for one in figures.values()]
        lines.append(f"| {name} | {' | '.join(cells)} | {limit} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--times", type=int, default=400, help="calls of each kind")
    options = parser.parse_args()
    figures: dict[str, Figures] = {}
    with scratch() as folder:
        print(f"SQLite: storing {options.messages:,} messages", flush=True)
        url = f"sqlite:///{folder}/database.db"
        fill(url, options.messages)
        figures["SQLite"] = ask(url, options.times)
    try:
        with server_folder() as path:
            postgres = PostgresServer(path, safe=True)
            print(f"PostgreSQL: storing {options.messages:,} messages", flush=True)
            url = postgres.create()
            fill(url, options.messages)
            figures["PostgreSQL"] = ask(url, options.times)
            postgres.stop("immediate")
    except MissingPackage as missing:
        print(f"PostgreSQL is left out: {missing}", file=sys.stderr)
    text = table(figures, options.messages)
    print(text)
    if options.messages == MESSAGES:
        document = DOCUMENT.read_text()
        before, after = document.split(BEGIN)[0], document.split(END)[1]
        DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
    missed = [
        f"{edition}: {name}" for edition, one in figures.items() for name in CALLS if one[name]["p95"] > CALLS[name][1]
    ]
    if missed:
        print("Over the limit:", *missed, sep="\n- ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
