"""`run.py check`: whether a server would start here, and what is amiss: each a line with a sign, and the remedy."""

import argparse
import logging
from collections.abc import Iterator

from regoods.commands.checks import community, identity, machine, storage
from regoods.commands.checks.finding import Finding, Mark, bad, good, print_all, sign
from regoods.commands.command import DONE, NOT_SO, Command
from regoods.commands.printing import prepare_output
from regoods.core.settings import SettingsError, load_settings


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--database",
        action="store_true",
        help="look at the database alone, for who looks after it and knows no secret",
    )


def run(options: argparse.Namespace) -> int:
    # What is amiss is said in lines of its own.
    logging.disable(logging.CRITICAL)
    prepare_output()
    fine = print_all(look(database_alone=options.database))
    print(
        "A server can start." if fine else f"A server does not start until what is marked {sign(Mark.BAD)} is mended."
    )
    return DONE if fine else NOT_SO


def look(*, database_alone: bool) -> Iterator[Finding]:
    try:
        settings = load_settings(tokens=False)
    except SettingsError as error:
        yield bad(error)
        return
    if database_alone:
        yield from storage.look_at_database(settings)
        return
    try:
        load_settings()
    except SettingsError as error:
        yield bad(error)
    else:
        yield good("Settings", settings.app_env)
    yield from identity.look(settings)
    yield from storage.look_at_database(settings)
    yield from storage.look_at_pictures(settings)
    yield from community.look(settings)
    yield from machine.look()


COMMAND = Command(
    "check",
    "look at settings, database, pictures, Redis and limits; 1 where a server would not start",
    run,
    arguments,
    description="Look at what a server needs: settings, keys, certificate, database, schema, pictures, Redis, limits "
    "of the system. A line each, with what to do where something is amiss. Nothing is changed. Exit code 1: a server "
    "would not start; else 0, with advice and without.",
)
