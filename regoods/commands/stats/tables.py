"""What a server says of itself, laid out: an object is a table, an object in it another one. Whatever a later version
adds is shown without a word here."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box, filesize
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from regoods.commands.printing import harmless

TITLES = {
    "health": "Health",
    "ready": "Ready",
    "version": "Version",
    "websocketStats": "Sockets",
    "alerts": "Alerts",
}
GOOD, MIDDLING, BAD = "green", "yellow", "bold red"
STYLES = {
    "ok": GOOD,
    "resolved": GOOD,
    "degraded": MIDDLING,
    "draining": MIDDLING,
    "unavailable": BAD,
    "firing": BAD,
}
DEEPEST = 8
"""Objects within objects that are looked into."""
_humps = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
UNITS = {"ms": "ms", "seconds": "s", "duration": "s", "percent": "%"}
"""By the last word of a figure's name."""
UNIT_WORDS = ("ms", "seconds", "percent", "bytes")
"""Those that say nothing beside the unit."""


def tables(server: str, found: Mapping[str, Any]) -> RenderableType:
    said = _harmless(found, DEEPEST)
    parts = [table for name, answer in said.items() for table in _of(TITLES.get(name, name), answer)]
    narrow, wide = ([table for table in parts if table.show_header is header] for header in (False, True))
    return Group(Text(server, "bold"), Columns(narrow, padding=(1, 3)), *wide)


def words(line: str) -> RenderableType:
    return Text(line, BAD)


def _harmless(said: Any, levels: int) -> Any:
    """Whatever answers there: without what a terminal obeys, and with an end."""
    if isinstance(said, str):
        return harmless(said)
    if not isinstance(said, Mapping | list):
        return said
    if not levels:
        return "…"
    if isinstance(said, list):
        return [_harmless(one, levels - 1) for one in said]
    return {harmless(name): _harmless(value, levels - 1) for name, value in said.items()}


def _of(title: str, answer: Any) -> Iterator[Table]:
    """The table of an object's own figures, then those of what is in it; of what is alike, or a list, one table."""
    if isinstance(answer, list):
        yield _list(title, answer)
        return
    nested = {name: value for name, value in answer.items() if _is_nested(value)}
    own = {name: value for name, value in answer.items() if name not in nested}
    if not own and _are_alike(nested):
        yield _list(title, [{"of": _spaced(name), **value} for name, value in nested.items()])
        return
    if own:
        table = _table(title)
        table.add_column(style="dim")
        table.add_column(justify="right")
        for name, value in own.items():
            table.add_row(Text(_label(name, value)), _figure(name, value))
        yield table
    for name, value in nested.items():
        yield from _of(_spaced(name).capitalize(), value)


def _are_alike(nested: Mapping[str, Any]) -> bool:
    """Whether all have the same figures, and nothing else."""
    kinds = [value for value in nested.values() if isinstance(value, Mapping)]
    return (
        1 < len(nested) == len(kinds)
        and all(one.keys() == kinds[0].keys() for one in kinds)
        and not any(_is_nested(value) for one in kinds for value in one.values())
    )


def _list(title: str, several: Sequence[Any]) -> Table:
    table = _table(title)
    rows = [row for row in several if isinstance(row, Mapping)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        # The first says which row it is: where it is narrow, the others are broken into lines.
        label = Text(_label(name, next((row[name] for row in rows if name in row), None)))
        table.add_column(label, no_wrap=name == names[0], overflow="fold")
    for row in rows:
        table.add_row(*(_figure(name, row.get(name)) for name in names))
    table.show_header = True
    return table


def _table(title: str) -> Table:
    # As wide as its title, which would be broken else.
    width = len(title) + 2
    return Table(title=Text(title, "bold"), title_justify="left", box=box.SIMPLE, show_header=False, min_width=width)


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and any(isinstance(one, Mapping) for one in value))


def _spaced(name: str) -> str:
    """`longestLagMs`: longest lag ms. What is no name of ours, such as a reason, stays as it is."""
    return _humps.sub(" ", name).lower() if name.isidentifier() else name


def _label(name: str, value: Any) -> str:
    words = _spaced(name)
    rest, _, last = words.rpartition(" ")
    return rest if rest and last in UNIT_WORDS and _is_number(value) else words


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _figure(name: str, value: Any) -> Text:
    last = _spaced(name).rpartition(" ")[2]
    if value is None or value == []:
        return Text("–")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, list):
        return Text(", ".join(map(str, value)))
    if isinstance(value, Mapping):
        return Text(", ").join(Text(f"{_label(one, inner)} ") + _figure(one, inner) for one, inner in value.items())
    if _is_number(value):
        if last == "bytes" and math.isfinite(value):
            return Text(filesize.decimal(int(value)))
        shown = f"{value:,}" if isinstance(value, int) else f"{value:,.3f}".rstrip("0").rstrip(".")
        return Text(f"{shown} {UNITS[last]}" if last in UNITS else shown)
    return Text(str(value), STYLES.get(str(value), ""))
