"""Whether what the database calls committed is on disk, as far as the database's own settings say."""

from collections.abc import Iterator

import sqlalchemy as sa

from regoods.core.database import Database
from regoods.core.differences import Difference


def advice(database: Database) -> list[Difference]:
    """What would lose acknowledged messages when the power fails. SQLite is set by each connection of ours."""
    questions = {"postgresql": of_postgresql, "mssql": of_sql_server}
    ask = questions.get(database.engine.dialect.name)
    if ask is None:
        return []
    with database.engine.connect() as connection:
        return list(ask(connection))


def of_postgresql(connection: sa.Connection) -> Iterator[Difference]:
    for setting, what in (
        ("fsync", "what was acknowledged is lost, or the database broken, when the power fails"),
        ("full_page_writes", "a page that was half written when the power failed stays so"),
    ):
        if connection.execute(sa.text(f"SHOW {setting}")).scalar() == "off":
            yield Difference(
                f"Setting {setting}",
                f"is off: {what}",
                f"ALTER SYSTEM SET {setting} = on; SELECT pg_reload_conf();",
                refuses=False,
            )


def of_sql_server(connection: sa.Connection) -> Iterator[Difference]:
    # Versions before 2014 know neither the column nor what it stands for.
    if connection.execute(sa.text("SELECT COL_LENGTH('sys.databases', 'delayed_durability')")).scalar() is None:
        return
    query = "SELECT name, delayed_durability_desc FROM sys.databases WHERE database_id = DB_ID()"
    name, delayed = connection.execute(sa.text(query)).one()
    # ALLOWED is for those who ask for it by COMMIT; we do not.
    if delayed == "FORCED":
        yield Difference(
            f"Database {name}",
            "has DELAYED_DURABILITY = FORCED: what was acknowledged is lost when the power fails",
            f"ALTER DATABASE {connection.dialect.identifier_preparer.quote(name)} SET DELAYED_DURABILITY = DISABLED;",
            refuses=False,
        )
