"""What an embedded database's file still holds of rows that are gone, and how it is made to hold no more."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from regoods.core.database import Database
from regoods.core.urls import shown

PATIENCE_SECONDS = 30.0
"""Others' transactions are short; a backup under way is not."""


class RemainsError(Exception):
    """One line for the operator."""


def overwrite_removed(database: Database) -> None:
    """Overwrite with zeros what is removed by connections from now on."""

    def prepare(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA secure_delete = ON").fetchall()

    if database.embedded:
        database.engine.dispose()
        sa.event.listen(database.engine, "connect", prepare)


def clear(database: Database, *, rewrite: bool) -> None:
    """Leave nothing of removed rows in the write-ahead log, and with `rewrite` nothing in the file's free space.

    A row that grows, and a page that is split, leave copies there. Writers wait while the file is rewritten. Raises
    RemainsError.
    """
    path = Path(str(database.url.database))
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)) as connection:
            if rewrite:
                connection.execute("VACUUM")
            deadline = time.monotonic() + PATIENCE_SECONDS
            while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                if time.monotonic() > deadline:
                    raise RemainsError(f"{path}-wal is in use and could not be emptied")
                time.sleep(0.1)
    except sqlite3.Error as error:
        raise RemainsError(f"{shown(database.url)} could not be rewritten: {error}") from None
