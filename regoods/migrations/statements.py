"""CREATE statements that do nothing where the thing is there already, in each database's words.

They ask Alembic's context, which is opened by `upgrade` and by text.py, for the database, and for two facts: `new`,
whether it has none of ReGoods' own tables; and `broken`, the indexes that were not built to their end.
"""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from regoods.core.database import Database
from regoods.core.editions import snake_case
from regoods.core.indexes import create_statement
from regoods.core.needs import is_for


def create_table(table: sa.Table, indexes: Sequence[sa.Index] = ()) -> None:
    """Create a table of ours, and these indexes of it."""
    dialect = current_dialect()
    _create_where_missing(table, [_ddl(CreateTable(table), dialect)])
    for index in indexes:
        create_index(index)


def create_own_table(
    table: sa.Table, indexes: Sequence[sa.Index] = (), references: Sequence[tuple[sa.Column[int], sa.Column[int]]] = ()
) -> None:
    """Create a table of ReGoods' own with its indexes and foreign keys, all of it at once: for a new database alone."""
    if not _fact("new"):
        return
    dialect = current_dialect()
    name = dialect.identifier_preparer.format_table(table)
    statements = [
        _ddl(CreateTable(table), dialect),
        *(_ddl(CreateIndex(index), dialect) for index in indexes),
        *(_foreign_key(name, column, target, dialect) for column, target in references),
    ]
    _create_where_missing(table, statements)


def create_index(index: sa.Index) -> None:
    """Create an index beside those that are there, where it is for this database. On PostgreSQL writers may go on."""
    dialect = current_dialect()
    if not is_for(index, dialect):
        return
    statement = create_statement(index, dialect)
    name = _name(index)
    if dialect.name == "postgresql":
        quoted = dialect.identifier_preparer.quote_identifier(name)
        if name in _fact("broken"):
            outside_a_transaction(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted}")
        outside_a_transaction(_if_not_exists(statement))
    elif dialect.name == "mssql":
        assert index.table is not None
        table = dialect.identifier_preparer.format_table(index.table)
        if not op.get_context().as_sql:
            # A filtered index wants these two; the text for a DBA sets them once.
            op.execute("SET QUOTED_IDENTIFIER ON; SET ANSI_NULLS ON")
        op.execute(
            f"IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'{name}' "  # noqa: S608
            f"AND object_id = OBJECT_ID(N'{table}')) {statement}"
        )
    else:
        op.execute(_if_not_exists(statement))


def note_revision(table: str, revision: str) -> None:
    """What Alembic itself does at the end of an upgrade, for the text."""
    columns = f"(version_num VARCHAR(32) NOT NULL, CONSTRAINT {table}_pkc PRIMARY KEY (version_num))"
    if current_dialect().name == "mssql":
        op.execute(f"IF OBJECT_ID(N'{table}', N'U') IS NULL CREATE TABLE {table} {columns}")
    else:
        op.execute(f"CREATE TABLE IF NOT EXISTS {table} {columns}")
    op.execute(f"DELETE FROM {table}")  # noqa: S608
    op.execute(f"INSERT INTO {table} (version_num) VALUES ('{revision}')")  # noqa: S608


def current_dialect() -> Dialect:
    return _database().engine.dialect


def is_snake_case() -> bool:
    """Whether this is the PostgreSQL edition's schema."""
    return _database().naming == "snake"


def _create_where_missing(table: sa.Table, statements: Sequence[str]) -> None:
    dialect = current_dialect()
    name = dialect.identifier_preparer.format_table(table)
    body = " ".join(f"{statement};" for statement in statements)
    if dialect.name == "postgresql":
        op.execute(f"DO $$ BEGIN IF to_regclass('{name}') IS NULL THEN {body} END IF; END $$")
    elif dialect.name == "mssql":
        op.execute(f"IF OBJECT_ID(N'{name}', N'U') IS NULL BEGIN {body} END")
    else:
        for statement in statements:
            op.execute(_if_not_exists(statement))


def outside_a_transaction(statement: str) -> None:
    """As building an index CONCURRENTLY wants it."""
    if op.get_context().as_sql:
        op.execute(statement)
        return
    with op.get_context().autocommit_block():
        op.execute(statement)


def _database() -> Database:
    database: Database = op.get_context().opts["database"]
    return database


def _fact(name: str) -> Any:
    return op.get_context().opts[name]


def _name(index: sa.Index) -> str:
    return snake_case(str(index.name)) if is_snake_case() else str(index.name)


def _ddl(element: CreateTable | CreateIndex, dialect: Dialect) -> str:
    return " ".join(str(element.compile(dialect=dialect)).split())


def _foreign_key(table: str, column: sa.Column[int], target: sa.Column[int], dialect: Dialect) -> str:
    quote = dialect.identifier_preparer
    return (
        f"ALTER TABLE {table} ADD FOREIGN KEY ({quote.format_column(column)}) "
        f"REFERENCES {quote.format_table(target.table)} ({quote.format_column(target)})"
    )


def _if_not_exists(statement: str) -> str:
    return re.sub(r"^(CREATE (?:TABLE|(?:UNIQUE )?INDEX(?: CONCURRENTLY)?)) ", r"\1 IF NOT EXISTS ", statement)
