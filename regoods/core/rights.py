"""Whether the user of DATABASE_URL may do what the server will do, asked of the database itself."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Use:
    """What the server does with a table. Names are as the database has them."""

    table: str
    columns: Sequence[str]
    """Those that are read."""
    verbs: Sequence[str]
    """INSERT, UPDATE, DELETE."""
    key: str | None
    """The column whose values come from the database."""


Lack = tuple[str, str, str]
"""(what, its problem, the remedy)"""


def lacking(connection: sa.Connection, uses: Sequence[Use]) -> Iterator[Lack]:
    """Rights that the user does not have, each with the statement that gives it."""
    ask = {"postgresql": _postgresql, "mssql": _mssql, "sqlite": _sqlite}.get(connection.dialect.name)
    if ask is not None:
        yield from ask(connection, uses)


def out_of_reach(connection: sa.Connection, tables: Sequence[str]) -> Iterator[Lack]:
    """PostgreSQL shows no tables at all to a user who may not use their schema."""
    if connection.dialect.name != "postgresql":
        return
    found = connection.execute(
        sa.text(
            "SELECT DISTINCT n.nspname, current_user FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relname = ANY(:tables) AND c.relkind IN ('r', 'p') AND NOT has_schema_privilege(n.oid, 'USAGE')"
        ),
        {"tables": list(tables)},
    )
    quote = connection.dialect.identifier_preparer.quote_identifier
    for schema, user in found:
        yield _unusable(f"Schema {schema}", f"SCHEMA {quote(schema)}", quote(user))


def _postgresql(connection: sa.Connection, uses: Sequence[Use]) -> Iterator[Lack]:
    user, read_only, standby = connection.execute(
        sa.text("SELECT current_user, current_setting('transaction_read_only') = 'on', pg_is_in_recovery()")
    ).one()
    database = connection.execute(sa.text("SELECT current_database()")).scalar()
    quote = connection.dialect.identifier_preparer.quote_identifier
    if standby:
        yield f"Database {database}", "is a standby, which cannot be written", "Name the primary in DATABASE_URL."
    elif read_only:
        yield (
            f"Database {database}",
            "is read-only (default_transaction_read_only is on)",
            f"ALTER DATABASE {quote(str(database))} SET default_transaction_read_only = off; or the same of the role.",
        )
    for use in uses:
        yield from _table(
            connection,
            use,
            quote(user),
            sa.func.has_table_privilege,
            lambda table, column: sa.func.has_column_privilege(table, column, "SELECT"),
        )
        if use.key is not None and "INSERT" in use.verbs:
            yield from _sequence(connection, quote(use.table), use.key, user)


def _sequence(connection: sa.Connection, table: str, key: str, user: str) -> Iterator[Lack]:
    """An identity column needs no right of its own, the sequence of a `serial` does."""
    sequence = connection.execute(
        sa.text(
            "SELECT pg_get_serial_sequence(:table, :key) FROM pg_attribute "
            "WHERE attrelid = CAST(:table AS regclass) AND attname = :key AND attidentity = ''"
        ),
        {"table": table, "key": key},
    ).scalar()
    if sequence and not connection.execute(sa.select(sa.func.has_sequence_privilege(sequence, "USAGE"))).scalar():
        quote = connection.dialect.identifier_preparer.quote_identifier
        yield _unusable(f"Sequence {sequence}", f"SEQUENCE {sequence}", quote(user))


def _unusable(what: str, named: str, to: str) -> Lack:
    return what, "may not be used by this user", f"GRANT USAGE ON {named} TO {to};"


def _mssql(connection: sa.Connection, uses: Sequence[Use]) -> Iterator[Lack]:
    # Without the CAST it is a sql_variant, which FreeTDS cannot read.
    user, name, updateability = connection.execute(
        sa.text("SELECT USER_NAME(), DB_NAME(), CAST(DATABASEPROPERTYEX(DB_NAME(), 'Updateability') AS NVARCHAR(128))")
    ).one()
    quote = connection.dialect.identifier_preparer.quote_identifier
    if updateability == "READ_ONLY":
        yield (
            f"Database {name}",
            "is read-only",
            f"ALTER DATABASE {quote(name)} SET READ_WRITE; or name the primary replica in DATABASE_URL.",
        )
    has = sa.func.HAS_PERMS_BY_NAME
    for use in uses:
        yield from _table(
            connection,
            use,
            quote(user),
            lambda table, verb: has(table, "OBJECT", verb),
            lambda table, column: has(table, "OBJECT", "SELECT", column, "COLUMN"),
        )


def _sqlite(connection: sa.Connection, _uses: Sequence[Use]) -> Iterator[Lack]:
    path = Path(str(connection.engine.url.database))
    for what, where in (("File", path), ("Folder", path.parent)):
        if not os.access(where, os.W_OK):
            yield f"{what} {where}", "cannot be written by this user", f"chown or chmod u+w {where}"


Question = Callable[[str, str], Any]
"""Of a table, and a verb or column."""


def _table(connection: sa.Connection, use: Use, to: str, may: Question, may_read: Question) -> Iterator[Lack]:
    """Ask for all of a table at once. SELECT may have been given for some columns alone, to keep others from us."""
    table = connection.dialect.identifier_preparer.quote_identifier(use.table)
    questions = [("SELECT", may_read(table, column)) for column in use.columns]
    questions += [(verb, may(table, verb)) for verb in use.verbs]
    answers = connection.execute(sa.select(*(question for _, question in questions))).one()
    missing = ", ".join(
        dict.fromkeys(right for (right, _), answer in zip(questions, answers, strict=True) if not answer)
    )
    if missing:
        yield f"Table {use.table}", f"gives this user no right to {missing}", f"GRANT {missing} ON {table} TO {to};"
