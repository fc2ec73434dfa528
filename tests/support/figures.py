"""Figures that a test found, printed when all are done: what docs/reliability.md says of it."""


class Figures:
    """`said`: a test and what it found."""

    def __init__(self, test: str, said: list[tuple[str, str]]) -> None:
        self._test = test
        self._said = said

    def say(self, line: str) -> None:
        self._said.append((self._test, line))
