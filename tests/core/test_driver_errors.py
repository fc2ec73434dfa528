"""What kind of failure a driver's error is, by the texts that SQL Server's two drivers give; none can be run here."""

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc

from regoods.core import driver_errors, editions
from regoods.core.database import Database, ServerSession
from regoods.core.settings import ROOT

pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)

MICROSOFT = "[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"
FREETDS = "[FreeTDS][SQL Server]"


def odbc(state: str, text: str) -> Any:
    return sa.exc.ProgrammingError(
        "UPDATE …", None, pyodbc.ProgrammingError(state, f"[{state}] {text} (SQLExecDirectW)")
    )


DEADLOCK = "Transaction (Process ID 52) was deadlocked on lock resources with another process. Rerun it. (1205)"


@pytest.mark.parametrize("error", [odbc("40001", MICROSOFT + DEADLOCK), odbc("42000", FREETDS + DEADLOCK)])
def test_a_deadlock_is_run_again(error: Any) -> None:
    assert driver_errors.is_repeatable(error)
    assert not driver_errors.is_timeout(error)
    assert not driver_errors.is_disconnect(error)


def test_what_mariadb_calls_1205_is_a_wait_for_a_lock() -> None:
    error = odbc("HY000", "[ma-3.1.15][10.11.19-MariaDB]Lock wait timeout exceeded; try restarting transaction (1205)")

    assert driver_errors.is_timeout(error)
    assert not driver_errors.is_repeatable(error)


@pytest.mark.parametrize(
    ("error", "is_timeout", "is_disconnect", "spares_the_pool"),
    [
        (odbc("42000", MICROSOFT + "Lock request time out period exceeded. (1222)"), True, False, False),
        (odbc("HYT00", "[Microsoft][ODBC Driver 18 for SQL Server]Query timeout expired (0)"), True, True, True),
        (odbc("08S01", MICROSOFT + "TCP Provider: Error code 0x68 (104)"), False, True, False),
        (odbc("IMC06", "[Microsoft][ODBC Driver 18 for SQL Server]The connection is broken (0)"), False, True, False),
        (odbc("HY000", FREETDS + "Cannot continue the execution because the session is in the kill state. (596)"),
         False, True, False),
    ],
)  # fmt: skip
def test_what_took_too_long_and_what_lost_the_connection(
    error: Any, is_timeout: bool, is_disconnect: bool, spares_the_pool: bool
) -> None:
    assert driver_errors.is_timeout(error) == is_timeout
    assert driver_errors.is_disconnect(error) == is_disconnect
    assert driver_errors.spares_the_pool(error) == spares_the_pool
    assert driver_errors.is_trouble(error)


@pytest.mark.parametrize(
    ("state", "text", "number"),
    [
        ("42000", "The transaction log for database 'ReGoods' is full due to 'LOG_BACKUP'.", 9002),
        ("25000", 'Failed to update database "ReGoods" because the database is read-only.', 3906),
        ("42000", "The target database, 'ReGoods', is participating in an availability group.", 976),
        ("HY000", "Resource ID : 1. The request limit for the database is 60 and has been reached.", 10928),
    ],
)
def test_an_outage_is_the_database_s_trouble(state: str, text: str, number: int) -> None:
    assert driver_errors.is_trouble(odbc(state, f"{MICROSOFT}{text} ({number})"))
    assert driver_errors.is_trouble(odbc(state, f"{FREETDS}{text} ({number})"))


def test_a_wrong_statement_is_not() -> None:
    error = odbc("42S22", MICROSOFT + "Invalid column name 'Gone'. (207)")

    assert not driver_errors.is_trouble(error)
    assert not driver_errors.lacks_a_right(error)
    assert driver_errors.lacks_a_right(odbc("42000", MICROSOFT + "CREATE TABLE permission denied. (262)"))


def test_a_statement_that_took_too_long_costs_its_own_connection_alone() -> None:
    def told(error: Any) -> Any:
        context = SimpleNamespace(
            original_exception=error.orig, is_disconnect=False, invalidate_pool_on_disconnect=True
        )
        editions._know_lost_connections(context)
        return context.is_disconnect, context.invalidate_pool_on_disconnect

    assert told(odbc("HYT00", "[Microsoft][ODBC Driver 18 for SQL Server]Query timeout expired (0)")) == (True, False)
    assert told(odbc("08S01", MICROSOFT + "Communication link failure (0)")) == (True, True)


class Recorded:
    """Stands where SQLAlchemy's connection to a SQL Server would, and keeps what it is sent."""

    dialect = MSDialect_pyodbc()

    def __init__(self) -> None:
        self.sent: list[str] = []

    def exec_driver_sql(self, sql: str) -> Any:
        self.sent.append(sql)
        return sa.engine.IteratorResult(sa.engine.result.SimpleResultMetaData(["x"]), iter([(1,)]))


def test_savepoints_on_sql_server_have_a_transaction_first_and_no_release() -> None:
    connection: Any = Recorded()
    session = ServerSession(connection, writes=True)

    session.savepoint()
    session.rollback_to_savepoint()
    session.release_savepoint()

    assert connection.sent == ["SELECT TOP 1 1 FROM sys.objects", "SAVE TRANSACTION unit", "ROLLBACK TRANSACTION unit"]


def test_text_columns_are_nvarchar_without_a_connection_too() -> None:
    database = Database("mssql+pyodbc://ann:secret@127.0.0.1:1/ReGoods?driver=ODBC+Driver+18+for+SQL+Server", ROOT)

    assert sa.UnicodeText().compile(database.engine.dialect) == "NVARCHAR(max)"
