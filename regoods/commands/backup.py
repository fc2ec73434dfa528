"""`run.py backup FILE`: a copy of the embedded database."""

import argparse
import sys
from pathlib import Path

from regoods.commands.command import CANNOT, DONE, INTERRUPTED, Command, begin
from regoods.core import backup
from regoods.core.database import open_database


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="where to; it must not be there yet")


def run(options: argparse.Namespace) -> int:
    database = open_database(begin(), looks_only=True)
    if not database.embedded:
        print(backup.servers_own(database.url), file=sys.stderr)
        return CANNOT
    source, copy = Path(str(database.url.database)), options.file.absolute()
    try:
        size = backup.back_up(source, copy)
    except backup.BackupError as error:
        print(f"{error}.", file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        print("Interrupted. Nothing was left behind.", file=sys.stderr)
        return INTERRUPTED
    print(f"Backed up {source} to {copy}: {size:,} bytes.")
    print(f"To restore it, stop the server, then:\n  {backup.restore_command(source, copy)}")
    return DONE


COMMAND = Command("backup", "copy the embedded database to a new file, while servers use it", run, arguments)
