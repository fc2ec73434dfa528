"""Does a send or a push cost more with many sockets open, or with many messages stored?"""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import scenarios
from benchmarks.scenarios import Bench
from benchmarks.servers import PRODUCT, Kind, Server

Figures = dict[str, Any]
FEW_SOCKETS = 100
FAN_OUT_SECONDS = 3.0
STEP = 250_000
FILL = """
INSERT INTO Messages (SenderID, RecipientID, MessageContent, MessageType, IsReadByRecipient, IsReadBySender, IsRead,
                      IsDeleted, IsEdited, CreatedAt, UpdatedAt)
WITH RECURSIVE numbers (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
SELECT 1 + (n * 7919) % :users, 1 + (n * 7919 + 1 + n % 97) % :users, 'Is it still to be had? No. ' || n, 'text',
       1, 1, 1, 0, 0, datetime('2025-01-01', (n * 5) || ' seconds') || '.000000',
       datetime('2025-01-01', (n * 5) || ' seconds') || '.000000'
FROM numbers
"""


def stored_database(kind: Kind, folder: Path, count: int, users: int, say: Callable[[str], None]) -> Path:
    """A database the server made itself, with that many messages put in; made once and kept in the folder."""
    kept = folder / f"{kind.key}-{count}-messages.sqlite"
    if kept.exists():
        return kept
    say(f"{kind.label}: storing {count:,} messages, once")
    making = kept.with_suffix(".making")
    making.unlink(missing_ok=True)
    with Server(kind, making):
        pass
    connection = sqlite3.connect(making)
    connection.execute("PRAGMA synchronous = OFF")
    for first in range(1, count + 1, STEP):
        last = min(count, first + STEP - 1)
        connection.execute(FILL, {"first": first, "last": last, "users": users})
        connection.commit()
    if kind.key == PRODUCT:
        with Server(kind, making):
            wait_until_indexed(making)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    making.rename(kept)
    return kept


def behind_by(connection: sqlite3.Connection) -> int:
    """How many messages are not indexed yet."""
    newest, indexed = (
        connection.execute(f"SELECT {column} FROM {table} ORDER BY {column} DESC LIMIT 1").fetchone() or (0,)
        for column, table in (("MessageID", "Messages"), ("rowid", "MessagingSearch"))
    )
    return int(newest[0]) - int(indexed[0])


def wait_until_indexed(path: Path) -> None:
    """Until search has its index of what was put in: its making is not what is measured."""
    connection = sqlite3.connect(path)
    while behind_by(connection):
        time.sleep(0.5)
    connection.close()


def copied(kept: Path, folder: Path) -> Path:
    """The run's own copy: sends of one run must not be the stored messages of the next."""
    copy = Path(shutil.copy(kept, folder / "stored.sqlite"))
    os.sync()  # or the disk is still writing the copy while the commits are measured
    return copy


def costs(bench: Bench, rate: int, seconds: float) -> Figures:
    """CPU of the server for a send (with its two pushes) and for a pushed frame, in microseconds."""
    opened = bench.load.open(0, bench.sockets)
    sends = scenarios.timetable(bench, rate, seconds)
    pushes = scenarios.fan_out(bench, FAN_OUT_SECONDS, sockets=min(FEW_SOCKETS, bench.sockets))
    return {
        "opened": opened["opened"],
        "failed": opened["failed"],
        "lost": sends["lost"],
        "cpu_us_per_send": sends["cpu_us_per_message"],
        "cpu_us_per_frame": pushes["cpu_us_per_frame"],
        "p99_frame_ms": sends["frame_ms"]["p99"] if sends["frame_ms"] else None,
    }
