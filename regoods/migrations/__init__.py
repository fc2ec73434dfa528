"""What is added to ReGoods' schema, as Alembic revisions: additive tables and indexes, never a change of what is there.

Each statement looks whether its table or index is there already, so the same text serves an empty database, ReGoods'
own, and a second run.
"""

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from regoods.core.database import Database
from regoods.core.settings import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0004"
"""The newest revision. Written here too, for Alembic need not be imported to see that a database has it."""

VERSION_TABLE = "messaging_migrations"


def revision(database: Database) -> str | None:
    """The revision that the database has; None where none was ever applied."""
    with database.engine.connect() as connection:
        if not sa.inspect(connection).has_table(VERSION_TABLE):
            return None
        return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608


def upgrade(database: Database) -> None:
    """Add what is missing. Raises SettingsError where the database refuses, or is ahead of this program."""
    try:
        if revision(database) == HEAD:
            return
        _run(database, as_sql=False)
    except SettingsError:
        raise
    except Exception as error:
        raise database.unusable(error) from None


def sql_text(database: Database) -> str:
    """The statements of all revisions, for a DBA to read and run."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        _run(database, as_sql=True)
    return written.getvalue()


def _run(database: Database, *, as_sql: bool) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(_config(database), "head", sql=as_sql)
    except CommandError as error:
        raise SettingsError(
            f"The database cannot be migrated: {error}. It has a newer version's revisions: run that version."
        ) from None


def _config(database: Database) -> "Config":
    from alembic.config import Config

    config = Config(attributes={"database": database})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
