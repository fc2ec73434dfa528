"""What differs between the databases ReGoods has: names, types, and how a connection is made and set up."""

import re
import sqlite3
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql
from sqlalchemy.engine import URL, Dialect, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from regoods.core import driver_errors
from regoods.core.urls import is_freetds

Naming = Literal["pascal", "snake"]

BUSY_TIMEOUT_MS = 5_000
CHECKPOINT_PAGES = 8_000
"""Pages in the write-ahead log before a commit copies them back: at SQLite's 1,000 a send's p99 is 18 ms, here 6."""

WRITE_AHEAD = b"\x02\x02"
"""In a SQLite file's header, at 18: it is read and written through a write-ahead log."""

CONNECT_SECONDS = 5
"""Microsoft's driver by itself waits 15 s where nothing listens."""

STATEMENT_SECONDS = 10
LOCK_SECONDS = 5
SQL_SERVER_LOCK_SECONDS = 8
"""It looks for deadlocks every 5 s: who stopped waiting before would not be run again, but refused."""

ON_DISK_IN_POSTGRESQL = """
SELECT set_config('synchronous_commit', 'local', false) WHERE current_setting('synchronous_commit') = 'off'
"""
"""A 201 means on disk. What a DBA has set that waits for more, for a standby, stays."""

RECYCLE_SECONDS = 1_800
"""Firewalls and proxies between the server and its database drop what is older, without a word."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; naive UTC in the column, as ReGoods stores it, except where the type keeps a zone."""

    impl = sa.DateTime
    cache_ok = True

    @property
    def python_type(self) -> type[datetime]:
        return datetime

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        kinds: dict[str, Any] = {
            "postgresql": sa.DateTime(timezone=True),
            "mssql": mssql.DATETIME2(),  # type: ignore[no-untyped-call]
            "mariadb": mysql.DATETIME(fsp=3),
        }
        return dialect.type_descriptor(kinds.get(dialect.name, sa.DateTime()))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class utc_now(FunctionElement[datetime]):  # noqa: N801 - a function in SQL
    """A column's default: now, in UTC."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(utc_now)
def _utc_now(_element: Any, _compiler: Any, **_: Any) -> str:
    return "CURRENT_TIMESTAMP"


@compiles(utc_now, "mssql")
def _utc_now_mssql(_element: Any, _compiler: Any, **_: Any) -> str:
    # CURRENT_TIMESTAMP is the server's local time there.
    return "SYSUTCDATETIME()"


@compiles(utc_now, "mariadb")
def _utc_now_mariadb(_element: Any, _compiler: Any, **_: Any) -> str:
    return "UTC_TIMESTAMP(3)"


def default_naming(backend: str) -> Naming:
    return "snake" if backend == "postgresql" else "pascal"


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower().replace("__", "_")


def _snake_names(metadata: sa.MetaData) -> dict[str, str]:
    names = {}
    for table in metadata.tables.values():
        names[table.name] = snake_case(table.name)
        names |= {str(column.name): str(column.key) for column in table.columns}
        names |= {str(index.name): snake_case(str(index.name)) for index in table.indexes}
    return names


def use_snake_case(dialect: Dialect, metadata: sa.MetaData) -> None:
    """Make every statement of this dialect name tables and columns as the PostgreSQL edition does."""
    plain: type[Any] = type(dialect.identifier_preparer)
    names: dict[str, str] = {}
    tables = 0

    class SnakeCase(plain):  # type: ignore[misc]
        def quote(self, ident: str, *arguments: Any) -> str:
            nonlocal tables
            # A feature's tables are defined when it is imported, which may be later than this.
            if len(metadata.tables) != tables:
                names.update(_snake_names(metadata))
                tables = len(metadata.tables)
            return str(super().quote(names.get(ident, ident), *arguments))

    dialect.identifier_preparer = SnakeCase(dialect)


def engine_options(url: URL, *, patient: bool) -> dict[str, Any]:
    """Keyword arguments of `create_engine`. `patient`: without a limit to a statement's time, for migrations."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        return {}
    options: dict[str, Any] = {
        "pool_pre_ping": True,
        "pool_recycle": RECYCLE_SECONDS,
        "pool_timeout": CONNECT_SECONDS,
        "pool_use_lifo": True,
        # A Session ends its transactions itself: a rollback on return would be one more round trip.
        "pool_reset_on_return": None,
    }
    if backend == "postgresql":
        options["connect_args"] = {
            "connect_timeout": CONNECT_SECONDS,
            # A server that vanished without a word is noticed within these, not after two hours.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            **({} if patient else {"tcp_user_timeout": 1000 * (STATEMENT_SECONDS + CONNECT_SECONDS)}),
        }
    else:
        options["connect_args"] = {"timeout": CONNECT_SECONDS}
    if backend == "mssql":
        # Without a connection, as for `migrate --sql`, the dialect would take the server for an old one with NTEXT.
        options["deprecate_large_types"] = True
        if is_freetds(url):
            # It knows no sizes of parameters: strings over 2,000 characters would fail with HY090.
            options["use_setinputsizes"] = False
    return options


def prepare_connections(engine: Engine, *, patient: bool, looks_only: bool = False) -> None:
    """Set up each new connection of the engine."""
    prepare = {
        "sqlite": _prepare_sqlite_to_look if looks_only else _prepare_sqlite,
        "postgresql": _prepare_postgresql,
        "mssql": _prepare_mssql,
        "mariadb": _prepare_mariadb,
    }[engine.dialect.name]
    sa.event.listen(engine, "handle_error", _know_lost_connections)
    sa.event.listen(engine, "connect", lambda connection, _record: prepare(connection, patient))
    if looks_only and engine.dialect.name == "sqlite":
        sa.event.listen(engine, "do_connect", _open_to_look)
    if engine.dialect.name == "mssql":
        # OUTPUT is refused on a table with triggers; SCOPE_IDENTITY() is not.
        engine.dialect.insert_returning = False


def _know_lost_connections(context: Any) -> None:
    """Tell SQLAlchemy, and by that its pool, of those it does not know each driver's words for."""
    error = context.original_exception
    if driver_errors.is_disconnect(error):
        context.is_disconnect = True
        if driver_errors.spares_the_pool(error):
            context.invalidate_pool_on_disconnect = False


def _open_to_look(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
    path = Path(arguments[0])
    arguments[0] = f"{path.as_uri()}?mode=ro{'&immutable=1' if _rests(path) else ''}"
    options["uri"] = True


def _rests(path: Path) -> bool:
    """Whether it is written through a log, and nobody has it open now.

    Who opens it makes the log beside it, and who may only read leaves it there: of root, maybe, and then no server can
    write. Opened as immutable it has none. Where a server starts in that moment, the look may see half of what it
    writes, and does no harm.
    """
    try:
        with path.open("rb") as file:
            is_logged = file.read(20)[18:] == WRITE_AHEAD
    except OSError:
        # SQLite says which.
        return False
    return is_logged and not path.with_name(f"{path.name}-wal").exists()


def _prepare_sqlite_to_look(connection: sqlite3.Connection, _patient: bool) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}").fetchall()
    # The first that reads the file, and finds that it is no database.
    connection.execute("PRAGMA schema_version").fetchall()


def _prepare_sqlite(connection: sqlite3.Connection, _patient: bool) -> None:
    # The driver must not begin transactions of its own: a Session does.
    connection.isolation_level = None
    # Another program may have stored bytes that are no UTF-8; a whole list must not fail for them.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = OFF",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _prepare_postgresql(connection: Any, patient: bool) -> None:
    settings = ["timezone = 'UTC'"]
    if not patient:
        settings += [f"statement_timeout = '{STATEMENT_SECONDS}s'", f"lock_timeout = '{LOCK_SECONDS}s'"]
    _run_outside_a_transaction(connection, [*(f"SET {setting}" for setting in settings), ON_DISK_IN_POSTGRESQL])


def _prepare_mssql(connection: Any, patient: bool) -> None:
    if not patient:
        # In one go with the wait for locks: the driver's own time-out costs the connection.
        connection.timeout = STATEMENT_SECONDS
        _run_outside_a_transaction(connection, [f"SET LOCK_TIMEOUT {SQL_SERVER_LOCK_SECONDS * 1000}"])


def _prepare_mariadb(connection: Any, patient: bool) -> None:
    statements = ["SET time_zone = '+00:00'"]
    if not patient:
        statements += [
            f"SET innodb_lock_wait_timeout = {LOCK_SECONDS}",
            f"SET max_statement_time = {STATEMENT_SECONDS}",
        ]
    _run_outside_a_transaction(connection, statements)


def _run_outside_a_transaction(connection: Any, statements: list[str]) -> None:
    before = connection.autocommit
    connection.autocommit = True
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()
    connection.autocommit = before
