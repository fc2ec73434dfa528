"""Indexes of ours: their statements, and whether one that is there does their work."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex

from regoods.core.database import Database
from regoods.core.needs import is_for

Fold = Callable[[str], str]
"""What makes two names equal that the database takes for one."""


def is_ours(index: sa.Index, dialect: sa.Dialect) -> bool:
    """Whether we add it to this database."""
    ours = index.info.get("ours") or (index.table is not None and index.table.info.get("ours"))
    return bool(ours) and is_for(index, dialect)


def broken(database: Database) -> frozenset[str]:
    """PostgreSQL's indexes whose building was interrupted: they are kept up, and serve nothing."""
    if database.engine.dialect.name != "postgresql":
        return frozenset()
    query = "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid"
    with database.engine.connect() as connection:
        return frozenset(connection.execute(sa.text(query)).scalars())


def create_statement(index: sa.Index, dialect: sa.Dialect) -> str:
    """That of an index beside those that are there. On PostgreSQL writers may go on meanwhile."""
    statement = " ".join(str(CreateIndex(index).compile(dialect=dialect)).split())
    return statement.replace("INDEX", "INDEX CONCURRENTLY", 1) if dialect.name == "postgresql" else statement


def starts(there: Any, columns: Sequence[str], fold: Fold) -> bool:
    """Whether an index, as the inspector tells of it, begins with these columns."""
    return [fold(str(name)) for name in there["column_names"][: len(columns)]] == list(columns)


def serves(there: Any, index: sa.Index, columns: Sequence[str], fold: Fold) -> bool:
    """Whether an index of another name does the work of one of ours."""
    if index.unique or any(key.endswith("_where") for key in index.dialect_kwargs):
        return False
    filtered = any(key.endswith("_where") for key in there.get("dialect_options", {}))
    return starts(there, columns, fold) and not filtered
