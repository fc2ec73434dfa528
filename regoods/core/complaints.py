"""A trouble that meets many at once is said once."""

import logging
import time

from regoods.core import explanations

SILENCE_SECONDS = 10.0
"""A database that is away is asked by many, some of them ten times a second."""


class Complaints:
    """Says a trouble with the database, and the same again only after a while."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: tuple[str, float] = ("", 0.0)

    def say(self, text: str, error: BaseException | None = None) -> None:
        """Of an error the first line: behind it databases quote rows."""
        now, line = time.monotonic(), text if error is None else f"{text}: {explanations.one_line(error)}"
        if line != self._said[0] or now - self._said[1] >= SILENCE_SECONDS:
            self._said = (line, now)
            self._log.error("%s", line)
