"""`migrate` and its text for a DBA: run again, on what somebody changed, on what is not ReGoods', and interrupted."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from regoods import migrations
from regoods.core import indexes, schema
from regoods.core.database import Database
from regoods.core.settings import ROOT
from regoods.migrations import text
from tests.support.contract_schema import POSTGRESQL, statements
from tests.support.databases import PostgresServer
from tests.support.process import NOTHING_SET
from tests.support.schemas import (
    CHECK,
    DBA,
    TABLES,
    Make,
    contract,
    drop_index,
    dump,
    execute,
    full_text_is_there,
    of_contract,
    our_indexes,
    our_tables,
    run,
    run_text,
    subjects,
    url_of,
)  # fmt: skip

KEPT = Path(__file__).parent


@pytest.mark.parametrize(
    "url",
    [
        "mssql+pyodbc://ann:secret@127.0.0.1:1/ReGoods?driver=ODBC+Driver+18+for+SQL+Server",
        "postgresql+psycopg://ann:secret@127.0.0.1:1/regoods",
    ],
)
def test_the_text_is_the_one_that_was_read(url: str) -> None:
    """After a change on purpose: UPDATE_SNAPSHOTS=1 python -m pytest tests/migrations, and read the difference."""
    database = Database(url, ROOT)
    kept = KEPT / {"mssql": "sql_server.sql", "postgresql": "postgresql.sql"}[database.engine.dialect.name]

    written = text.written(database, new=True)

    if os.environ.get("UPDATE_SNAPSHOTS"):
        kept.write_text(written)
    assert written == kept.read_text()
    for refused in ("NTEXT", ";;", "BEGIN TRANSACTION", "BEGIN;", "secret"):
        assert refused not in written


def test_the_text_for_a_dba_does_the_same_and_may_be_run_again(make: Make) -> None:
    database, by_hand = of_contract(make), of_contract(make)
    migrations.upgrade(database)

    printed = run(by_hand, "migrate", "--sql", environment=DBA)

    assert (printed.returncode, printed.stderr) == (0, "")
    assert not re.search(r"CREATE TABLE (IF NOT EXISTS )?\W?users", printed.stdout, re.IGNORECASE)
    for _ in range(2):
        run_text(by_hand, printed.stdout)
    assert dump(by_hand) == dump(database)
    assert migrations.revision(by_hand) == migrations.HEAD
    nothing = run(by_hand, "migrate", "--sql", environment=DBA)
    assert nothing.stdout == f"-- There is nothing to add: the database has revision {migrations.HEAD}.\n"


def test_the_text_makes_a_new_database_whole(make: Make) -> None:
    database, by_hand = make(""), make("")
    migrations.upgrade(database)

    run_text(by_hand, run(by_hand, "migrate", "--sql").stdout)

    assert dump(by_hand) == dump(database)


def test_the_text_is_printed_without_the_database_too(tmp_path: Path) -> None:
    any_database = Database(f"sqlite:///{tmp_path}/any.db", ROOT)
    away = {"DATABASE_URL": "postgresql+psycopg://ann:hunter2@127.0.0.1:1/regoods"}
    printed = run(any_database, "migrate", "--sql", environment=DBA | away)

    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout.startswith(
        "-- It could not be asked what it has already. DATABASE_URL cannot be used: nothing"
    )
    assert "CREATE TABLE messaging_clears" in printed.stdout
    assert "CREATE TABLE users" not in printed.stdout
    assert "hunter2" not in printed.stdout


def test_a_second_migration_does_nothing_and_says_so(make: Make) -> None:
    database = of_contract(make)
    migrations.upgrade(database)
    before = dump(database)

    migrated = run(database, "migrate")

    assert migrated.returncode == 0
    assert migrated.stdout.startswith(f"There was nothing to add to {database.shown}.\n")
    assert dump(database) == before


def test_what_a_dba_dropped_is_added_again(make: Make) -> None:
    database = of_contract(make)
    migrations.upgrade(database)
    whole = dump(database)
    index = our_indexes(database)[1]
    table = next(name for name in our_tables(database) if name.lower().endswith("clears"))
    drop_index(database, index, "Messages" if database.naming == "pascal" else "messages")
    execute(database, f'DROP TABLE "{table}"')

    migrated = run(database, "migrate")

    assert migrated.returncode == 0
    assert migrated.stdout.splitlines()[:3] == [f"Added to {database.shown}:", f"- index {index}", f"- table {table}"]
    assert dump(database) == whole


def test_an_index_of_a_table_of_ours_is_added_again(make: Make) -> None:
    database = of_contract(make)
    migrations.upgrade(database)
    index = "IX_MessagingKeys_CreatedAt" if database.naming == "pascal" else "ix_messaging_keys_created_at"
    drop_index(database, index, our_tables(database)[TABLES.index("MessagingKeys")])

    assert [one.subject for one in schema.check(database).refusals] == [f"Index {index}"]
    migrated = run(database, "migrate")

    assert f"- index {index}" in migrated.stdout
    assert schema.check(database).refusals == []


def test_what_migrate_cannot_mend_ends_it_with_the_list(make: Make) -> None:
    database = of_contract(make)
    table, column = ('"Messages"', '"PostID"') if database.naming == "pascal" else ("messages", "post_id")
    execute(database, f'CREATE INDEX "{our_indexes(database)[1]}" ON {table} ({column})')

    migrated = run(database, "migrate")

    assert (migrated.returncode, migrated.stderr) == (2, "")
    assert f"- table {our_tables(database)[0]}" in migrated.stdout
    refusals = migrated.stdout.partition("A server does not start until these are mended:")[2]
    assert subjects(refusals) == [our_indexes(database)[1]]
    assert "is on other columns" in refusals


@pytest.mark.parametrize("what", ["a table is missing", "a view", "somebody else's users", "the other edition's names"])
def test_a_database_that_is_not_regoods_is_left_alone(make: Make, what: str) -> None:
    database = make("")
    users, images, key = ("users", "post_images", "user_id")
    other = "pascal"
    if database.naming == "pascal":
        users, images, key, other = "Users", "PostImages", "UserID", "snake"
    environment = DBA
    if what == "somebody else's users":
        execute(database, f'CREATE TABLE "{users}" (id INTEGER PRIMARY KEY, name VARCHAR(20))')
        words = f"Column {users}.{key} is missing"
    else:
        execute(database, *statements(contract(database)))
        if what == "the other edition's names":
            environment = DBA | {"DB_NAMING": other}
            words = f"Set DB_NAMING={database.naming}."
        elif what == "a view":
            execute(database, f'DROP TABLE "{images}"', f'CREATE VIEW "{images}" AS SELECT 1 AS one')
            words = f"Table {images} is a view"
        else:
            execute(database, f'DROP TABLE "{images}"')
            words = f"Table {images} is missing. Others of ReGoods' own are there."
    before = dump(database)

    checked = run(database, *CHECK, environment=environment)
    migrated = run(database, "migrate", environment=environment)

    assert checked.returncode == 1
    assert words in checked.stdout
    assert (migrated.returncode, migrated.stdout) == (2, "")
    assert words in migrated.stderr
    if what == "the other edition's names":
        assert len(migrated.stderr.splitlines()) == 2
    assert dump(database) == before


def test_a_database_that_a_newer_version_migrated_is_left_alone(make: Make) -> None:
    database = make("")
    migrations.upgrade(database)
    execute(database, f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")

    migrated = run(database, "migrate")

    assert migrated.returncode == 2
    assert "Run that version" in migrated.stderr
    assert len(migrated.stderr.splitlines()) == 1
    checked = run(database, "check")
    assert checked.returncode == 0
    assert "Database has revision 9999, of a newer version." in checked.stdout


def test_interrupted_it_says_so_and_the_next_run_mends_what_was_left(postgres: PostgresServer) -> None:
    database = Database(postgres.create(), ROOT)
    execute(database, *statements(POSTGRESQL))
    with database.engine.connect() as other:
        # An index that is built CONCURRENTLY waits for who has the table.
        other.exec_driver_sql("LOCK TABLE messages IN ROW EXCLUSIVE MODE")
        migrating = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py"), "migrate"],
            env=NOTHING_SET | {"DATABASE_URL": url_of(database)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: bool(indexes.broken(database)))
        migrating.send_signal(signal.SIGINT)
        _, errors = migrating.communicate(timeout=60)
    said = "Interrupted. What was added stays; .venv/bin/python run.py migrate adds the rest.\n"
    assert (migrating.returncode, errors) == (130, said)
    broken = indexes.broken(database)
    assert broken

    migrated = run(database, "migrate")

    assert migrated.returncode == 0
    assert {f"- index {name}, built anew" for name in broken} <= set(migrated.stdout.splitlines())
    assert schema.check(database).refusals == []
    database.close()
    postgres.drop(url_of(database))


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_former_index_of_texts_makes_room_for_the_new(make: Make) -> None:
    """What it has of a text is not what the new one looks for."""
    database = of_contract(make)
    migrations.upgrade(database)
    former = {
        "sqlite": ["INSERT INTO MessagingSearch (rowid, Folded) VALUES (1, 'two words')"],
        "postgresql": [
            "DROP INDEX ix_messages_joined",
            "CREATE INDEX ix_messages_content ON messages (message_content)",
        ],
        "mssql": [],
    }[database.engine.dialect.name]
    execute(database, "UPDATE messaging_migrations SET version_num = '0008'", *former)

    migrations.upgrade(database)

    assert migrations.revision(database) == migrations.HEAD
    assert full_text_is_there(database)
    if database.embedded:
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT rowid FROM MessagingSearch").all() == []
    else:
        names = {
            index["name"]
            for index in sa.inspect(database.engine).get_indexes(
                "Messages" if database.naming == "pascal" else "messages"
            )
        }
        assert "ix_messages_content" not in names
