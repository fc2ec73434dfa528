"""What characters a column of text can hold, where that is not all of Unicode."""

import codecs
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql


def of_column(connection: sa.Connection, table: str, there: Any) -> str | None:
    """Python's name of the encoding of a column, as the inspector tells of it; None where it holds all of Unicode."""
    return {"postgresql": _postgresql, "mssql": _mssql, "mariadb": _mariadb, "sqlite": _sqlite}[
        connection.dialect.name
    ](connection, table, there)


def remedy(dialect: sa.Dialect, table: str, column: str) -> str:
    """The statement, with quoted names, that makes such a column hold all of Unicode."""
    return {
        "mssql": f"ALTER TABLE {table} ALTER COLUMN {column} NVARCHAR(MAX) NOT NULL;",
        "mariadb": f"ALTER TABLE {table} MODIFY {column} LONGTEXT CHARACTER SET utf8mb4 NOT NULL;",
        "postgresql": "Dump the database and restore it into one made with ENCODING 'UTF8'.",
    }[dialect.name]


def _sqlite(_connection: sa.Connection, _table: str, _there: Any) -> None:
    return None


def _postgresql(connection: sa.Connection, _table: str, _there: Any) -> str | None:
    name = str(connection.execute(sa.text("SHOW server_encoding")).scalar())
    return None if name == "UTF8" else _codec(name.replace("WIN", "cp"))


def _mssql(connection: sa.Connection, _table: str, there: Any) -> str | None:
    kind = there["type"]
    collation = str(getattr(kind, "collation", None) or "")
    if isinstance(kind, sa.NVARCHAR | sa.NCHAR | mssql.NTEXT) or collation.upper().endswith("_UTF8"):
        return None
    # Without the CAST it is a sql_variant, which FreeTDS cannot read (HY091).
    page = connection.execute(
        sa.text("SELECT CAST(COLLATIONPROPERTY(:collation, 'CodePage') AS INT)"), {"collation": collation}
    ).scalar()
    return _codec(f"cp{page}")


def _mariadb(connection: sa.Connection, table: str, there: Any) -> str | None:
    charset = connection.execute(
        sa.text(
            "SELECT character_set_name FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name = :table AND column_name = :column"
        ),
        {"table": table, "column": there["name"]},
    ).scalar()
    return None if charset == "utf8mb4" else _codec(str(charset))


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "ascii"
