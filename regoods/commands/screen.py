"""Where commands draw: stdout or stderr, by rich."""

import codecs
import io
import sys

from rich.console import Console

from regoods.commands.printing import Unread

PLAIN = {"✓": "+", "✗": "x", "–": "-", "“": '"', "”": '"', "↺": "*", "…": "..."}
"""For terminals that have no such letters; there all others become `?`, rather than the end of the command."""


def console(*, stderr: bool = False, wraps: bool = True) -> Console:
    """`wraps`: whether long lines are broken at the terminal's width."""
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_plainly.__name__)
    return _Console(stderr=stderr, soft_wrap=not wraps, highlight=False)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise Unread


def _plainly(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAIN.get(one, "?") for one in error.object[error.start : error.end]), error.end


codecs.register_error(_plainly.__name__, _plainly)
