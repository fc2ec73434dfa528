"""Events as lines on stdout, in colour on a terminal; words about the connection on stderr."""

import json
from datetime import datetime
from typing import Any

from rich.highlighter import JSONHighlighter
from rich.text import Text

from regoods.commands.printing import harmless
from regoods.commands.screen import console

TYPE_WIDTH = 20
"""The longest is `conversation_cleared`."""
SEQ_WIDTH = 7


class Lines:
    def __init__(self) -> None:
        self._out = console(wraps=False)
        self._words = console(stderr=True, wraps=False)
        self._highlight = JSONHighlighter()

    def show(self, event: dict[str, Any], missed: bool) -> None:
        """Time, type, number, and the event as it came; one that was missed is told by an arrow before its number."""
        seq = event.get("seq")
        number = "" if seq is None else f"{'↺' if missed else ''}{seq}"
        text = Text(datetime.now().strftime("%H:%M:%S.%f")[:-3], "dim")
        text.append(f"  {event['type']:{TYPE_WIDTH}}", _style(event))
        text.append(f" {number:>{SEQ_WIDTH}}  ", "yellow" if missed else "")
        json_text = Text(harmless(json.dumps(event, ensure_ascii=False, separators=(",", ":"))))
        self._highlight.highlight(json_text)
        self._out.print(text.append_text(json_text))

    def say(self, words: str) -> None:
        self._words.print(Text(harmless(words), "yellow"))


def _style(event: dict[str, Any]) -> str:
    if event["type"] == "error":
        return "bold red"
    return "cyan" if "seq" in event else "magenta"
