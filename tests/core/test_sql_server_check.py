"""What `check` asks a SQL Server, and makes of its answers; none can be run here."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData

from regoods import migrations
from regoods.core import encodings, rights, schema
from regoods.core.database import Database
from regoods.core.settings import ROOT
from tests.support.databases import SqlServer
from tests.support.schemas import url_of


class Answering:
    """Stands where SQLAlchemy's connection to a SQL Server would: keeps what it is asked, and gives these rows."""

    dialect = MSDialect_pyodbc()

    def __init__(self, *rows: tuple[Any, ...]) -> None:
        self.asked: list[str] = []
        self._rows = list(rows)

    def execute(self, statement: Any, _parameters: Any = None) -> Any:
        compiled = statement.compile(dialect=self.dialect, compile_kwargs={"literal_binds": not _parameters})
        self.asked.append(str(compiled))
        row = self._rows.pop(0)
        return IteratorResult(SimpleResultMetaData([str(number) for number in range(len(row))]), iter([row]))


def lacks(*rows: tuple[Any, ...]) -> tuple[list[rights.Lack], list[str]]:
    connection: Any = Answering(*rows)
    use = rights.Use("Messages", ["MessageID", "SenderID"], ["INSERT", "UPDATE"], "MessageID")
    return list(rights.lacking(connection, [use])), connection.asked


def test_rights_are_asked_by_column_and_by_table() -> None:
    found, asked = lacks(("app", "ReGoods", "READ_WRITE"), (1, 0, 1, 0))

    assert found == [
        (
            "Table Messages",
            "gives this user no right to SELECT, UPDATE",
            "GRANT SELECT, UPDATE ON [Messages] TO [app];",
        )
    ]
    assert "HAS_PERMS_BY_NAME('[Messages]', 'OBJECT', 'SELECT', 'SenderID', 'COLUMN')" in asked[1]
    assert "HAS_PERMS_BY_NAME('[Messages]', 'OBJECT', 'INSERT')" in asked[1]
    assert lacks(("app", "ReGoods", "READ_WRITE"), (1, 1, 1, 1))[0] == []


def test_a_read_only_replica_is_said() -> None:
    ((subject, problem, remedy),) = lacks(("app", "ReGoods", "READ_ONLY"), (1, 1, 1, 1))[0]

    assert (subject, problem) == ("Database ReGoods", "is read-only")
    assert "SET READ_WRITE; or name the primary replica" in remedy


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [
        (sa.TEXT(collation="Latin1_General_CI_AS"), "cp1252"),
        (sa.VARCHAR(collation="Cyrillic_General_CI_AS"), "cp1252"),
        (sa.VARCHAR(collation="Latin1_General_100_CI_AS_SC_UTF8"), None),
        (sa.NVARCHAR(), None),
        (mssql.NTEXT(), None),
    ],
)
def test_the_code_page_of_a_column_is_asked_as_a_number(kind: Any, encoding: str | None) -> None:
    connection: Any = Answering((1252,))

    assert encodings.of_column(connection, "Messages", {"name": "MessageContent", "type": kind}) == encoding
    # FreeTDS cannot read a sql_variant (HY091).
    assert all("CAST(COLLATIONPROPERTY(" in question for question in connection.asked)
    assert bool(connection.asked) == (encoding is not None)


@pytest.mark.parametrize(
    ("kind", "fills_itself"), [(mssql.TIMESTAMP(), True), (mssql.ROWVERSION(), True), (sa.INT(), False)]
)
def test_a_row_version_need_not_be_filled_by_us(kind: Any, fills_itself: bool) -> None:
    column = {"name": "Version", "type": kind, "nullable": False, "default": None}

    assert schema._fills_itself(column) == fills_itself


@pytest.mark.mssql
def test_the_period_of_a_temporal_table_need_not_be_filled_by_us(sql_server: SqlServer) -> None:
    database = Database(sql_server.create(), ROOT)
    migrations.upgrade(database)
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE Messages ADD ValidFrom DATETIME2 GENERATED ALWAYS AS ROW START HIDDEN NOT NULL "
            "DEFAULT SYSUTCDATETIME(), ValidTo DATETIME2 GENERATED ALWAYS AS ROW END HIDDEN NOT NULL "
            "DEFAULT CONVERT(DATETIME2, '9999-12-31 23:59:59.9999999'), PERIOD FOR SYSTEM_TIME (ValidFrom, ValidTo)"
        )
        connection.exec_driver_sql("ALTER TABLE Messages ADD Version ROWVERSION NOT NULL")

    assert schema.check(database).refusals == []
    database.close()
    sql_server.drop(url_of(database))
