"""Whether the database is as the program needs it: what is missing or unfit, and what to do about each.

ReGoods' own tables are looked at, never changed; what `migrate` adds is looked for.
"""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.visitors import iterate

from regoods.core.database import Database, metadata
from regoods.core.editions import snake_case
from regoods.core.query import Query

MIGRATE = "python run.py migrate"
FAMILIES: dict[type, tuple[type, ...]] = {
    bool: (bool, int),
    int: (int,),
    str: (str,),
    float: (float, int, Decimal),
    datetime: (datetime,),
}
"""Python's type of a column of ours -> of a column that serves as well."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it should be. `refuses`: a server does not start on it; else it is advice."""

    subject: str
    problem: str
    remedy: str
    refuses: bool = True

    def __str__(self) -> str:
        return f"{self.subject} {self.problem}. {self.remedy}"


@dataclass(frozen=True, slots=True)
class Report:
    refusals: list[Difference]
    advice: list[Difference]
    text_encoding: str | None
    """Python's name of what a message's text is stored in, where that cannot hold all of Unicode."""


def is_for(element: sa.Table | sa.Index, dialect_name: str) -> bool:
    """Whether a table or index of ours is for this database: its `info` may name the `only` one it is for."""
    return element.info.get("only") in (None, dialect_name)


def check(database: Database) -> Report:
    with database.engine.connect() as connection:
        look = _Check(database, connection)
        differences = look.all()
        return Report(
            [one for one in differences if one.refuses],
            [one for one in differences if not one.refuses],
            next((encoding for _, encoding in look.unfit_texts()), None),
        )


class _Check:
    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection
        self._dialect = connection.dialect
        self._inspector = sa.inspect(connection)
        # PostgreSQL alone tells names of different case apart.
        self._fold = str if self._dialect.name == "postgresql" else str.casefold
        self._present = {self._fold(name): name for name in self._inspector.get_table_names()}

    def all(self) -> list[Difference]:
        return [*self._tables(), *self._indexes(), *self._advice()]

    def _name(self, element: Any) -> str:
        if self._database.naming == "pascal":
            return str(element.name)
        return str(element.key) if isinstance(element, sa.Column) else snake_case(str(element.name))

    def _there(self, table: sa.Table) -> str | None:
        return self._present.get(self._fold(self._name(table)))

    def _columns(self, table: sa.Table) -> dict[str, Any]:
        there = self._there(table)
        assert there is not None
        return {self._fold(column["name"]): column for column in self._inspector.get_columns(there)}

    def _tables(self) -> Iterator[Difference]:
        for table, needed in _needed_columns().items():
            if not is_for(table, self._dialect.name):
                continue
            if self._there(table) is None:
                ours = table.info.get("ours")
                yield Difference(
                    f"Table {self._name(table)}",
                    "is missing",
                    f"{MIGRATE} adds it."
                    if ours
                    else f"Is DATABASE_URL ReGoods' database? On an empty one, {MIGRATE} makes it.",
                )
                continue
            present = self._columns(table)
            for column in needed:
                yield from self._column(table, column, present.get(self._fold(self._name(column))))
            if table in _filled_tables():
                yield from self._unknown(table, present)

    def _column(self, table: sa.Table, column: sa.Column[Any], there: Any) -> Iterator[Difference]:
        subject = f"Column {self._name(table)}.{self._name(column)}"
        wanted = column.type.compile(self._dialect)
        if there is None:
            yield Difference(
                subject, "is missing", f"It is ReGoods' own ({wanted}): take the version of ReGoods that has it."
            )
        elif self._dialect.name != "sqlite":  # whose columns hold anything
            try:
                kind = there["type"].python_type
            except NotImplementedError:
                return
            if not issubclass(kind, FAMILIES[column.type.python_type]):
                yield Difference(
                    subject,
                    f"is of type {there['type'].compile(self._dialect)}",
                    f"The program needs {wanted}: take the version of ReGoods that has it so.",
                )

    def _unknown(self, table: sa.Table, present: dict[str, Any]) -> Iterator[Difference]:
        """Columns that our INSERT would have to fill and does not know."""
        known = {self._fold(self._name(column)) for column in table.columns}
        for key, column in present.items():
            wanted = (
                not column["nullable"] and column.get("default") is None and column.get("autoincrement") is not True
            )
            if key not in known and wanted and not column.get("identity") and not column.get("computed"):
                yield Difference(
                    f"Column {self._name(table)}.{column['name']}",
                    "must be filled, and this version does not know it",
                    "Give it a default, or let it be NULL.",
                )

    def _indexes(self) -> Iterator[Difference]:
        for table in metadata.tables.values():
            there = self._there(table)
            ours = sorted(
                (index for index in table.indexes if index.info.get("ours") and is_for(index, self._dialect.name)),
                key=lambda one: str(one.name),
            )
            if there is None or not ours:
                continue
            present = {index["name"]: index for index in self._inspector.get_indexes(there)}
            broken = self._broken_indexes()
            for index in ours:
                name = self._name(index)
                columns = [self._fold(self._name(column)) for column in index.columns]
                found = present.get(name)
                if found is not None and name in broken:
                    yield Difference(f"Index {name}", "was not built to its end", f"DROP INDEX {name}; then {MIGRATE}.")
                elif found is not None and not self._starts(found, columns):
                    yield Difference(
                        f"Index {name}",
                        f"is on other columns ({', '.join(str(column) for column in found['column_names'])})",
                        f"Drop it; then {self._create(index)}",
                    )
                elif found is None and not self._served(index, columns, present.values()):
                    yield Difference(f"Index {name}", "is missing", f"{MIGRATE} adds it: {self._create(index)}")

    def _starts(self, there: Any, columns: list[str]) -> bool:
        return [self._fold(str(name)) for name in there["column_names"][: len(columns)]] == columns

    def _served(self, index: sa.Index, columns: list[str], present: Any) -> bool:
        """Whether an index of another name does its work."""
        if any(key.endswith("_where") for key in index.dialect_kwargs):
            return False
        return any(
            self._starts(there, columns) and not any(key.endswith("_where") for key in there.get("dialect_options", {}))
            for there in present
        )

    def _create(self, index: sa.Index) -> str:
        return " ".join(str(CreateIndex(index).compile(dialect=self._dialect)).split()) + ";"

    def _broken_indexes(self) -> set[str]:
        if self._dialect.name != "postgresql":
            return set()
        return set(
            self._connection.execute(
                sa.text(
                    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid"
                )
            ).scalars()
        )

    def _encoding(self, column: sa.Column[Any]) -> str | None:
        if self._dialect.name == "postgresql":
            name = str(self._connection.execute(sa.text("SHOW server_encoding")).scalar())
            return None if name == "UTF8" else _codec(name.replace("WIN", "cp"))
        if self._dialect.name == "sqlite":
            return None
        there = self._columns(column.table)[self._fold(self._name(column))]["type"]
        if self._dialect.name == "mssql":
            collation = str(getattr(there, "collation", None) or "")
            if isinstance(there, sa.NVARCHAR | sa.NCHAR | mssql.NTEXT) or collation.upper().endswith("_UTF8"):
                return None
            page = self._connection.execute(
                sa.text("SELECT COLLATIONPROPERTY(:collation, 'CodePage')"), {"collation": collation}
            ).scalar()
            return _codec(f"cp{page}")
        charset = str(
            self._connection.execute(
                sa.text(
                    "SELECT character_set_name FROM information_schema.columns "
                    "WHERE table_schema = DATABASE() AND table_name = :table AND column_name = :column"
                ),
                {"table": self._there(column.table), "column": self._name(column)},
            ).scalar()
        )
        return None if charset == "utf8mb4" else _codec(charset)

    def unfit_texts(self) -> Iterator[tuple[sa.Column[Any], str]]:
        """Columns we write texts to that cannot hold all of Unicode, and what they can."""
        for table in _filled_tables():
            present = self._columns(table) if self._there(table) is not None else {}
            for column in table.columns:
                if isinstance(column.type, sa.UnicodeText) and self._fold(self._name(column)) in present:
                    encoding = self._encoding(column)
                    if encoding is not None:
                        yield column, encoding

    def _advice(self) -> Iterator[Difference]:
        preparer = self._dialect.identifier_preparer
        for column, encoding in self.unfit_texts():
            name, of = preparer.format_column(column), preparer.format_table(column.table)
            remedies = {
                "mssql": f"ALTER TABLE {of} ALTER COLUMN {name} NVARCHAR(MAX) NOT NULL;",
                "mariadb": f"ALTER TABLE {of} MODIFY {name} LONGTEXT CHARACTER SET utf8mb4 NOT NULL;",
                "postgresql": "Dump the database and restore it into one made with ENCODING 'UTF8'.",
            }
            yield Difference(
                f"Column {self._name(column.table)}.{self._name(column)}",
                f"holds {encoding} only, so messages with other characters, emoji among them, are refused",
                remedies[self._dialect.name] + " Then start the server anew.",
                refuses=False,
            )
        if self._dialect.name == "mssql":
            yield from self._snapshots()

    def _snapshots(self) -> Iterator[Difference]:
        query = "SELECT name, is_read_committed_snapshot_on FROM sys.databases WHERE database_id = DB_ID()"
        name, on = self._connection.execute(sa.text(query)).one()
        if not on:
            yield Difference(
                f"Database {name}",
                "has READ_COMMITTED_SNAPSHOT off, so readers and writers wait for one another",
                f"In a quiet minute: ALTER DATABASE {self._dialect.identifier_preparer.quote(name)} "
                "SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK AFTER 5 SECONDS;",
                refuses=False,
            )


def _statements() -> Iterator[Any]:
    for query in Query.made:
        yield from query.statements


def _filled_tables() -> set[sa.Table]:
    """Those a query inserts into."""
    inserts = (statement for statement in _statements() if isinstance(statement, sa.Insert))
    return {insert.table for insert in inserts if isinstance(insert.table, sa.Table)}


def _needed_columns() -> dict[sa.Table, list[sa.Column[Any]]]:
    """Every column that a query names, by table; all of those we fill, and of our own tables."""
    ours = {table for table in metadata.sorted_tables if table.info.get("ours")}
    needed = {column for table in _filled_tables() | ours for column in table.columns}
    for statement in _statements():
        for element in iterate(statement):
            if isinstance(element, sa.Column):
                needed.update(column for column in element.base_columns if isinstance(column, sa.Column))
    by_table = {table: [column for column in table.columns if column in needed] for table in metadata.sorted_tables}
    return {table: columns for table, columns in by_table.items() if columns}


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "ascii"
