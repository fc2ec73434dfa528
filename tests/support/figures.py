"""Figures that a test found, printed when all are done: what docs/reliability.md says of it."""

FIGURE = "figure"


class Figures:
    """Lines of a test's report, which brings them home from whatever process ran it."""

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    def say(self, line: str) -> None:
        self._properties.append((FIGURE, line))
