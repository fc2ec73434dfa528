"""What kind of failure an error of a database driver is, by the server's own names for it."""

import sqlite3
from typing import Any

import sqlalchemy as sa

DEADLOCKS = ("40001", "40P01")
"""SQLSTATE of a serialization failure and of a deadlock: nothing was done, and the same may work in a moment."""

TIMEOUTS = ("HYT00", "HYT01", "57014", "55P03", "70100")
"""SQLSTATE of a statement, or a wait for a lock, that took too long."""

CONNECTION_LOST = ("08", "57P", "HYT", "IMC")
"""How the SQLSTATE begins that tells that the connection is of no more use."""

READ_ONLY = "25006"
NO_RIGHT = "42501"

# The drivers for SQL Server give many errors a SQLSTATE of no meaning (42000, HY000), FreeTDS even a deadlock. The
# server's own number tells; its name has to stand beside it, for MariaDB's 1205 is a wait for a lock.
SQL_SERVER = "sql server"
SQL_SERVER_DEADLOCK = (1205,)
SQL_SERVER_SESSION_KILLED = (596,)
SQL_SERVER_LOCK_TIMEOUT = (1222,)
SQL_SERVER_NO_RIGHT = (229, 230, 262, 297, 1088, 2760, 3704, 4902)
SQL_SERVER_TROUBLE = (
    596, 701, 802, 945, 976, 978, 983, 1101, 1105, 1204, 3906, 8645, 8651, 9001, 9002, 10928, 10929,
    40197, 40501, 40613,
)  # fmt: skip
"""Killed, out of memory or of room, read-only, a replica that does not serve, a log that is full, an Azure limit."""

MARIADB = "mariadb"
MARIADB_LOCK_TIMEOUT = (1205,)


def sqlstate(error: BaseException) -> str:
    """The five characters by which a server names an error; empty where there are none."""
    original: Any = getattr(error, "orig", None) or error
    if _is_odbc(original):
        return str(original.args[0])
    return str(getattr(original, "sqlstate", None) or "")


def is_repeatable(error: BaseException) -> bool:
    """A deadlock or a serialization failure: the transaction is gone, and nothing of it was done."""
    return sqlstate(error) in DEADLOCKS or _has_number(error, SQL_SERVER, SQL_SERVER_DEADLOCK)


def is_timeout(error: BaseException) -> bool:
    if is_repeatable(error):
        return False
    return (
        sqlstate(error) in TIMEOUTS
        or _has_number(error, SQL_SERVER, SQL_SERVER_LOCK_TIMEOUT)
        or _has_number(error, MARIADB, MARIADB_LOCK_TIMEOUT)
    )


def is_disconnect(error: BaseException) -> bool:
    """The connection is of no more use."""
    return (
        bool(getattr(error, "connection_invalidated", False))
        or sqlstate(error).startswith(CONNECTION_LOST)
        or _has_number(error, SQL_SERVER, SQL_SERVER_SESSION_KILLED)
    )


def spares_the_pool(error: BaseException) -> bool:
    """Whether a disconnect says nothing of other connections: one statement took too long."""
    return sqlstate(error).startswith("HYT")


def is_trouble(error: BaseException) -> bool:
    """Whether the database, not the statement, is the trouble: locked, full, read-only, slow, gone."""
    operational = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, sqlite3.OperationalError)
    return (
        isinstance(error, operational)
        or sqlstate(error) == READ_ONLY
        or is_repeatable(error)
        or is_timeout(error)
        or is_disconnect(error)
        or _has_number(error, SQL_SERVER, SQL_SERVER_TROUBLE)
    )


def is_busy(error: BaseException) -> bool:
    """Another writer kept an embedded database for longer than one waits: nothing was done."""
    original = getattr(error, "orig", None) or error
    return isinstance(original, sqlite3.OperationalError) and original.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def lacks_a_right(error: BaseException) -> bool:
    """Whether the server refused a statement because this user may not."""
    return sqlstate(error) == NO_RIGHT or _has_number(error, SQL_SERVER, SQL_SERVER_NO_RIGHT)


def _is_odbc(original: Any) -> bool:
    """Whether it is an error of pyodbc's: (SQLSTATE, text)."""
    return type(original).__module__ == "pyodbc" and len(original.args) > 1


def _has_number(error: BaseException, server: str, numbers: tuple[int, ...]) -> bool:
    original: Any = getattr(error, "orig", None) or error
    if not _is_odbc(original):
        return False
    text = str(original.args[1])
    return server in text.lower() and any(f"({number})" in text for number in numbers)
