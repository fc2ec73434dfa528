"""Databases made by statements, and run.py's commands on them."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable

import sqlalchemy as sa

from regoods.core.database import Database
from regoods.core.editions import snake_case
from regoods.core.settings import ROOT
from tests.support.contract_schema import POSTGRESQL, SQL_SERVER, SQLITE, statements
from tests.support.databases import database_of, postgres_folder
from tests.support.people import LIMIT
from tests.support.process import NOTHING_SET, SECRET

INDEXES = [
    "IX_Messages_AttachmentURL",
    "IX_Messages_Received",
    "IX_Messages_Sent",
    "IX_Messages_Unread",
    "IX_PostImages_PostID",
]
INDEXES_IN_SNAKE = [
    "ix_messages_attachment_url",
    "ix_messages_received",
    "ix_messages_sent",
    "ix_messages_unread",
    "ix_post_images_post_id",
]
TABLES = [
    "MessagingBlocks",
    "MessagingClears",
    "MessagingCursors",
    "MessagingEvents",
    "MessagingKeys",
    "MessagingLogged",
    "MessagingUploads",
]
INDEXES_OF_POSTGRESQL = ["ix_messages_received_newest", "ix_messages_sent_newest"]
TABLES_OF_SQLITE = ["MessagingSearchEdits"]
FULL_TEXT = {"sqlite": ("table", "MessagingSearch"), "postgresql": ("index", "ix_messages_joined")}
"""What search has beside them. `check` does not look for it: PostgreSQL may be without, SQL Server has none."""
Make = Callable[[str], Database]
"""Makes a database of one of the editions, by these statements."""

CHECK = ("check", "--database")
DBA = {"APP_ENV": "production", "JWT_ACCESS_SECRET": ""}
"""Who looks after the database in production, and does not know what signs tokens."""


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def execute(database: Database, *several: str) -> None:
    with database.engine.begin() as connection:
        for statement in several:
            connection.exec_driver_sql(statement)


def our_tables(database: Database) -> list[str]:
    tables = TABLES + (TABLES_OF_SQLITE if database.embedded else [])
    return tables if database.naming == "pascal" else [snake_case(name) for name in tables]


def our_indexes(database: Database) -> list[str]:
    indexes = INDEXES if database.naming == "pascal" else INDEXES_IN_SNAKE
    return indexes + (INDEXES_OF_POSTGRESQL if database.engine.dialect.name == "postgresql" else [])


def ours(database: Database) -> list[str]:
    """What is missing where nothing of ours was added."""
    return our_tables(database) + our_indexes(database)


def contract(database: Database) -> str:
    return {"sqlite": SQLITE, "postgresql": POSTGRESQL, "mssql": SQL_SERVER}[database.engine.dialect.name]


def drop_index(database: Database, name: str, table: str) -> None:
    on = f' ON "{table}"' if database.engine.dialect.name == "mssql" else ""
    execute(database, f'DROP INDEX "{name}"{on}')


def full_text_is_there(database: Database) -> bool:
    """Whether search has its index of texts, where there is one to have."""
    inspector = sa.inspect(database.engine)
    kind, name = FULL_TEXT.get(database.engine.dialect.name, ("", ""))
    if kind == "table":
        return bool(inspector.has_table(name))
    return not kind or name in {index["name"] for index in inspector.get_indexes("messages")}


def of_contract(make: Make) -> Database:
    database = make("")
    execute(database, *statements(contract(database)))
    return database


def run(
    database: Database, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    given = {"DATABASE_URL": url_of(database), "JWT_ACCESS_SECRET": SECRET, "PORT": "0"} | (environment or {})
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *arguments],
        env=NOTHING_SET | given,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
        check=False,
    )


def advised(database: Database) -> list[str]:
    """What `check` advises for a database that was made from the contract, on a server as it is installed."""
    return ["Messages.MessageContent", database_of(url_of(database))] if database.engine.dialect.name == "mssql" else []


def subjects(text: str) -> list[str]:
    """But for the server's own settings: the PostgreSQL that tests share is not safe against power cuts."""
    return re.findall(r"^[-✗!] (?!Setting )\w+ ([^\s:]+) ", text, re.MULTILINE)


def dump(database: Database) -> dict[str, object]:
    """The columns and indexes of every table, but for the index of texts."""
    inspector = sa.inspect(database.engine)
    kind, full_text = FULL_TEXT.get(database.engine.dialect.name, ("", ""))
    return {
        table: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(table)],
            sorted(
                (index["name"], tuple(index["column_names"]))
                for index in inspector.get_indexes(table)
                if index["name"] != full_text
            ),
        )
        for table in inspector.get_table_names()
        if kind != "table" or table in TABLES_OF_SQLITE or not table.startswith(full_text)
    }


def run_text(database: Database, text: str) -> None:
    """As a DBA does, with the database's own program."""
    if database.embedded:
        with sqlite3.connect(str(database.url.database)) as connection:
            connection.executescript(text)
        return
    if database.engine.dialect.name == "mssql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for batch in re.split(r"^GO$", text, flags=re.MULTILINE):
                if batch.strip():
                    connection.exec_driver_sql(batch)
        return
    url = url_of(database).replace("+psycopg", "")
    program = [str(postgres_folder() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]
    done = subprocess.run(program, input=text, capture_output=True, text=True, timeout=2 * LIMIT, check=False)
    assert done.returncode == 0, done.stderr
