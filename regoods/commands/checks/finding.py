"""A line of `run.py check`."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Mark(Enum):
    """The sign before a line, and what stands for it where the terminal has no such letter."""

    GOOD = ("✓", "+")
    ADVICE = ("!", "!")
    BAD = ("✗", "x")


@dataclass(frozen=True, slots=True)
class Finding:
    """`BAD`: a server would not start. `text` ends with what to do, where there is something."""

    mark: Mark
    text: str


def good(subject: str, text: str) -> Finding:
    return Finding(Mark.GOOD, f"{subject}: {text}")


def advice(subject: str, text: str, remedy: str) -> Finding:
    return Finding(Mark.ADVICE, f"{subject}: {text}. {remedy}")


def bad(text: object) -> Finding:
    return Finding(Mark.BAD, str(text))


def sign(mark: Mark) -> str:
    """As the terminal can show it."""
    try:
        "".join(one.value[0] for one in Mark).encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return mark.value[1]
    return mark.value[0]


def print_all(findings: Iterable[Finding]) -> bool:
    """Each as soon as it is known; whether none was bad."""
    fine = True
    for finding in findings:
        fine = fine and finding.mark is not Mark.BAD
        print(sign(finding.mark), finding.text, flush=True)
    return fine
