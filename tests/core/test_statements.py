"""Every statement as SQL Server and PostgreSQL get it, kept for reading in `statements/`; :name is ? on the wire.

No SQL Server can be installed on the machines that build this; what it is sent is looked at here instead.
After a change on purpose: UPDATE_SNAPSHOTS=1 python -m pytest tests/core/test_statements.py, and read the difference.
"""

import importlib
import os
import pkgutil
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.visitors import iterate

from regoods import features
from regoods.core import editions, needs
from regoods.core.database import metadata
from regoods.core.query import Query
from regoods.core.settings import ROOT
from regoods.features.sync import queries as sync

SEARCHES = (
    *("search._matching_owns", "search._plain_owns", "search._by_", "search._place"),
    *("erasure._mentions", "erasure._indexed", "erasure._count_indexed"),
)
KEPT = Path(__file__).parent / "statements"


def sql_server() -> Dialect:
    dialect = MSDialect_pyodbc()
    dialect.insert_returning = False
    # What the driver finds out when it connects, for SQL Server 2012 and later.
    dialect.server_version_info = (16, 0)
    dialect._setup_version_attributes()
    return dialect


def postgresql() -> Dialect:
    dialect = PGDialect_psycopg()
    editions.use_snake_case(dialect, metadata)
    return dialect


def queries() -> Iterator[tuple[str, Query]]:
    """Every query there is, by feature and name."""
    for feature in sorted(module.name for module in pkgutil.iter_modules(features.__path__)):
        try:
            module = importlib.import_module(f"regoods.features.{feature}.queries")
        except ModuleNotFoundError:
            continue
        for name, value in vars(module).items():
            several: dict[Any, Any] = value if isinstance(value, dict) else {"": value}
            for key, query in several.items():
                if isinstance(query, Query):
                    yield f"{feature}.{name}" + (f"[{key}]" if key != "" else ""), query


def compiled(query: Query, dialect: Dialect) -> str:
    # SQL Server's TOP takes no parameter: its number is written in at each run.
    return re.sub(r"__\[POSTCOMPILE_\w+\]", "1", str(query.statement(dialect).compile(dialect=dialect)))


def written(dialect: Dialect) -> str:
    there = ((name, query) for name, query in queries() if query.exists_on(dialect))
    return "\n\n".join(f"-- {name}\n{compiled(query, dialect)}" for name, query in there) + "\n"


@pytest.mark.parametrize("dialect", [sql_server, postgresql])
def test_the_statements_are_those_that_were_read(dialect: Any) -> None:
    kept = KEPT / f"{dialect.__name__}.sql"
    text = re.sub(r" +\n", "\n", written(dialect()))
    if os.environ.get("UPDATE_SNAPSHOTS"):
        kept.write_text(text)
    assert text == kept.read_text()


def test_every_query_is_among_them() -> None:
    from regoods.app import FEATURES

    assert FEATURES
    assert {id(query) for _, query in queries()} == {id(query) for query in Query.made}


def test_sql_server_gets_nothing_that_it_refuses() -> None:
    text = written(sql_server())

    for refused in ("OUTPUT", "RETURNING", "LIMIT", "RECURSIVE", "NOLOCK", "READ UNCOMMITTED", " true", " false"):
        assert refused not in text
    for statement in text.split("-- "):
        if "OFFSET" in statement:
            assert "ORDER BY" in statement
        assert len(re.findall(r":\w+", statement)) < 2100
        # Error 8120: each bound value in a GROUP BY is another one.
        assert not re.search(r"GROUP BY[^)]*:", statement)


def test_sql_server_compares_our_texts_with_its_own_in_one_collation() -> None:
    """Error 468: a column of ReGoods' may have another collation than the database, and so than ours."""
    text = written(sql_server())
    compared = re.findall(r"\[AttachmentURL\] = \S+.*|\[URL\] = \(SELECT.*", text)

    assert len(compared) == 3
    assert all("COLLATE DATABASE_DEFAULT" in one for one in compared), compared


class Driver:
    """A connection and cursor as pyodbc's, of which each statement is kept."""

    autocommit = False
    description = None
    rowcount = -1

    def __init__(self) -> None:
        self.executed: list[tuple[str, Sequence[Any]]] = []

    def cursor(self) -> "Driver":
        return self

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        self.executed.append((statement, parameters))

    def setinputsizes(self, _sizes: Sequence[Any]) -> None:
        pass

    def commit(self) -> None:
        pass

    rollback = close = commit


def test_sql_server_gets_many_rows_in_one_statement() -> None:
    """At most 2,100 parameters and 1,000 rows each; SQLAlchemy's insertmanyvalues sees to it."""
    driver = Driver()
    engine = sa.create_engine("mssql+pyodbc://h/d?driver=x", creator=lambda: driver, _initialize=False)
    engine.dialect.insert_returning = False
    rows = [
        {"user": number, "number": 1, "json": "{}", "now": datetime(2026, 1, 6, tzinfo=UTC)} for number in range(600)
    ]

    with engine.begin() as connection:
        connection.execute(sync._insert.statement(engine.dialect), rows)

    assert [len(parameters) for _, parameters in driver.executed] == [2096, 304]
    statement = driver.executed[-1][0]
    assert statement.startswith(
        "INSERT INTO [MessagingEvents] ([UserID], [Seq], [Event], [CreatedAt]) VALUES (?, ?, ?, ?),"
    )
    assert statement.count("(?, ?, ?, ?)") == 76


def test_the_rights_that_are_written_down_are_those_that_are_used() -> None:
    """docs/databases.md: a DBA grants what stands there."""
    page = (ROOT / "docs" / "databases.md").read_text().partition("## Rights")[2].partition("\n## ")[0]
    written = {
        table: set(re.findall("[A-Z]{6}", row[2].partition(";")[0])) - {"SELECT"}
        for row in re.finditer(r"^\| (`\w+`.*?) \| (`SELECT.*) \|$", page, re.MULTILINE)
        for table in re.findall(r"\w+", row[1])
    }
    used = needs.rights(sql_server())

    assert written == {table.name: set(used.get(table, ())) for table in needs.columns(sql_server())}


def test_nothing_is_looked_up_by_text() -> None:
    """An NVARCHAR parameter makes SQL Server convert a whole varchar column: a scan instead of a seek.

    Search alone compares texts, and erasure: with a pattern, among messages or events that were looked up by their
    users.
    """
    for name, query in queries():
        if name.startswith(SEARCHES):
            continue
        for statement in query.statements:
            texts = [
                element
                for element in iterate(statement)
                if isinstance(element, sa.BindParameter) and isinstance(element.type, sa.String)
            ]
            assert not (statement.is_select and texts), name


def test_the_names_are_each_edition_s_own() -> None:
    assert "[Messages].[SenderID]" in written(sql_server())
    text = written(postgresql())
    assert "messages.sender_id" in text
    assert not re.search(r'"[A-Z]\w', text)  # "C" is a collation


def test_a_table_defined_after_the_database_was_opened_has_its_edition_s_name_too() -> None:
    later = sa.MetaData()
    dialect = PGDialect_psycopg()
    editions.use_snake_case(dialect, later)
    table = sa.Table("UserNotes", later, sa.Column("NoteID", sa.Integer, key="note_id"))

    assert str(sa.select(table.c.note_id).compile(dialect=dialect)) == "SELECT user_notes.note_id \nFROM user_notes"
