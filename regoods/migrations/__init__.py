"""What is added to ReGoods' schema, as Alembic revisions: additive tables and indexes, never a change of what is there.

Each statement looks whether its table or index is there already, so the same ones serve a new database, ReGoods' own,
one that somebody took something away from, and a second run.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from regoods.core import explanations, indexes, schema
from regoods.core.database import Database
from regoods.core.differences import Difference, Report
from regoods.core.settings import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0009"
"""The newest revision. Written here too, for Alembic need not be imported to see that a database has it."""

VERSION_TABLE = "messaging_migrations"
FOLDER = Path(__file__).parent


def revision(database: Database) -> str | None:
    """The revision that the database has; None where none was ever applied."""
    with database.engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608


def is_newer(found: str | None) -> bool:
    """Whether a newer version of this program has migrated the database."""
    return found is not None and not any(FOLDER.glob(f"versions/{found}_*.py"))


def advice(database: Database) -> list[Difference]:
    try:
        found = revision(database)
    except sa.exc.DBAPIError:
        return []  # The server's user need not see our table of revisions.
    if not is_newer(found):
        return []
    remedy = f"This one knows {HEAD}. Start the newer version, unless you mean to go back."
    return [Difference("Database", f"has revision {found}, of a newer version", remedy, refuses=False)]


def prepare(database: Database) -> Report:
    """Add what is missing, where something is. Raises SettingsError where that cannot be done."""
    report = schema.check(database)
    found = revision(database)
    if report.refusals or not (found == HEAD or is_newer(found)):
        upgrade(database)
        report = schema.check(database)
    return report


def upgrade(database: Database) -> None:
    """Run every revision's statements. Raises SettingsError where the database refuses, or is ahead of this program,
    or is not one to which all of it can be added: then before the first statement."""
    try:
        found = revision(database)
        new = may_be_added_to(database, found)
        _run(database, {"new": new, "broken": indexes.broken(database)}, again=found is not None)
    except SettingsError:
        raise
    except Exception as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            # What ends the transaction after it found the connection unusable, and hid it.
            raise KeyboardInterrupt from None
        reason = explanations.explain_migration(error, database.url)
        raise SettingsError(explanations.sentence(f"The database cannot be migrated: {reason}")) from None


def may_be_added_to(database: Database, found: str | None) -> bool:
    """Whether it is a new database, without ReGoods' own tables. Raises SettingsError where nothing can be added."""
    if is_newer(found):
        raise SettingsError(
            f"The database cannot be migrated: it has revision {found}, of a newer version. Run that version."
        )
    report = schema.check(database)
    if any(one.stops_migrate for one in report.refusals):
        raise SettingsError(
            "\n- ".join(
                [f"Nothing can be added to {database.shown} before this is mended:", *map(str, report.refusals)]
            )
        )
    return report.new


def _run(database: Database, facts: dict[str, object], *, again: bool) -> None:
    from alembic import command

    settings = config(database, facts)
    if again:
        command.stamp(settings, "base")
    command.upgrade(settings, "head")


def config(database: Database, facts: dict[str, object]) -> "Config":
    """`facts`: what env.py and the revisions' statements are told: see statements.py."""
    from alembic.config import Config

    made = Config(attributes={"database": database, **facts})
    made.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    return made
