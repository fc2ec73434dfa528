"""The statements of all revisions as text, for a DBA to read and run with psql or sqlcmd."""

import io
from collections.abc import Iterator

from regoods import migrations
from regoods.core import indexes, schema
from regoods.core.database import Database
from regoods.core.settings import SettingsError

HOW_TO_RUN = {
    "postgresql": "psql -v ON_ERROR_STOP=1 -f FILE",
    "mssql": "sqlcmd -b -I -i FILE",
    "sqlite": "sqlite3 -bail FILE-OF-THE-DATABASE < FILE",
    "mariadb": "mariadb DATABASE < FILE",
}
# A filtered index wants the last two; sqlcmd has the first of them off by default.
SETUP = {"mssql": "SET XACT_ABORT ON;\nSET QUOTED_IDENTIFIER ON;\nSET ANSI_NULLS ON;\nGO\n"}


def of_all_revisions(database: Database) -> str:
    """What is to be run on this database, where it can be asked; else on one that has ReGoods' own tables.

    Raises SettingsError where nothing can be added to it.
    """
    new, broken, note = False, frozenset[str](), ""
    try:
        database.probe()
    except SettingsError as error:
        note = f"-- It could not be asked what it has already. {error}\n"
    else:
        found = migrations.revision(database)
        new = migrations.may_be_added_to(database, found)
        if found == migrations.HEAD and not schema.check(database).refusals:
            return f"-- There is nothing to add: the database has revision {found}.\n"
        broken = indexes.broken(database)
    return note + written(database, new=new, broken=broken)


def written(database: Database, *, new: bool, broken: frozenset[str] = frozenset()) -> str:
    """`new`: also make ReGoods' own tables. `broken`: indexes that are to be built anew."""
    kind = database.engine.dialect.name
    parts = [
        f"-- What ReGoods messaging adds to its database, up to revision {migrations.HEAD}. Nothing that is there is\n"
        "-- changed. Each statement looks whether its thing is there: the text may be run again, and after an error.\n"
        f"-- Run it outside of a transaction: {HOW_TO_RUN[kind]}.\n",
        SETUP.get(kind, ""),
        *_revisions(database, {"new": new, "broken": broken}),
    ]
    return "\n".join(part for part in parts if part)


def _revisions(database: Database, facts: dict[str, object]) -> Iterator[str]:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from regoods.migrations.statements import note_revision

    buffer = io.StringIO()
    context = MigrationContext.configure(
        dialect=database.engine.dialect,
        opts={"as_sql": True, "output_buffer": buffer, "database": database, **facts},
    )
    scripts = ScriptDirectory.from_config(migrations.config(database, facts))
    with Operations.context(context):
        for script in reversed(list(scripts.walk_revisions())):
            script.module.upgrade()
            statements = _taken(buffer)
            if statements:
                yield f"-- {script.revision}: {script.doc}\n\n{statements}"
        note_revision(migrations.VERSION_TABLE, migrations.HEAD)
        yield f"-- The revision that the database has now\n\n{_taken(buffer)}"


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue().replace("\n\nGO", "\nGO").rstrip()
    buffer.seek(0)
    buffer.truncate()
    return f"{text}\n" if text else ""
