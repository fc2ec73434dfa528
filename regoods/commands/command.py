"""What a command declares, and the exit codes."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from regoods.commands.printing import prepare_output
from regoods.core import log
from regoods.core.settings import SETTINGS_ERROR, Settings, load_settings

DONE = 0
NOT_SO = 1
"""It was looked, and something is not as it must be."""
CANNOT = SETTINGS_ERROR
INTERRUPTED = 130
UNREAD = 141
"""Who read what it prints has gone, as `head` does: the code of one that SIGPIPE ended."""


def no_arguments(_parser: argparse.ArgumentParser) -> None:
    """For a command that takes none."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command of `run.py`."""

    name: str
    help: str
    """A line for `run.py --help`, beginning in lower case, without a full stop."""
    run: Callable[[argparse.Namespace], int]
    """Gives the exit code. A SettingsError that it raises is printed, and ends it with 2."""
    arguments: Callable[[argparse.ArgumentParser], None] = no_arguments
    description: str = ""
    """What `run.py NAME --help` says; nothing: the line above."""


def begin(*, tokens: bool = False) -> Settings:
    """The settings; a log to stderr as they want it, and a stdout that takes any letter. `tokens`: whether tokens will
    be checked or made.

    Raises SettingsError.
    """
    settings = load_settings(tokens=tokens)
    log.begin(settings)
    prepare_output()
    return settings
