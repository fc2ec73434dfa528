"""`run.py check`: the database against what is needed."""

import argparse

from regoods import migrations
from regoods.commands.command import DONE, NOT_SO, Command, begin
from regoods.commands.printing import print_list
from regoods.core import durability, schema
from regoods.core.database import file_to_make, open_database


def run(_options: argparse.Namespace) -> int:
    settings = begin()
    new_file = file_to_make(settings)
    if new_file is not None:
        print(f"Database: sqlite:///{new_file}")
        print("There is no such file yet. A start in development makes it, with all that is needed.")
        return DONE
    database = open_database(settings, looks_only=True)
    database.probe()
    print(f"Database: {database.shown}")
    report = schema.check(database)
    made_at_start = database.embedded and settings.development
    refusals = report.left_by_migrate if made_at_start else report.refusals
    if made_at_start:
        print_list("A start in development adds:", [one for one in report.refusals if one not in refusals])
    print_list("A server does not start until these are mended:", refusals)
    print_list("Advice:", [*report.advice, *durability.advice(database), *migrations.advice(database)])
    if not refusals:
        print("A server can start on it.")
    return NOT_SO if refusals else DONE


COMMAND = Command("check", "compare the database with what is needed; 1 where a server would not start on it", run)
