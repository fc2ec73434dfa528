"""Statements, made once at import and compiled once an edition of the database."""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy.engine import Dialect

Row = Any
"""A named tuple with the statement's column keys."""


class DirectPlan:
    """A statement as one dialect's driver takes it: SQL, parameter order, and the conversions each way."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self.names: Sequence[str] = tuple(compiled.positiontup or ())
        self.defaults = compiled.params
        self.into: dict[str, Callable[[Any], Any]] = {}
        for name, bind in compiled.binds.items():
            processor = bind.type.dialect_impl(dialect).bind_processor(dialect)
            if processor is not None:
                self.into[name] = processor
        columns = getattr(statement, "exported_columns", ())
        self.out: list[tuple[int, Callable[[Any], Any]]] = []
        for index, column in enumerate(columns):
            result = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if result is not None:
                self.out.append((index, result))

    def parameters(self, given: Mapping[str, Any]) -> list[Any]:
        values = []
        for name in self.names:
            value = given[name] if name in given else self.defaults[name]
            convert = self.into.get(name)
            values.append(value if convert is None else convert(value))
        return values

    def parameter_rows(self, rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """`parameters` of each row; a value that is the very one of the row before is converted once."""
        columns: list[list[Any]] = []
        for name in self.names:
            convert = self.into.get(name)
            values = [row[name] if name in row else self.defaults[name] for row in rows]
            if convert is not None:
                last = converted = None
                for index, value in enumerate(values):
                    if value is not last:
                        last, converted = value, convert(value)
                    values[index] = converted
            columns.append(values)
        return [list(row) for row in zip(*columns, strict=True)]


class Query:
    """A statement with named parameters.

    `on` has other words for a dialect that refuses the general ones; they must give the same rows. `only` names the
    dialects that have the statement at all. `for_commands`: no server runs it, so none needs a right for it.
    """

    made: ClassVar[list["Query"]] = []
    """Every one there is: what the schema must have is what they name."""

    def __init__(
        self,
        statement: Any,
        *,
        on: Mapping[str, Any] | None = None,
        only: Sequence[str] = (),
        for_commands: bool = False,
    ) -> None:
        self._statement = statement
        self._on = dict(on or {})
        self.only = only
        self.for_commands = for_commands
        self._plans: dict[tuple[str, str], DirectPlan] = {}
        keys = getattr(statement, "exported_columns", None)
        self.row_type: Any = namedtuple("Row", keys.keys()) if keys is not None and len(keys) else None  # noqa: PYI024
        Query.made.append(self)

    @property
    def statements(self) -> Sequence[Any]:
        return (self._statement, *self._on.values())

    def exists_on(self, dialect: Dialect) -> bool:
        return not self.only or dialect.name in self.only

    def statement(self, dialect: Dialect) -> Any:
        return self._on.get(dialect.name, self._statement)

    def plan(self, dialect: Dialect, naming: str) -> DirectPlan:
        plan = self._plans.get((dialect.name, naming))
        if plan is None:
            plan = self._plans[dialect.name, naming] = DirectPlan(self.statement(dialect), dialect)
        return plan
