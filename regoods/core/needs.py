"""What a server needs of a database: the tables, columns and rights that its queries name."""

import functools
from collections.abc import Iterator
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.visitors import iterate

from regoods.core.database import metadata
from regoods.core.query import Query

VERBS: dict[str, type] = {"INSERT": sa.Insert, "UPDATE": sa.Update, "DELETE": sa.Delete}


def is_for(element: sa.Table | sa.Index, dialect: Dialect) -> bool:
    """Whether a table or index of ours is for this database: its `info` may name the `only` one it is for."""
    return element.info.get("only") in (None, dialect.name)


def ours(dialect: Dialect) -> set[sa.Table]:
    """The tables that we add beside ReGoods' own."""
    return {table for table in metadata.sorted_tables if table.info.get("ours") and is_for(table, dialect)}


def own() -> list[sa.Table]:
    """ReGoods' own tables."""
    return [table for table in metadata.sorted_tables if not table.info.get("ours")]


def filled(dialect: Dialect) -> set[sa.Table]:
    """Tables that a query inserts into."""
    return {table for table, verbs in rights(dialect).items() if "INSERT" in verbs}


def columns(dialect: Dialect) -> dict[sa.Table, list[sa.Column[Any]]]:
    """Every column that a query names, by table; all of those we fill, and of our own tables."""
    needed = {column for table in filled(dialect) | ours(dialect) for column in table.columns}
    for statement in _statements(dialect):
        needed |= _named(statement)
    by_table = {table: [column for column in table.columns if column in needed] for table in metadata.sorted_tables}
    return {table: columns for table, columns in by_table.items() if columns}


def rights(dialect: Dialect) -> dict[sa.Table, list[str]]:
    """The statements beside SELECT that are run on each table."""
    found: dict[sa.Table, set[str]] = {}
    for statement in _statements(dialect):
        for verb, kind in VERBS.items():
            if isinstance(statement, kind):
                found.setdefault(cast(Any, statement).table, set()).add(verb)
    return {table: sorted(verbs) for table, verbs in found.items()}


@functools.cache
def _named(statement: Any) -> frozenset[sa.Column[Any]]:
    """Walked once: a start that migrates looks twice, and no statement ever changes."""
    return frozenset(
        column
        for element in iterate(statement)
        if isinstance(element, sa.Column)
        for column in element.base_columns
        if isinstance(column, sa.Column)
    )


def _statements(dialect: Dialect) -> Iterator[Any]:
    return (query.statement(dialect) for query in Query.made if query.exists_on(dialect) and not query.for_commands)
