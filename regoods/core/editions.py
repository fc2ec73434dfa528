"""What differs between the databases ReGoods has: names, options of the driver, and what its errors mean."""

import re
import sqlite3
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql
from sqlalchemy.engine import URL, Dialect, Engine, make_url
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

Naming = Literal["pascal", "snake"]

DRIVERS = {
    "sqlite": "sqlite",
    "mssql": "mssql+pyodbc",
    "postgresql": "postgresql+psycopg",
    "mariadb": "mariadb+pyodbc",
}
"""Backend -> how its URL begins. MariaDB stands in for SQL Server in tests of the ODBC path; nobody runs on it."""

BUSY_TIMEOUT_MS = 5_000
CHECKPOINT_PAGES = 8_000
"""Pages in the write-ahead log before a commit copies them back: at SQLite's 1,000 a send's p99 is 18 ms, here 6."""

CONNECT_SECONDS = 5
"""Microsoft's driver by itself waits 15 s where nothing listens."""

STATEMENT_SECONDS = 10
LOCK_SECONDS = 5
RECYCLE_SECONDS = 1_800
"""Firewalls and proxies between the server and its database drop what is older, without a word."""

DEADLOCKS = ("40001", "40P01")
"""SQLSTATE of a serialization failure and of a deadlock: nothing was done, and the same may work in a moment."""

TIMEOUTS = ("HYT00", "HYT01", "57014", "55P03", "70100")
"""SQLSTATE of a statement, or a wait for a lock, that took too long."""

LOCK_TIMEOUTS = {"sql server": 1222, "mariadb": 1205}
"""The drivers' own number where the SQLSTATE is only "general error"."""

_CONNECTION_LOST = ("08", "57P", "HYT")
"""How the SQLSTATE begins that tells that the connection is of no more use."""


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


def read_url(text: str) -> URL:
    """Raises ValueError, in words that repeat nothing of the text: a password may be anywhere in it."""
    try:
        url = make_url(text)
        backend = url.get_backend_name()
    except Exception:
        raise ValueError(
            "it is no URL. Allowed: dialect+driver://user:password@host:port/database, "
            "with @ : / ? # % of a password written as %40 %3A %2F %3F %23 %25"
        ) from None
    if "@" in (url.host or ""):
        raise ValueError("it has more than one @. Write the password's own @ as %40")
    driver = DRIVERS.get("postgresql" if backend == "postgres" else backend)
    if driver is None:
        raise ValueError(f"there is no edition for {backend!r}. Allowed: sqlite, mssql+pyodbc, postgresql+psycopg")
    name, _, asked = url.drivername.partition("+")
    if asked and backend != "sqlite" and url.drivername != driver:
        raise ValueError(f"the driver {asked!r} is not used here. Write {driver}://…")
    return url if name == "sqlite" else url.set(drivername=driver)


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
    if backend == "mssql" and is_freetds(url):
        # It knows no sizes of parameters: strings over 2,000 characters would fail with HY090.
        options["use_setinputsizes"] = False
    return options


def is_freetds(url: URL) -> bool:
    asked = " ".join(str(url.query.get(key, "")) for key in ("driver", "odbc_connect")).lower()
    return "freetds" in asked or "tdsodbc" in asked


def prepare_connections(engine: Engine, *, patient: bool) -> None:
    """Set up each new connection of the engine."""
    prepare = {
        "sqlite": _prepare_sqlite,
        "postgresql": _prepare_postgresql,
        "mssql": _prepare_mssql,
        "mariadb": _prepare_mariadb,
    }[engine.dialect.name]
    sa.event.listen(engine, "handle_error", _know_lost_connections)
    sa.event.listen(engine, "connect", lambda connection, _record: prepare(connection, patient))
    if engine.dialect.name == "mssql":
        # OUTPUT is refused on a table with triggers; SCOPE_IDENTITY() is not.
        engine.dialect.insert_returning = False


def _know_lost_connections(context: Any) -> None:
    """Tell SQLAlchemy, and by that its pool, of those it does not know each driver's words for."""
    if is_disconnect(context.original_exception):
        context.is_disconnect = True


def _prepare_sqlite(connection: sqlite3.Connection, _patient: bool) -> None:
    # The driver must not begin transactions of its own: a Session does.
    connection.isolation_level = None
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
    _run_outside_a_transaction(connection, [f"SET {setting}" for setting in settings])


def _prepare_mssql(connection: Any, patient: bool) -> None:
    if not patient:
        # In one go with the wait for locks: the driver's own time-out costs the connection.
        connection.timeout = STATEMENT_SECONDS
        _run_outside_a_transaction(connection, [f"SET LOCK_TIMEOUT {LOCK_SECONDS * 1000}"])


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


def sqlstate(error: BaseException) -> str:
    """The five characters by which a server names an error; empty where there are none."""
    original: Any = getattr(error, "orig", None) or error
    if _is_odbc(original):
        return str(original.args[0])
    return str(getattr(original, "sqlstate", None) or "")


def _is_odbc(original: Any) -> bool:
    """Whether it is an error of pyodbc's: (SQLSTATE, text)."""
    return type(original).__module__ == "pyodbc" and len(original.args) > 1


def _waited_for_a_lock(error: BaseException) -> bool:
    original: Any = getattr(error, "orig", None) or error
    if not _is_odbc(original):
        return False
    text = str(original.args[1])
    return any(name in text.lower() and f"({number})" in text for name, number in LOCK_TIMEOUTS.items())


def is_repeatable(error: BaseException) -> bool:
    """A deadlock or a serialization failure: the transaction is gone, and nothing of it was done."""
    return sqlstate(error) in DEADLOCKS


def is_timeout(error: BaseException) -> bool:
    return sqlstate(error) in TIMEOUTS or (not is_repeatable(error) and _waited_for_a_lock(error))


def is_disconnect(error: BaseException) -> bool:
    """The connection is of no more use."""
    return bool(getattr(error, "connection_invalidated", False)) or sqlstate(error).startswith(_CONNECTION_LOST)


def is_trouble(error: BaseException) -> bool:
    """Whether the database, not the statement, is the trouble: locked, full, read-only, slow, gone."""
    operational = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, sqlite3.OperationalError)
    read_only = sqlstate(error) == "25006"
    known = (is_repeatable(error), is_timeout(error), is_disconnect(error), read_only)
    return isinstance(error, operational) or any(known)


ESCAPES = "@ : / ? # % written as %40 %3A %2F %3F %23 %25"
EXPLANATIONS = (
    (
        r"no module named '?psycopg",
        "the driver psycopg is not installed. Run `make run`, or pip install -r requirements.txt",
    ),
    (r"libodbc", "the system's ODBC library is missing. On Debian: apt-get install libodbc2"),
    (
        r"IM00[23]|data source name not found|can't open lib",
        "the ODBC driver that the URL names is not installed. docs/databases.md tells how to install Microsoft's or "
        "FreeTDS'; odbcinst -q -d lists those there are",
    ),
    (
        r"28P01|28000|password authentication|login failed|access denied|18456|no pg_hba|role .* does not exist",
        f"user {{user!r}} or the password was refused by {{where}}. Correct them in the URL, with {ESCAPES}",
    ),
    (
        r"3D000|database .* does not exist|unknown database|cannot open database|4060",
        "there is no database {database!r} on {where}, or not for this user. Create it, or correct the URL",
    ),
    (
        r"could not translate host|name or service not known|failed to resolve",
        "no machine is called {host!r}. Correct the host in the URL",
    ),
    (
        r"refused|timed? ?out|timeout|08001|HYT00|unreachable|can't connect|could not connect|connection failed|2002|"
        r"unable to connect",
        "nothing answers at {where}. Start the database server there, or correct host and port in the URL",
    ),
)
"""What the drivers say (a pattern) -> what is the matter and what to do."""


def explain(error: BaseException, url: URL) -> str:
    """Why the database cannot be used and what to do, in one line without the password."""
    original: Any = getattr(error, "orig", None) or error
    if url.get_backend_name() == "sqlite":
        return one_line(original)
    said = " ".join(str(part) for part in original.args) or str(original)
    for pattern, explanation in EXPLANATIONS:
        if re.search(pattern, said, re.IGNORECASE):
            return explanation.format(**_address(url))
    return one_line(original)


def _address(url: URL) -> dict[str, str]:
    """user, host, where (host and port) and database, from the URL or from the ODBC text in it."""
    odbc = dict(part.partition("=")[::2] for part in str(url.query.get("odbc_connect", "")).split(";"))
    parts = {key.strip().upper(): value for key, value in odbc.items()}
    host = url.host or parts.get("SERVER", "the server")
    port = url.port or parts.get("PORT", "")
    return {
        "user": url.username or parts.get("UID", ""),
        "host": host,
        "where": f"{host}:{port}" if port else host,
        "database": url.database or parts.get("DATABASE", ""),
    }


def one_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")
