"""`run.py migrate`: adds to the database what is ours."""

import argparse
import sys

from regoods import migrations
from regoods.commands.command import CANNOT, DONE, INTERRUPTED, Command, begin
from regoods.commands.printing import print_list
from regoods.core import indexes, schema
from regoods.core.database import open_database
from regoods.core.differences import MIGRATE
from regoods.migrations import text


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sql", action="store_true", help="print the statements for a DBA instead")


def run(options: argparse.Namespace) -> int:
    as_sql = options.sql
    database = open_database(begin(), patient=True, create=not as_sql, looks_only=as_sql)
    if as_sql:
        print(text.of_all_revisions(database), end="")
        return DONE
    database.probe()
    before, broken = schema.inventory(database), indexes.broken(database)
    try:
        migrations.upgrade(database)
    except KeyboardInterrupt:
        print(f"Interrupted. What was added stays; {MIGRATE} adds the rest.", file=sys.stderr)
        return INTERRUPTED
    rebuilt = {f"index {name}, built anew" for name in broken - indexes.broken(database)}
    added = sorted((schema.inventory(database) - before) | rebuilt)
    print_list(f"Added to {database.shown}:", added)
    if not added:
        print(f"There was nothing to add to {database.shown}.")
    report = schema.check(database)
    print_list("A server does not start until these are mended:", report.refusals)
    print_list("Advice:", report.advice)
    return CANNOT if report.refusals else DONE


COMMAND = Command("migrate", "add our tables and indexes to the database; nothing there is changed", run, arguments)
