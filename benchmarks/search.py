"""`make bench-search`: search in 1,000,000 messages, and what indexing them costs those who send meanwhile.

Asked over HTTP, one call after the other, of one server process on SQLite and one on a PostgreSQL started for it; once
where all messages are one user's, once where they are spread over 1,000 users, one of whom has a tenth.
"""

import argparse
import http.client
import json
import os
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from benchmarks.database import FILL_USERS, Figures, figures_of, headers_of, insert_numbered, serving, taken_by
from benchmarks.growth import behind_by
from benchmarks.means import ROOT, scratch
from regoods import migrations
from regoods.core.database import Database
from regoods.features.conversations.tables import messages
from regoods.features.search.tables import TRIGRAMS
from tests.support.databases import MissingPackage, PostgresServer, server_folder

MESSAGES = 1_000_000
PARTNERS = 1_000
LIMIT_MS = 50
DOCUMENT = ROOT / "docs" / "search.md"
BEGIN, END = "<!-- search: begin -->", "<!-- search: end -->"
STAMP = datetime(2026, 1, 1, tzinfo=UTC)

OWNER, TENTH, FEW = 1, 2, 3
"""Who asks: whose all messages are; who has a tenth of them; who has a few thousand."""

QUERIES = {
    "a word of one message in three": "bicycle",
    "of one in a hundred": "Tandem",
    "of one in 100,000": "velocipede",
    "two words, each common": "bicycle saddle",
    "a part of a word": "icycl",
    "no hit": "zeppelin",
    "no hit, of common parts": "bicycle bicycle",
    "two characters": "dd",
    "two characters, no hit": "qx",
    "the common word, page 10 of 100": "bicycle&limit=100&offset=900",
    "the common word, with one partner": "bicycle&userId=500",
    "no hit, with one partner": "zeppelin&userId=500",
}

MIX = "**all of these, as often each**"


def texts(count: int) -> Iterator[str]:
    """4 to 14 words of a vocabulary in which a few are much used, and those that are searched for."""
    chance = random.Random(4)
    syllables = [first + second for first in "bdfglmnprstvz" for second in "aeiou"]
    vocabulary = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(20_000)]
    for number in range(count):
        words = [vocabulary[int(20_000 * chance.random() ** 3)] for _ in range(chance.randint(4, 14))]
        words += ["Bicycle" for _ in range(number % 3 == 0)] + ["saddle" for _ in range(number % 7 == 0)]
        words += ["tandem" for _ in range(number % 100 == 1)] + ["Velocipede" for _ in range(number % 100_000 == 5)]
        chance.shuffle(words)
        yield " ".join(words)


def pairs(count: int, spread: bool) -> Iterator[tuple[int, int]]:
    chance = random.Random(5)
    for number in range(count):
        other = 4 + chance.randrange(PARTNERS - 4)
        first = OWNER
        if spread:
            first = TENTH if number % 10 == 0 else FEW if number % 300 == 1 else 4 + (other + 7) % (PARTNERS - 4)
        yield (first, other) if number % 2 else (other, first)


def fill(url: str, count: int, spread: bool) -> None:
    database = Database(url, ROOT, patient=True)
    migrations.upgrade(database)
    indexing = None
    with database.engine.begin() as connection:
        insert_numbered(connection, FILL_USERS, PARTNERS + 1)
        if not database.embedded:
            indexing = connection.execute(sa.text(f"SELECT pg_get_indexdef('{TRIGRAMS}'::regclass)")).scalar()
            connection.exec_driver_sql(f"DROP INDEX {TRIGRAMS}")
    rows: list[dict[str, Any]] = []
    with database.engine.begin() as connection:
        if database.embedded:
            # Its driver begins no transaction by itself, and each message would be one.
            connection.exec_driver_sql("BEGIN")
        for (sender, recipient), text in zip(pairs(count, spread), texts(count), strict=True):
            rows.append({"sender_id": sender, "recipient_id": recipient, "message_content": text, "created_at": STAMP})
            if len(rows) == 10_000:
                connection.execute(sa.insert(messages), rows)
                rows.clear()
        if rows:
            connection.execute(sa.insert(messages), rows)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (
            ("ANALYZE Messages", "ANALYZE Users")
            if database.embedded
            else (str(indexing), "VACUUM ANALYZE", "CHECKPOINT")
        ):
            connection.exec_driver_sql(statement)
    database.close()


def send(connection: http.client.HTTPConnection) -> float:
    """How long one took, in ms."""
    body = json.dumps({"recipientId": FEW, "messageContent": "Is the bicycle still to be had? I would come today."})
    begun = time.perf_counter()
    connection.request("POST", "/api/v1/messages", body, headers_of(TENTH) | {"Content-Type": "application/json"})
    assert connection.getresponse().read().startswith(b'{"success":true')
    return (time.perf_counter() - begun) * 1000


def while_indexing(address: str, path: str) -> tuple[float, dict[str, float], dict[str, float]]:
    """How many seconds the index needs for what is stored, and sends meanwhile and afterwards."""
    connection = http.client.HTTPConnection(address)
    begun, taken = time.monotonic(), []
    looking = sqlite3.connect(path)
    while behind_by(looking) > 1_000:
        taken += [send(connection) for _ in range(20)]
    seconds = time.monotonic() - begun
    looking.close()
    return seconds, figures_of(taken), figures_of([send(connection) for _ in range(2_000)])


def ask(address: str, user_id: int, times: int) -> Figures:
    connection = http.client.HTTPConnection(address)
    paths = {name: f"/messages/search?query={query.replace(' ', '%20')}" for name, query in QUERIES.items()}
    taken = {name: taken_by(connection, path, headers_of(user_id), times) for name, path in paths.items()}
    taken[MIX] = [one for each in taken.values() for one in each]
    return {name: figures_of(each) for name, each in taken.items()}


def measure(url: str, edition: str, options: argparse.Namespace, figures: dict[str, Figures], sends: list[str]) -> None:
    """Fill one database of an edition, one way after the other, and add what was measured."""
    for spread, callers in ((False, {OWNER: "all"}), (True, {TENTH: "a tenth", FEW: "few"})):
        where = url.format("spread" if spread else "all")
        print(f"{edition}: storing {options.messages:,} messages", flush=True)
        fill(where, options.messages, spread)
        with serving(where) as address:
            if edition == "SQLite":
                seconds, during, after = while_indexing(address, where.removeprefix("sqlite:///"))
                sends.append(
                    f"indexed in {seconds:.0f} s; a send meanwhile {during['p50']:.1f} / {during['p95']:.1f} ms, at "
                    f"most {during['longest']:.0f}; afterwards, each indexed within a second, {after['p50']:.1f} / "
                    f"{after['p95']:.1f} ms, at most {after['longest']:.0f}"
                )
            for user_id, name in callers.items():
                figures[f"{edition}, {name}"] = ask(address, user_id, options.times)


def table(figures: dict[str, Figures], sends: list[str], count: int) -> str:
    lines = [
        f"`make bench-search`, {datetime.now(UTC):%Y-%m-%d}: {count:,} messages, of which all, a tenth or a few "
        f"thousand are the caller's; ms over HTTP, p50 / p95; p95 at most {LIMIT_MS}. Load "
        f"average in the end, of {os.cpu_count()} cores: {os.getloadavg()[2]:.1f} over 15 minutes.",
        "",
        f"| query | {' | '.join(figures)} |",
        f"|---|{'---|' * len(figures)}",
    ]
    for name in (*QUERIES, MIX):
        cells = [f"{one[name]['p50']:.1f} / {one[name]['p95']:.1f}" for one in figures.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", "SQLite's index of what was there at the first start, and of what was sent:", ""]) + (
        "\n" + "\n".join(f"- {one}" for one in sends)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--times", type=int, default=200, help="calls of each kind")
    options = parser.parse_args()
    figures: dict[str, Figures] = {}
    sends: list[str] = []
    with scratch() as folder:
        measure(f"sqlite:///{folder}/{{}}.db", "SQLite", options, figures, sends)
    try:
        with server_folder() as path:
            postgres = PostgresServer(path, safe=True)
            for name in ("all", "spread"):
                postgres.execute(f"CREATE DATABASE regoods_{name}")
            url = postgres.url_of("regoods_{}").render_as_string(hide_password=False)
            measure(url.replace("%7B%7D", "{}"), "PostgreSQL", options, figures, sends)
            postgres.stop("immediate")
    except MissingPackage as missing:
        print(f"PostgreSQL is left out: {missing}", file=sys.stderr)
    text = table(figures, sends, options.messages)
    print(text)
    if options.messages == MESSAGES:
        document = DOCUMENT.read_text()
        before, after = document.split(BEGIN)[0], document.split(END)[1]
        DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
    missed = [f"{whose}: {name}" for whose, one in figures.items() for name in QUERIES if one[name]["p95"] > LIMIT_MS]
    if missed:
        print("Over the limit:", *missed, sep="\n- ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
