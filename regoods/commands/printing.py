"""How commands print."""

from collections.abc import Sequence


def print_list(title: str, several: Sequence[object]) -> None:
    """Nothing, where there is nothing in the list."""
    if several:
        print(title, *several, sep="\n- ")
