"""`check`, `migrate` and the start after them: on an empty database, on ReGoods' own, on one that somebody changed."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from regoods import migrations
from regoods.core import schema
from regoods.core.database import Database
from regoods.core.settings import ROOT
from tests.support.contract_schema import POSTGRESQL, SQLITE, statements
from tests.support.databases import PostgresServer
from tests.support.schemas import (
    CHECK,
    DBA,
    Make,
    advised,
    drop_index,
    dump,
    execute,
    full_text_is_there,
    of_contract,
    our_indexes,
    our_tables,
    ours,
    run,
    run_text,
    subjects,
)


def test_check_on_regoods_own_database_lists_exactly_what_is_missing_and_migrate_adds_it(make: Make) -> None:
    database = of_contract(make)
    tables_of_ours, indexes_of_ours = our_tables(database), our_indexes(database)
    before = dump(database)

    checked = run(database, *CHECK, environment=DBA)
    assert (checked.returncode, checked.stderr) == (1, "")
    assert "A server does not start until what is marked ✗ is mended." in checked.stdout
    assert sorted(subjects(checked.stdout)) == sorted(ours(database))
    assert checked.stdout.count("python run.py migrate adds it.") == len(tables_of_ours)
    assert checked.stdout.count("python run.py migrate adds it: CREATE ") == len(indexes_of_ours)

    migrated = run(database, "migrate", environment=DBA)
    assert (migrated.returncode, migrated.stderr) == (0, "")
    listed = set(migrated.stdout.splitlines())
    assert {f"- table {name}" for name in tables_of_ours} | {f"- index {name}" for name in indexes_of_ours} <= listed
    again = run(database, *CHECK, environment=DBA)
    assert (again.returncode, subjects(again.stdout)) == (0, advised(database))
    assert "A server can start." in again.stdout

    after = dump(database)
    for table in (migrations.VERSION_TABLE, *tables_of_ours):
        assert after.pop(table)
    for table, (columns, indexes) in after.items():  # type: ignore[misc]
        assert columns == before[table][0]  # type: ignore[index]
        assert set(before[table][1]) <= set(indexes)  # type: ignore[index]
    added = {index for _, indexes in after.values() for index, _ in indexes} - {  # type: ignore[misc]
        index
        for _, indexes in before.values()
        for index, _ in indexes  # type: ignore[misc]
    }
    assert added == set(indexes_of_ours)
    assert full_text_is_there(database)


def test_an_empty_database_gets_all_of_it(make: Make) -> None:
    database = make("")

    assert {one.subject.split()[0] for one in schema.check(database).refusals} == {"Table"}
    migrations.upgrade(database)

    found = schema.check(database)
    assert (found.refusals, found.text_encoding, found.new) == ([], None, False)
    assert migrations.revision(database) == migrations.HEAD


def test_what_a_dba_dropped_is_said_with_its_statement(make: Make) -> None:
    database = make("")
    migrations.upgrade(database)
    pascal = database.naming == "pascal"
    name = "IX_Messages_Unread" if pascal else "ix_messages_unread"
    drop_index(database, name, "Messages" if pascal else "messages")

    (difference,) = schema.check(database).refusals
    assert difference.subject == f"Index {name}"
    statement = difference.remedy.partition(": ")[2]
    assert statement.startswith("CREATE INDEX")
    run_text(database, statement)

    assert schema.check(database).refusals == []


def test_an_index_on_other_columns_is_not_taken_for_ours(make: Make) -> None:
    database = of_contract(make)
    table, column = ('"Messages"', '"PostID"') if database.naming == "pascal" else ("messages", "post_id")
    name = "IX_Messages_Sent" if database.naming == "pascal" else "ix_messages_sent"
    execute(database, f'CREATE INDEX "{name}" ON {table} ({column})')

    found = [one for one in schema.check(database).refusals if one.subject == f"Index {name}"]

    assert [one.problem for one in found] == [f"is on other columns ({column.strip(chr(34))})"]


def test_an_index_of_another_name_serves_as_well(make: Make) -> None:
    database = of_contract(make)
    table, columns = (
        ("PostImages", "PostID, DisplayOrder")
        if database.naming == "pascal"
        else ("post_images", "post_id, display_order")
    )
    execute(database, f"CREATE INDEX of_a_dba ON {table} ({columns})")

    assert [one.subject for one in schema.check(database).refusals if "PostImages" in one.subject.title()] == []


def test_the_case_of_an_index_s_name_does_not_count_where_the_database_ignores_it(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/changed.db", ROOT)
    migrations.upgrade(database)
    columns = "SenderID, RecipientID, MessageID, IsDeleted"
    execute(database, "DROP INDEX IX_Messages_Sent", f"CREATE INDEX ix_messages_SENT ON Messages ({columns})")

    assert schema.check(database).refusals == []
    execute(database, "DROP INDEX ix_messages_SENT", "CREATE INDEX ix_messages_SENT ON Messages (PostID)")
    assert [one.problem for one in schema.check(database).refusals] == ["is on other columns (PostID)"]
    database.close()


@pytest.mark.parametrize(
    ("change", "subject", "problem"),
    [
        ("ALTER TABLE Messages RENAME COLUMN IsEdited TO Edited", "Column Messages.IsEdited", "is missing"),
        ("ALTER TABLE Messages ADD COLUMN Origin VARCHAR(20) NOT NULL DEFAULT ''", None, None),
        ("DROP TABLE PostImages", "Table PostImages", "is missing"),
        ("ALTER TABLE Users DROP COLUMN Bio", None, None),
    ],
)
def test_regoods_own_tables_are_looked_at(
    tmp_path: Path, change: str, subject: str | None, problem: str | None
) -> None:
    database = Database(f"sqlite:///{tmp_path}/changed.db", ROOT)
    execute(database, *statements(SQLITE))
    migrations.upgrade(database)
    execute(database, change)

    found = schema.check(database)

    assert [(one.subject, one.problem) for one in found.refusals] == ([(subject, problem)] if subject else [])
    database.close()


def test_what_postgresql_tells_of_its_columns_is_looked_at(postgres: PostgresServer) -> None:
    url = postgres.create()
    database = Database(url, ROOT)
    execute(
        database,
        *statements(POSTGRESQL),
        "ALTER TABLE messages ALTER COLUMN is_deleted DROP DEFAULT, ALTER COLUMN is_deleted TYPE VARCHAR(5)",
        "ALTER TABLE messages ADD COLUMN tenant INT NOT NULL",
    )

    problems = {one.subject: one.problem for one in schema.check(database).refusals if one.subject.startswith("Column")}

    assert problems == {
        "Column messages.is_deleted": "is of type VARCHAR(5)",
        "Column messages.tenant": "must be filled, and this version does not know it",
    }
    database.close()
    postgres.drop(url)


def test_an_index_that_was_not_built_to_its_end_is_said(postgres: PostgresServer) -> None:
    url = postgres.create()
    database = Database(url, ROOT)
    migrations.upgrade(database)
    execute(database, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_messages_sent'::regclass")

    (difference,) = schema.check(database).refusals

    assert difference.problem == "was not built to its end"
    assert "python run.py migrate builds it anew: DROP INDEX" in difference.remedy
    migrated = run(database, "migrate")
    assert "- index ix_messages_sent, built anew" in migrated.stdout
    assert schema.check(database).refusals == []
    database.close()
    postgres.drop(url)


@pytest.mark.parametrize("environment", [{"APP_ENV": "production"}, {"APP_ENV": "production", "DEMO_DATA": "true"}])
def test_a_start_in_production_never_migrates(make: Make, environment: dict[str, str]) -> None:
    database = of_contract(make)
    before = dump(database)

    started = run(database, environment=environment)

    assert started.returncode == 2
    assert started.stdout == ""
    assert sorted(subjects(started.stderr)) == sorted(ours(database))
    assert dump(database) == before


def test_a_start_in_development_migrates_the_embedded_database_alone(postgres: PostgresServer) -> None:
    url = postgres.create()
    database = Database(url, ROOT)

    started = run(database)

    assert started.returncode == 2
    assert "Table messages is missing" in started.stderr
    assert sa.inspect(database.engine).get_table_names() == []
    database.close()
    postgres.drop(url)


def test_the_newest_revision_is_the_one_that_is_named() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(ROOT / "regoods" / "migrations")).get_current_head() == migrations.HEAD
