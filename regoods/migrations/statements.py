"""CREATE statements that do nothing where the thing is there already, in each database's words."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from regoods.core.database import Database
from regoods.core.schema import is_for


def create_table(
    table: sa.Table, indexes: Sequence[sa.Index] = (), references: Sequence[tuple[sa.Column[int], sa.Column[int]]] = ()
) -> None:
    """Create a table with these indexes and foreign keys; all of it, or nothing where the table is there."""
    dialect = current_dialect()
    name = dialect.identifier_preparer.format_table(table)
    statements = [
        _ddl(CreateTable(table), dialect),
        *(_ddl(CreateIndex(index), dialect) for index in indexes),
        *(_foreign_key(name, column, target, dialect) for column, target in references),
    ]
    if dialect.name == "postgresql":
        body = " ".join(f"{statement};" for statement in statements)
        op.execute(f"DO $$ BEGIN IF to_regclass('{name}') IS NULL THEN {body} END IF; END $$")
    elif dialect.name == "mssql":
        body = " ".join(f"{statement};" for statement in statements)
        op.execute(f"IF OBJECT_ID(N'{name}', N'U') IS NULL BEGIN {body} END")
    else:
        for statement in statements:
            op.execute(_if_not_exists(statement))


def create_index(index: sa.Index) -> None:
    """Create an index beside those that are there, where it is for this database. On PostgreSQL writers may go on."""
    dialect = current_dialect()
    if not is_for(index, dialect.name):
        return
    statement = _ddl(CreateIndex(index), dialect)
    if dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            op.execute(statement.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY IF NOT EXISTS", 1))
    elif dialect.name == "mssql":
        assert index.table is not None
        table = dialect.identifier_preparer.format_table(index.table)
        # A filtered index wants these two; sqlcmd has the first of them off by default.
        op.execute("SET QUOTED_IDENTIFIER ON; SET ANSI_NULLS ON;")
        op.execute(
            f"IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE name = N'{index.name}' "  # noqa: S608
            f"AND object_id = OBJECT_ID(N'{table}')) {statement}"
        )
    else:
        op.execute(_if_not_exists(statement))


def current_dialect() -> Dialect:
    database: Database = op.get_context().opts["database"]
    return database.engine.dialect


def is_snake_case() -> bool:
    """Whether this is the PostgreSQL edition's schema."""
    database: Database = op.get_context().opts["database"]
    return database.naming == "snake"


def _ddl(element: CreateTable | CreateIndex, dialect: Dialect) -> str:
    return " ".join(str(element.compile(dialect=dialect)).split())


def _foreign_key(table: str, column: sa.Column[int], target: sa.Column[int], dialect: Dialect) -> str:
    quote = dialect.identifier_preparer
    return (
        f"ALTER TABLE {table} ADD FOREIGN KEY ({quote.format_column(column)}) "
        f"REFERENCES {quote.format_table(target.table)} ({quote.format_column(target)})"
    )


def _if_not_exists(statement: str) -> str:
    for create in ("CREATE TABLE", "CREATE INDEX"):
        statement = statement.replace(f"{create} ", f"{create} IF NOT EXISTS ", 1)
    return statement
