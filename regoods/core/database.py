"""The database of one DATABASE_URL, and sessions on it.

SQLAlchemy builds every statement. On SQLite they run on the driver's own cursor: 21 µs an action
instead of 74, because compiling, caching and result wrapping happen once a statement instead of once a call.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ReleaseSavepointClause, RollbackToSavepointClause, SavepointClause

from regoods.core import driver_errors, editions, explanations, urls
from regoods.core.editions import Naming, UtcDateTime, utc_now
from regoods.core.query import Query, Row
from regoods.core.settings import ROOT, Settings, SettingsError

__all__ = ["Database", "Query", "Row", "Session", "UtcDateTime", "metadata", "open_database", "utc_now"]

metadata = sa.MetaData()

EMBEDDED_CONNECTIONS = 16
"""More than the writer and the readers ever hold."""

SPARE_CONNECTIONS = 2
"""Beyond one a worker thread: for the check at start."""

SAVEPOINT = "unit"
OPEN_TRANSACTION = "SELECT TOP 1 1 FROM sys.objects"


class CannotConnect(Exception):
    """No connection to the database is to be had at the moment."""


class Session:
    """A connection and its transaction; used by one thread at a time."""

    lasting = False
    """Whether an idle thread keeps it. On a server it goes back to the pool, which tries it before the next use."""

    def __init__(self, connection: sa.Connection, *, writes: bool) -> None:
        self.connection = connection
        self.dialect = connection.dialect
        self.committing = False
        """Whether a failure leaves open if it was committed."""
        self.writes = 0
        """Statements so far that may have changed rows."""
        self._savepoint, self._release, self._rollback_to = (
            str(clause(SAVEPOINT).compile(dialect=self.dialect))
            for clause in (SavepointClause, ReleaseSavepointClause, RollbackToSavepointClause)
        )
        if self.dialect.name == "mssql":
            # It has no release, and SQLAlchemy writes one nevertheless.
            self._release = ""

    def all(self, query: Query, **parameters: Any) -> list[Row]:
        raise NotImplementedError

    def first(self, query: Query, **parameters: Any) -> Row | None:
        rows = self.all(query, **parameters)
        return rows[0] if rows else None

    def scalar(self, query: Query, **parameters: Any) -> Any:
        row = self.first(query, **parameters)
        return None if row is None else row[0]

    def run(self, query: Query, **parameters: Any) -> int:
        """Execute a statement without rows; how many rows it touched."""
        raise NotImplementedError

    def run_many(self, query: Query, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement without rows once for each set of parameters."""
        raise NotImplementedError

    def insert(self, query: Query, **parameters: Any) -> int:
        """Insert one row; its identity."""
        raise NotImplementedError

    def begin(self) -> None:
        raise NotImplementedError

    def commit(self) -> None:
        raise NotImplementedError

    def rollback(self) -> None:
        raise NotImplementedError

    def is_intact(self) -> bool:
        """Whether the transaction can go on after the error that a unit met."""
        raise NotImplementedError

    def savepoint(self) -> None:
        self._execute(self._savepoint)

    def release_savepoint(self) -> None:
        self._execute(self._release)

    def rollback_to_savepoint(self) -> None:
        self._execute(self._rollback_to)

    def _execute(self, sql: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Give the connection back to the pool."""
        self.rollback()
        self.connection.close()

    def discard(self) -> None:
        """Throw the connection away: it may be what failed."""
        self.connection.invalidate()
        self.connection.close()


class EmbeddedSession(Session):
    """On SQLite, with the driver's own cursor."""

    lasting = True

    def __init__(self, connection: sa.Connection, *, writes: bool, naming: Naming) -> None:
        super().__init__(connection, writes=writes)
        # A write transaction that starts as a reader fails at once when another writer came between.
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self._naming = naming
        driver: Any = connection.connection.dbapi_connection
        self._driver = driver
        self._cursor: Any = driver.cursor()

    def all(self, query: Query, **parameters: Any) -> list[Row]:
        plan = query.plan(self.dialect, self._naming)
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

    def run(self, query: Query, **parameters: Any) -> int:
        plan = query.plan(self.dialect, self._naming)
        self.writes += 1
        return int(self._cursor.execute(plan.sql, plan.parameters(parameters)).rowcount)

    def run_many(self, query: Query, rows: Sequence[Mapping[str, Any]]) -> None:
        plan = query.plan(self.dialect, self._naming)
        self.writes += 1
        self._cursor.executemany(plan.sql, plan.parameter_rows(rows))

    def insert(self, query: Query, **parameters: Any) -> int:
        self.run(query, **parameters)
        return int(self._cursor.lastrowid)

    def begin(self) -> None:
        self._cursor.execute(self._begin)

    def commit(self) -> None:
        self._cursor.execute("COMMIT")

    def rollback(self) -> None:
        if self._driver.in_transaction:
            self._cursor.execute("ROLLBACK")

    def is_intact(self) -> bool:
        # SQLite itself ends the transaction at some errors, such as a full disk.
        return bool(self._driver.in_transaction)

    def _execute(self, sql: str) -> None:
        self._cursor.execute(sql)


class ServerSession(Session):
    """On a database server, by way of SQLAlchemy's connection, which knows what each driver wants.

    Readers commit each statement by itself, for a transaction would be two more round trips.
    """

    def __init__(self, connection: sa.Connection, *, writes: bool) -> None:
        if not writes:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        super().__init__(connection, writes=writes)
        self._transaction: sa.Transaction | None = None
        self._failed = False

    def all(self, query: Query, **parameters: Any) -> list[Row]:
        rows = self._do(query, parameters).all()
        return [query.row_type._make(row) for row in rows]

    def run(self, query: Query, **parameters: Any) -> int:
        self.writes += 1
        return int(self._do(query, parameters).rowcount)

    def run_many(self, query: Query, rows: Sequence[Mapping[str, Any]]) -> None:
        self.writes += 1
        self._do(query, list(rows))

    def insert(self, query: Query, **parameters: Any) -> int:
        self.writes += 1
        key = self._do(query, parameters).inserted_primary_key
        assert key is not None
        return int(key[0])

    def _do(self, query: Query, parameters: Any) -> sa.CursorResult[Any]:
        try:
            return self.connection.execute(query.statement(self.dialect), parameters)
        except sa.exc.DBAPIError:
            self._failed = True
            raise

    def begin(self) -> None:
        self._failed = False
        self._transaction = self.connection.begin()

    def commit(self) -> None:
        if self._transaction is not None:
            self.committing = True
            self._transaction.commit()
            self.committing = False
            self._transaction = None

    def rollback(self) -> None:
        if self._transaction is not None:
            transaction, self._transaction = self._transaction, None
            transaction.rollback()

    def is_intact(self) -> bool:
        return not self._failed

    def savepoint(self) -> None:
        if self.dialect.name == "mssql":
            # A transaction begins with the first statement that reads or writes a table; SAVE TRANSACTION does
            # neither, and fails without one (error 628).
            self.connection.exec_driver_sql(OPEN_TRANSACTION).all()
        super().savepoint()

    def _execute(self, sql: str) -> None:
        if sql:
            self.connection.exec_driver_sql(sql)
        self._failed = False


class Database:
    """Engine and naming of one DATABASE_URL; a relative SQLite path starts at `root`.

    `threads`: how many worker threads will hold a connection. `patient`: no limit to a statement's time.
    `create`: a SQLite file may be made where there is none. `looks_only`: nothing of a SQLite file can be changed.
    Raises SettingsError for a URL, a driver or a folder that cannot be used.
    """

    def __init__(
        self,
        url: str,
        root: Path,
        *,
        naming: Naming | None = None,
        threads: int = 1,
        patient: bool = False,
        create: bool = True,
        looks_only: bool = False,
    ) -> None:
        try:
            self.url = urls.read_url(url)
            self.embedded = self.url.get_backend_name() == "sqlite"
            if self.embedded:
                self.url = urls.file_url(self.url, root, create=create)
        except ValueError as error:
            raise SettingsError(f"DATABASE_URL cannot be used: {error}.") from None
        except OSError as error:
            raise SettingsError(f"DATABASE_URL cannot be used: {explanations.explain_path(error, self.url)}.") from None
        pool = {"pool_size": EMBEDDED_CONNECTIONS if self.embedded else threads + SPARE_CONNECTIONS, "max_overflow": 0}
        try:
            self.engine = sa.create_engine(
                self.url, hide_parameters=True, **pool, **editions.engine_options(self.url, patient=patient)
            )
        except Exception as error:
            raise self.unusable(error) from None
        editions.prepare_connections(self.engine, patient=patient, looks_only=looks_only)
        self.naming: Naming = naming or editions.default_naming(self.engine.dialect.name)
        if self.naming == "snake":
            editions.use_snake_case(self.engine.dialect, metadata)
        self.text_encoding: str | None = None
        """Python's name of what a message's text is stored in, where that cannot hold all of Unicode."""

    @property
    def shown(self) -> str:
        """The URL without its secrets."""
        return urls.shown(self.url)

    def probe(self) -> None:
        """Connect once. Raises SettingsError, with the reason and its remedy, where that fails."""
        try:
            with self.engine.connect() as connection:
                connection.execute(sa.select(sa.literal(1)))
        except Exception as error:
            raise self.unusable(error) from None

    def session(self, *, writes: bool) -> Session:
        """Raises CannotConnect."""
        try:
            connection = self.engine.connect()
        except sa.exc.SQLAlchemyError as error:
            raise CannotConnect(explanations.one_line(error)) from error
        if self.embedded:
            return EmbeddedSession(connection, writes=writes, naming=self.naming)
        return ServerSession(connection, writes=writes)

    def close(self) -> None:
        self.engine.dispose()

    def is_operational(self, error: BaseException) -> bool:
        """Whether the database, not the statement, is the trouble: locked, full, read-only, gone."""
        return isinstance(error, CannotConnect) or driver_errors.is_trouble(error)

    def is_away(self, error: BaseException) -> bool:
        """Whether any other transaction would meet the same trouble now: as above, but no row that one waited for."""
        return self.is_operational(error) and not self.took_too_long(error) and not self.undid_all(error)

    def undid_all(self, error: BaseException) -> bool:
        """A deadlock, for which the server took the whole transaction back: it may be run again."""
        return driver_errors.is_repeatable(error)

    def lost_connection(self, error: BaseException) -> bool:
        return driver_errors.is_disconnect(error)

    def lacks_a_right(self, error: BaseException) -> bool:
        """Whether a statement was refused because this user may not."""
        return driver_errors.lacks_a_right(error)

    def took_too_long(self, error: BaseException) -> bool:
        return driver_errors.is_timeout(error)

    def is_busy(self, error: BaseException) -> bool:
        """Whether another writer kept the embedded database for longer than one waits."""
        return driver_errors.is_busy(error)

    def unusable(self, error: BaseException) -> SettingsError:
        """The one line that ends a start: why this database cannot be used, and what to do."""
        return SettingsError(
            explanations.sentence(f"DATABASE_URL cannot be used: {explanations.explain(error, self.url)}")
        )


def file_to_make(settings: Settings) -> Path | None:
    """The file that a start in development makes, where it is not there yet. Raises SettingsError where it cannot."""
    try:
        url = urls.read_url(settings.database_url)
    except ValueError:
        return None
    try:
        path = urls.missing_file(url, ROOT) if settings.development else None
        can_be_made = path is None or urls.can_be_made(path)
    except OSError as error:
        raise SettingsError(f"DATABASE_URL cannot be used: {explanations.explain_path(error, url)}.") from None
    if not can_be_made:
        raise SettingsError(f"DATABASE_URL cannot be used: {path} cannot be made. Name another path.")
    return path


def open_database(
    settings: Settings, *, threads: int = 1, patient: bool = False, create: bool = False, looks_only: bool = False
) -> Database:
    """Raises SettingsError."""
    return Database(
        settings.database_url,
        ROOT,
        naming=None if settings.db_naming == "auto" else settings.db_naming,
        threads=threads,
        patient=patient,
        create=create,
        looks_only=looks_only,
    )
