"""A copy of an embedded database while servers write to it: `run.py backup FILE`."""

import contextlib
import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.engine import URL

from regoods.core.urls import address, shown

STEP_PAGES = 2_000
"""About 8 MB: a step is some tens of ms, after which Ctrl+C is heard."""

BUSY_SECONDS = 5.0


class BackupError(Exception):
    """One line for the operator."""


def back_up(source: Path, target: Path) -> int:
    """Copy the database, as it is at this moment, to a file that is not there yet; its size in bytes.

    Until the copy is whole, tried and on disk it has another name. Raises BackupError.
    """
    # It holds what people wrote to each other: no one else's to read, whatever the umask.
    part = target.with_name(f".{target.name}.part-{os.getpid()}")
    try:
        if os.path.lexists(target):
            raise BackupError(f"{target} is there already. Name another file, or take it away")
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _copy(source, part)
            _sync(part)
            size = part.stat().st_size
            part.rename(target)
        finally:
            part.unlink(missing_ok=True)
        _sync(target.parent)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror}") from None
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied to {target}: {error}") from None
    return size


def restore_command(source: Path, copy: Path) -> str:
    """For a shell, when no server runs. A log of the old file would be taken for one of the new."""
    old = " ".join(shlex.quote(f"{source}{suffix}") for suffix in ("-wal", "-shm"))
    return f"rm -f {old} && cp {shlex.quote(str(copy))} {shlex.quote(str(source))}"


def servers_own(url: URL) -> str:
    """How a database on a server is backed up, in one line without secrets."""
    if url.get_backend_name() == "postgresql":
        visible = shown(url.set(drivername="postgresql")._replace(password=None))
        return f"PostgreSQL has its own: pg_dump --format=custom --file=FILE '{visible}'"
    return f"SQL Server has its own: BACKUP DATABASE [{address(url).database}] TO DISK = N'FILE' WITH CHECKSUM;"


def _copy(source: Path, part: Path) -> None:
    with closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as original:
        with closing(sqlite3.connect(part)) as copy, _snapshot(original):
            # It is no database before it is whole, and is synced then.
            copy.execute("PRAGMA synchronous = OFF").fetchall()
            original.backup(copy, pages=STEP_PAGES, progress=_hear_interrupts)
        with closing(sqlite3.connect(part)) as copy:
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise BackupError(f"{source} is damaged, and its copy was not kept: {' '.join(found.split())}")


@contextmanager
def _snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Without it each step sees what was written since the last one, and the copy begins anew: for ever, under load."""
    connection.isolation_level = None
    connection.execute("BEGIN")
    connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    try:
        yield
    finally:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _hear_interrupts(_status: int, _left: int, _total: int) -> None:
    """Python hears Ctrl+C where it runs code of its own, and not within a copy that is C's from begin to end."""


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
