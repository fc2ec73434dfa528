"""How commands print."""

import io
import sys
from collections.abc import Sequence


class Unread(Exception):
    """Who read what is printed has gone. No OSError, which is what a server's end looks like."""


def prepare_output() -> None:
    """A name or a path may hold what the terminal cannot show: that is no reason to end in the middle."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def harmless(text: str) -> str:
    """What somebody wrote may hold characters that move a terminal's cursor or turn its text round."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


def print_list(title: str, several: Sequence[object]) -> None:
    """Nothing, where there is nothing in the list."""
    if several:
        print(title, *several, sep="\n- ")
