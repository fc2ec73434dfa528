"""Whether the database is as the program needs it: what is missing or unfit, and what to do about each.

ReGoods' own tables are looked at, never changed; what `migrate` adds is looked for.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from regoods.core import encodings, indexes, needs, rights
from regoods.core.database import Database, metadata
from regoods.core.differences import MIGRATE, Difference, Report
from regoods.core.editions import Naming, snake_case

FAMILIES: dict[type, tuple[type, ...]] = {
    bool: (bool, int),
    int: (int,),
    str: (str,),
    float: (float, int, Decimal),
    datetime: (datetime,),
}
"""Python's type of a column of ours -> of a column that serves as well."""

ROW_VERSIONS = ("TIMESTAMP", "ROWVERSION")
"""SQL Server's types of columns that it fills itself, and says nothing about."""


def check(database: Database) -> Report:
    with database.engine.connect() as connection:
        look = _Check(database, connection)
        differences = look.all()
        return Report(
            [one for one in differences if one.refuses],
            [one for one in differences if not one.refuses],
            next((encoding for _, encoding in look.unfit_texts()), None),
            look.is_new(),
        )


def inventory(database: Database) -> set[str]:
    """The tables and indexes that are there, as words."""
    with database.engine.connect() as connection:
        inspector = sa.inspect(connection)
        tables = inspector.get_table_names()
        found = inspector.get_multi_indexes()
    return {f"table {name}" for name in tables} | {
        f"index {one['name']}" for several in found.values() for one in several
    }


class _Check:
    def __init__(self, database: Database, connection: sa.Connection) -> None:
        self._database = database
        self._connection = connection
        self._dialect = connection.dialect
        self._inspector = sa.inspect(connection)
        # PostgreSQL alone tells names of different case apart.
        self._fold = str if self._dialect.name == "postgresql" else str.casefold
        self._present = {self._fold(name): name for name in self._inspector.get_table_names()}
        self._views = {self._fold(name) for name in self._inspector.get_view_names()}
        self._needed = needs.columns(self._dialect)
        self._by_table: dict[str, dict[str, Any]] = {}

    def all(self) -> list[Difference]:
        strange = self._out_of_reach() or self._other_naming()
        if strange:
            return strange
        return [*self._tables(), *self._indexes(), *self._rights(), *self._advice()]

    def _name(self, element: Any, naming: Naming | None = None) -> str:
        if (naming or self._database.naming) == "pascal":
            return str(element.name)
        return str(element.key) if isinstance(element, sa.Column) else snake_case(str(element.name))

    def _there(self, table: sa.Table, naming: Naming | None = None) -> str | None:
        return self._present.get(self._fold(self._name(table, naming)))

    def _columns(self, there: str) -> dict[str, Any]:
        if there not in self._by_table:
            found = self._inspector.get_columns(there)
            self._by_table[there] = {self._fold(column["name"]): column for column in found}
        return self._by_table[there]

    def _out_of_reach(self) -> list[Difference]:
        names = [self._name(table) for table in needs.own() if self._there(table) is None]
        lacks = rights.out_of_reach(self._connection, names) if names else ()
        return [Difference(*lack, stops_migrate=True) for lack in lacks]

    def _other_naming(self) -> list[Difference]:
        """One line instead of one for each name, where ReGoods' tables have the names of its other edition."""
        naming: Naming = "snake" if self._database.naming == "pascal" else "pascal"
        here = [table for table in needs.own() if self._is_named(table, self._database.naming)]
        others = [table for table in needs.own() if self._is_named(table, naming)]
        if here or not others:
            return []
        keys = ", ".join(f"{self._name(one, naming)}.{self._name(_key(one), naming)}" for one in others)
        wanted = f"{self._name(others[0])}.{self._name(_key(others[0]))}"
        return [
            Difference(
                "Tables",
                f"are there by the names of the other edition ({keys}), and {wanted} is not",
                f"Set DB_NAMING={naming}.",
                stops_migrate=True,
            )
        ]

    def _is_named(self, table: sa.Table, naming: Naming) -> bool:
        there = self._there(table, naming)
        return there is not None and self._fold(self._name(_key(table), naming)) in self._columns(there)

    def _tables(self) -> Iterator[Difference]:
        new = self.is_new()
        filled = needs.filled(self._dialect)
        for table, needed in self._needed.items():
            there = self._there(table)
            if there is None:
                yield self._missing(table, new=new)
                continue
            present = self._columns(there)
            for column in needed:
                yield from self._column(table, column, present.get(self._fold(self._name(column))))
            if table in filled:
                yield from self._unknown(table, present)

    def is_new(self) -> bool:
        return not any(self._there(table) or self._is_view(table) for table in needs.own())

    def _is_view(self, table: sa.Table) -> bool:
        return self._fold(self._name(table)) in self._views

    def _missing(self, table: sa.Table, *, new: bool) -> Difference:
        subject = f"Table {self._name(table)}"
        if self._is_view(table):
            return Difference(
                subject, "is a view", "A table is needed: is DATABASE_URL ReGoods' database?", stops_migrate=True
            )
        if table.info.get("ours"):
            return Difference(subject, "is missing", f"{MIGRATE} adds it.", added_by_migrate=True)
        if new:
            remedy = f"Is DATABASE_URL ReGoods' database? If it is to be a new one, {MIGRATE} makes it."
            return Difference(subject, "is missing", remedy, added_by_migrate=True)
        return Difference(
            subject,
            "is missing",
            "Others of ReGoods' own are there. Is DATABASE_URL ReGoods' database, and is it whole?",
            stops_migrate=True,
        )

    def _column(self, table: sa.Table, column: sa.Column[Any], there: Any) -> Iterator[Difference]:
        subject = f"Column {self._name(table)}.{self._name(column)}"
        wanted = column.type.compile(self._dialect)
        if there is None:
            remedy = f"It is ReGoods' own ({wanted}): take the version of ReGoods that has it."
            if table.info.get("ours"):
                remedy = f"It is ours ({wanted}): drop the table, where nothing in it is of use, and run {MIGRATE}."
            yield Difference(subject, "is missing", remedy, stops_migrate=True)
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
            if key not in known and not _fills_itself(column) and not self._is_period(table, column["name"]):
                yield Difference(
                    f"Column {self._name(table)}.{column['name']}",
                    "must be filled, and this version does not know it",
                    "Give it a default, or let it be NULL.",
                )

    def _is_period(self, table: sa.Table, column: str) -> bool:
        """Whether SQL Server fills it with the time of a row's version. An old one does not know the question."""
        if self._dialect.name != "mssql":
            return False
        kind = sa.func.COLUMNPROPERTY(sa.func.OBJECT_ID(self._there(table)), column, "GeneratedAlwaysType")
        return bool(self._connection.execute(sa.select(kind)).scalar())

    def _indexes(self) -> Iterator[Difference]:
        broken = {self._fold(name) for name in indexes.broken(self._database)}
        quote = self._dialect.identifier_preparer.quote_identifier
        for table in metadata.tables.values():
            there = self._there(table)
            ours = [index for index in table.indexes if indexes.is_ours(index, self._dialect)]
            ours.sort(key=lambda one: str(one.name))
            if there is None or not ours:
                continue
            present = {self._fold(str(index["name"])): index for index in self._inspector.get_indexes(there)}
            whole = [index for name, index in present.items() if name not in broken]
            for index in ours:
                name = self._name(index)
                columns = [self._fold(self._name(column)) for column in index.columns]
                found = present.get(self._fold(name))
                if found is not None and self._fold(name) in broken:
                    yield Difference(
                        f"Index {name}",
                        "was not built to its end",
                        f"{MIGRATE} builds it anew: DROP INDEX CONCURRENTLY {quote(name)}; {self._create(index)}",
                        added_by_migrate=True,
                    )
                elif found is not None and not indexes.starts(found, columns, self._fold):
                    yield Difference(
                        f"Index {name}",
                        f"is on other columns ({', '.join(str(column) for column in found['column_names'])})",
                        f"Drop it; then {self._create(index)}",
                    )
                elif found is None and not any(indexes.serves(one, index, columns, self._fold) for one in whole):
                    yield Difference(
                        f"Index {name}",
                        "is missing",
                        f"{MIGRATE} adds it: {self._create(index)}",
                        added_by_migrate=True,
                    )

    def _create(self, index: sa.Index) -> str:
        return indexes.create_statement(index, self._dialect) + ";"

    def _rights(self) -> Iterator[Difference]:
        verbs = needs.rights(self._dialect)
        uses = []
        for table, columns in self._needed.items():
            there = self._there(table)
            if there is not None:
                present = self._columns(there)
                names = (present.get(self._fold(self._name(column))) for column in columns)
                key = _key(table)
                uses.append(
                    rights.Use(
                        there,
                        [column["name"] for column in names if column is not None],
                        verbs.get(table, []),
                        self._name(key) if key is table.autoincrement_column else None,
                    )
                )
        for lack in rights.lacking(self._connection, uses):
            yield Difference(*lack)

    def unfit_texts(self) -> Iterator[tuple[sa.Column[Any], str]]:
        """Columns of ReGoods' that we write texts to and that cannot hold all of Unicode, and what they can."""
        for table in needs.filled(self._dialect) - needs.ours(self._dialect):
            there = self._there(table)
            for column in table.columns if there is not None else ():
                present = self._columns(str(there)).get(self._fold(self._name(column)))
                if isinstance(column.type, sa.UnicodeText) and present is not None:
                    encoding = encodings.of_column(self._connection, str(there), present)
                    if encoding is not None:
                        yield column, encoding

    def _advice(self) -> Iterator[Difference]:
        preparer = self._dialect.identifier_preparer
        for column, encoding in self.unfit_texts():
            yield Difference(
                f"Column {self._name(column.table)}.{self._name(column)}",
                f"holds {encoding} only, so messages with other characters, emoji among them, are refused",
                encodings.remedy(self._dialect, preparer.format_table(column.table), preparer.format_column(column))
                + " Then start the server anew.",
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


def _key(table: sa.Table) -> sa.Column[Any]:
    return next(iter(table.primary_key.columns))


def _fills_itself(column: Any) -> bool:
    """Whether an INSERT may leave a column out, as far as the database tells."""
    return bool(
        column["nullable"]
        or column.get("default") is not None
        or column.get("autoincrement") is True
        or column.get("identity")
        or column.get("computed")
        or type(column["type"]).__name__.upper() in ROW_VERSIONS
    )
