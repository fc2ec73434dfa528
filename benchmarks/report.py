"""Table, JSON and chart of a run. `python -m benchmarks.report FOLDER/NAME.json` draws them anew."""

import json
import sys
from html import escape
from pathlib import Path

from benchmarks.rows import ROWS, Cell, Results, Row, cell, growth_rows, verdict
from benchmarks.servers import NODE, PRODUCT

COLOURS = {"product": "#1b6ca8", "node": "#7a9e3a", "tornado": "#c8742b", "fastapi": "#8a6fb0"}
WIDTH, LEFT, RIGHT, BAR, GAP = 900, 330, 190, 16, 14


def _number(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _shown(got: Cell | None) -> str:
    if got is None:
        return "–"
    return _number(got.value) + (f" ({_number(got.low)}–{_number(got.high)})" if got.runs > 1 else "")


def _ratio(results: Results, row: Row) -> str:
    ours, theirs = cell(results, PRODUCT, row), cell(results, NODE, row)
    return f"{ours.value / theirs.value:.2f} ×" if ours and theirs and theirs.value else "–"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(results: Results) -> str:
    """Markdown: the median of each row's runs with (lowest–highest), for each server that was measured."""
    servers = results["servers"]
    labels = [server["label"] for server in servers.values()]
    head = ["what", *labels, "product ÷ Node", "at least", "ambition", "reached"]
    lines = [_line(head), f"|{'---|' * len(head)}"]
    for row in ROWS:
        cells = {key: cell(results, key, row) for key in servers}
        if not any(cells.values()):
            continue
        goals = [_number(goal) if goal is not None else "" for goal in (row.at_least, row.ambition)]
        shown = [_shown(got) for got in cells.values()]
        what = f"{row.what}, {row.unit}" if row.unit else row.what
        lines.append(_line([what, *shown, _ratio(results, row), *goals, verdict(row, cells.get(PRODUCT))]))
    for key in servers:
        for what, ratio, low, high in growth_rows(results, key):
            reached = "yes" if 0.8 <= ratio <= 1.2 else "no"
            spread = f"{ratio:.2f} × ({low:.2f}–{high:.2f})"
            each = [spread if key == other else "–" for other in servers]
            lines.append(_line([what, *each, "–", "0.8–1.2 ×", "", reached if key == PRODUCT else ""]))
    return "\n".join(lines) + "\n"


def summary(results: Results) -> str:
    """The table with what it was measured on, the generator's limit and every note of the run."""
    machine = ", ".join(f"{name} {value}" for name, value in results["machine"].items())
    lines = [
        f"Measured {results['started']} by `{results['plan']['name']}` in {results['minutes']:.0f} minutes, "
        f"{results['plan']['sockets']:,} sockets, {results['plan']['runs']} runs: {machine}.",
        "Median of the runs (lowest–highest); CPU in percent of one core.",
        "",
        table(results),
    ]
    if limit := results.get("limit_of_load"):
        reached, used = _number(limit["messages_per_second"]), _number(limit["client_cpu_percent"])
        lines.append(
            f"The load generator's own limit, against a server that only answers 201: {reached} messages/s "
            f"at {used} % of a core."
        )
    lines += [f"- {note}" for note in results["notes"]]
    return "\n".join(lines) + "\n"


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
    )


def chart(results: Results) -> str:
    """SVG: a group of bars a row, each group on its own scale from zero, the spread as a thin line."""
    servers, y = results["servers"], 50
    title = "Each group on its own scale from zero; the thin line is the spread of the runs"
    parts = [_text(20, 28, title, size=14, weight="bold")]
    for row in ROWS:
        cells = {key: got for key in servers if (got := cell(results, key, row))}
        scale = max((abs(got.high) for got in cells.values()), default=0)
        if row.against or not scale:
            continue
        better = "less is better" if row.less_is_better else "more is better"
        parts.append(_text(20, y + 12, row.what, weight="bold"))
        parts.append(_text(20, y + 28, f"{row.unit} · {better}" if row.unit else better, size=11))
        for key, got in cells.items():
            length = (WIDTH - LEFT - RIGHT) / scale
            middle = y + BAR / 2
            parts.append(
                f'<rect x="{LEFT}" y="{y}" width="{max(1, got.value * length):.1f}" height="{BAR - 3}" '
                f'fill="{COLOURS[key]}"/>'
                f'<line x1="{LEFT + got.low * length:.1f}" x2="{LEFT + got.high * length:.1f}" y1="{middle - 1.5}" '
                f'y2="{middle - 1.5}" stroke="#222" stroke-width="1.5"/>'
            )
            parts.append(_text(WIDTH - RIGHT + 10, y + 11, f"{_number(got.value)}  {servers[key]['label']}", size=11))
            y += BAR
        y += GAP + max(0, 2 - len(cells)) * BAR
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" fill="#222">'
        f'<rect width="{WIDTH}" height="{y}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def write(results: Results, folder: Path) -> None:
    """NAME.json, NAME.md and NAME.svg into that folder, by the plan's name; the table into the page beside it, too."""
    folder.mkdir(parents=True, exist_ok=True)
    name = results["plan"]["name"]
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / f"{name}.md").write_text(summary(results))
    (folder / f"{name}.svg").write_text(chart(results))
    page = folder.with_suffix(".md")
    if page.exists():
        page.write_text(inserted(page.read_text(), name, summary(results)))


def inserted(page: str, name: str, text: str) -> str:
    """The page with `text` between its marks for that plan; unchanged where it has none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, mark, rest = page.partition(begin)
    _, closing, tail = rest.partition(end)
    return f"{head}{begin}\n\n{text}\n{end}{tail}" if mark and closing else page


if __name__ == "__main__":
    source = Path(sys.argv[1])
    write(json.loads(source.read_text()), source.parent)
