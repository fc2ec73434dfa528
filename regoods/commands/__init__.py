"""What `run.py` does beside serving: a file a command, a folder where it is more. A new one is a
new file and one line here."""

import argparse
from collections.abc import Sequence

from regoods.commands import backup, bench, check, erase, migrate, stats, system_message, tail, token, types
from regoods.commands.command import INTERRUPTED, UNREAD, Command
from regoods.commands.printing import Unread

__all__ = ["COMMANDS", "INTERRUPTED", "UNREAD", "Unread", "add_to"]

COMMANDS: Sequence[Command] = (
    check.COMMAND,
    migrate.COMMAND,
    backup.COMMAND,
    system_message.COMMAND,
    erase.COMMAND,
    stats.COMMAND,
    tail.COMMAND,
    bench.COMMAND,
    token.COMMAND,
    types.COMMAND,
)
"""In the order in which `run.py --help` lists them."""


def add_to(parsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """A parser for each; what it parses has the command's function as `run`."""
    for command in COMMANDS:
        parser = parsers.add_parser(
            command.name,
            help=command.help,
            description=command.description or f"{command.help[0].upper()}{command.help[1:]}.",
        )
        command.arguments(parser)
        parser.set_defaults(run=command.run)
