"""The database: engine, types, and sessions that run statements compiled once.

SQLAlchemy builds every statement. On SQLite they run on the driver's own cursor: 21 µs an action
instead of 74, because compiling, caching and result wrapping happen once a statement instead of once a call.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, Dialect, make_url
from sqlalchemy.sql.elements import ReleaseSavepointClause, RollbackToSavepointClause, SavepointClause
from sqlalchemy.types import TypeDecorator

from regoods.core.settings import SettingsError

metadata = sa.MetaData()

BUSY_TIMEOUT_MS = 5_000
CHECKPOINT_PAGES = 8_000
"""Pages in the write-ahead log before a commit copies them back: at SQLite's 1,000 a send's p99 is 18 ms, here 6."""

CONNECTIONS = 16
"""More than the writer and the readers ever hold."""

SAVEPOINT = "unit"

Row = Any
"""A named tuple with the statement's column keys."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; naive UTC in the column, as ReGoods stores it, except where the type keeps a zone."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(sa.DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class _Plan:
    """A statement as one dialect's driver takes it: SQL, parameter order, and the conversions each way."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self.names: Sequence[str] = tuple(compiled.positiontup or ())
        self.defaults = compiled.params
        self.into: dict[str, Callable[[Any], Any]] = {}
        for name, bind in compiled.binds.items():
            processor = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if processor is not None:
                self.into[name] = processor
        columns = getattr(statement, "exported_columns", ())
        self.out: list[tuple[int, Callable[[Any], Any]]] = []
        for index, column in enumerate(columns):
            result = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if result is not None:
                self.out.append((index, result))

    def parameters(self, given: dict[str, Any]) -> list[Any]:
        values = []
        for name in self.names:
            value = given[name] if name in given else self.defaults[name]
            convert = self.into.get(name)
            values.append(value if convert is None else convert(value))
        return values


class Query:
    """A statement with named parameters, made once at import and compiled once a dialect."""

    def __init__(self, statement: Any) -> None:
        self.statement = statement
        self._plans: dict[str, _Plan] = {}
        keys = getattr(statement, "exported_columns", None)
        self.row_type: Any = namedtuple("Row", keys.keys()) if keys is not None and len(keys) else None  # noqa: PYI024

    def plan(self, dialect: Dialect) -> _Plan:
        plan = self._plans.get(dialect.name)
        if plan is None:
            plan = self._plans[dialect.name] = _Plan(self.statement, dialect)
        return plan


class Session:
    """One lasting connection and its transaction; used by one thread at a time."""

    def __init__(self, connection: sa.Connection, *, writes: bool) -> None:
        self.connection = connection
        # A write transaction that starts as a reader fails at once when another writer came between.
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self.dialect = connection.dialect
        self._transaction: sa.Transaction | None = None
        self._direct = self.dialect.name == "sqlite"
        driver: Any = connection.connection.dbapi_connection
        self._driver = driver
        self._cursor: Any = driver.cursor() if self._direct else None
        # SQL Server names savepoints in its own words and has no release.
        self._savepoint, self._release, self._rollback_to = (
            str(clause(SAVEPOINT).compile(dialect=self.dialect))
            for clause in (SavepointClause, ReleaseSavepointClause, RollbackToSavepointClause)
        )

    def all(self, query: Query, **parameters: Any) -> list[Row]:
        if not self._direct:
            rows = self.connection.execute(query.statement, parameters)
            return [query.row_type._make(row) for row in rows]
        plan = query.plan(self.dialect)
        rows = self._cursor.execute(plan.sql, plan.parameters(parameters)).fetchall()
        make = query.row_type._make
        if not plan.out:
            return [make(row) for row in rows]
        converted = []
        for row in rows:
            values = list(row)
            for index, convert in plan.out:
                values[index] = convert(values[index])
            converted.append(make(values))
        return converted

    def first(self, query: Query, **parameters: Any) -> Row | None:
        rows = self.all(query, **parameters)
        return rows[0] if rows else None

    def scalar(self, query: Query, **parameters: Any) -> Any:
        row = self.first(query, **parameters)
        return None if row is None else row[0]

    def run(self, query: Query, **parameters: Any) -> int:
        """Execute a statement without rows; how many rows it touched."""
        if not self._direct:
            return self.connection.execute(query.statement, parameters).rowcount
        plan = query.plan(self.dialect)
        return int(self._cursor.execute(plan.sql, plan.parameters(parameters)).rowcount)

    def begin(self) -> None:
        if self._direct:
            self._cursor.execute(self._begin)
        else:
            self._transaction = self.connection.begin()

    def commit(self) -> None:
        if self._direct:
            self._cursor.execute("COMMIT")
        elif self._transaction is not None:
            self._transaction.commit()

    def rollback(self) -> None:
        if self._direct:
            if self._driver.in_transaction:
                self._cursor.execute("ROLLBACK")
        elif self._transaction is not None and self._transaction.is_active:
            self._transaction.rollback()

    @property
    def counts_changes(self) -> bool:
        """Whether `changes` and `in_transaction` tell what a failed call left behind."""
        return self._direct

    @property
    def changes(self) -> int:
        """Rows changed on this connection so far."""
        return int(self._driver.total_changes)

    @property
    def in_transaction(self) -> bool:
        """False after an error by which SQLite itself ended the transaction, such as a full disk."""
        return bool(self._driver.in_transaction)

    def savepoint(self) -> None:
        self._execute(self._savepoint)

    def release_savepoint(self) -> None:
        self._execute(self._release)

    def rollback_to_savepoint(self) -> None:
        self._execute(self._rollback_to)

    def _execute(self, sql: str) -> None:
        if not sql:
            return
        if self._direct:
            self._cursor.execute(sql)
        else:
            self.connection.exec_driver_sql(sql)

    def close(self) -> None:
        self.rollback()
        self.connection.close()


class Database:
    """Engine and schema of one DATABASE_URL; a relative SQLite path starts at `root`.

    Raises SettingsError for a URL, a driver or a folder that cannot be used.
    """

    def __init__(self, url: str, root: Path) -> None:
        try:
            self.url = _absolute(make_url(url), root)
            self.engine = sa.create_engine(self.url, pool_size=CONNECTIONS, max_overflow=0, hide_parameters=True)
        except (sa.exc.ArgumentError, ImportError, OSError, ValueError) as error:
            raise SettingsError(f"DATABASE_URL cannot be used: {_one_line(error)}.") from None
        self.embedded = self.url.get_backend_name() == "sqlite"
        if self.embedded:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    def create_tables(self) -> None:
        """Create what is missing, in the embedded database only: a server's schema is its DBA's.

        Raises SettingsError where the file cannot be opened or is no database.
        """
        if self.embedded:
            try:
                with self.engine.begin() as connection:
                    metadata.create_all(connection)
            except sa.exc.DatabaseError as error:
                raise SettingsError(f"DATABASE_URL cannot be used: {_one_line(error.orig or error)}.") from None

    def session(self, *, writes: bool) -> Session:
        return Session(self.engine.connect(), writes=writes)

    def close(self) -> None:
        self.engine.dispose()

    def is_operational(self, error: BaseException) -> bool:
        """Whether the database, not the statement, is the trouble: locked, full, read-only, gone."""
        dbapi: Any = self.engine.dialect.loaded_dbapi
        return isinstance(error, dbapi.OperationalError | sa.exc.OperationalError)


def _one_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def _absolute(url: URL, root: Path) -> URL:
    if url.get_backend_name() != "sqlite":
        return url
    if not url.database or url.database == ":memory:":
        raise ValueError("a database in memory would be another one for each thread; name a file")
    path = root / url.database
    path.parent.mkdir(parents=True, exist_ok=True)
    return url.set(database=str(path))


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
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
