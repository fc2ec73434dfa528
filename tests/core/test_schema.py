"""`check`, `migrate` and the start after them: on an empty database, on ReGoods' own, on one that somebody changed."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from regoods import migrations
from regoods.core import schema
from regoods.core.database import Database
from regoods.core.editions import snake_case
from regoods.core.settings import ROOT
from tests.support.contract_schema import POSTGRESQL, SQLITE, statements
from tests.support.databases import PostgresServer
from tests.support.process import NOTHING_SET, SECRET

INDEXES = ["IX_Messages_Received", "IX_Messages_Sent", "IX_Messages_Unread", "IX_PostImages_PostID"]
INDEXES_IN_SNAKE = ["ix_messages_received", "ix_messages_sent", "ix_messages_unread", "ix_post_images_post_id"]
INDEXES_OF_POSTGRESQL = ["ix_messages_received_newest", "ix_messages_sent_newest"]
TABLES = ["MessagingClears"]
TABLES_OF_SQLITE = ["MessagingSearchEdits"]
FULL_TEXT = {"sqlite": ("table", "MessagingSearch"), "postgresql": ("index", "ix_messages_content")}
"""What search has beside them. `check` does not look for it: PostgreSQL may be without."""

Make = Callable[[str], Database]


@pytest.fixture(params=["sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes a database of one of the editions, by these statements."""
    made: list[Database] = []
    postgres: PostgresServer | None = None
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres")

    def new(schema: str) -> Database:
        url = postgres.create() if postgres else f"sqlite:///{tmp_path}/other-{len(made)}.db"
        made.append(Database(url, ROOT))
        execute(made[-1], *statements(schema))
        return made[-1]

    yield new
    for database in made:
        database.close()
        if postgres:
            postgres.drop(url_of(database))


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def execute(database: Database, *several: str) -> None:
    with database.engine.begin() as connection:
        for statement in several:
            connection.exec_driver_sql(statement)


def our_tables(database: Database) -> list[str]:
    return TABLES + TABLES_OF_SQLITE if database.embedded else [snake_case(name) for name in TABLES]


def our_indexes(database: Database) -> list[str]:
    return INDEXES if database.embedded else INDEXES_IN_SNAKE + INDEXES_OF_POSTGRESQL


def ours(database: Database) -> list[str]:
    """What is missing where nothing of ours was added."""
    return our_tables(database) + our_indexes(database)


def contract(database: Database) -> str:
    return SQLITE if database.embedded else POSTGRESQL


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
        timeout=30,
        check=False,
    )


def subjects(text: str) -> list[str]:
    return re.findall(r"^- \w+ (\S+)", text, re.MULTILINE)


def dump(database: Database) -> dict[str, object]:
    """The columns and indexes of every table, but for the index of texts."""
    inspector = sa.inspect(database.engine)
    kind, full_text = FULL_TEXT[database.engine.dialect.name]
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
        if kind == "index" or table in TABLES_OF_SQLITE or not table.startswith(full_text)
    }


def full_text_is_there(database: Database) -> bool:
    inspector = sa.inspect(database.engine)
    kind, name = FULL_TEXT[database.engine.dialect.name]
    if kind == "table":
        return bool(inspector.has_table(name))
    return name in {index["name"] for index in inspector.get_indexes("messages")}


def test_check_on_regoods_own_database_lists_exactly_what_is_missing_and_migrate_adds_it(make: Make) -> None:
    database = of_contract(make)
    tables_of_ours, indexes_of_ours = our_tables(database), our_indexes(database)
    before = dump(database)

    checked = run(database, "check")
    assert (checked.returncode, checked.stderr) == (1, "")
    assert sorted(subjects(checked.stdout)) == sorted(ours(database))
    assert checked.stdout.count("python run.py migrate adds it.") == len(tables_of_ours)
    assert checked.stdout.count("python run.py migrate adds it: CREATE INDEX") == len(indexes_of_ours)

    migrated = run(database, "migrate")
    assert (migrated.returncode, migrated.stderr) == (0, "")
    again = run(database, "check")
    assert (again.returncode, subjects(again.stdout)) == (0, [])
    assert "A server can start on it." in again.stdout

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

    assert schema.check(database) == schema.Report([], [], None)
    assert migrations.revision(database) == migrations.HEAD


def test_the_text_for_a_dba_does_the_same(make: Make) -> None:
    database, by_hand = of_contract(make), of_contract(make)
    migrations.upgrade(database)

    text = run(database, "migrate", "--sql")

    assert (text.returncode, text.stderr) == (0, "")
    with by_hand.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in re.split(r";\n+(?!\s*END)", text.stdout):
            if statement.strip().rstrip(";") not in ("", "BEGIN", "COMMIT"):
                connection.exec_driver_sql(statement)
    assert dump(by_hand) == dump(database)
    assert full_text_is_there(by_hand)
    assert migrations.revision(by_hand) == migrations.HEAD


def test_a_second_migration_does_nothing(make: Make) -> None:
    database = of_contract(make)
    migrations.upgrade(database)
    before = dump(database)

    assert run(database, "migrate").returncode == 0

    assert dump(database) == before


def test_what_a_dba_dropped_is_said_with_its_statement(make: Make) -> None:
    database = make("")
    migrations.upgrade(database)
    name = "IX_Messages_Unread" if database.embedded else "ix_messages_unread"
    execute(database, f'DROP INDEX "{name}"')

    (difference,) = schema.check(database).refusals
    assert difference.subject == f"Index {name}"
    statement = difference.remedy.partition(": ")[2]
    assert statement.startswith("CREATE INDEX")
    execute(database, statement)

    assert schema.check(database).refusals == []


def test_an_index_on_other_columns_is_not_taken_for_ours(make: Make) -> None:
    database = of_contract(make)
    table, column = ('"Messages"', '"PostID"') if database.embedded else ("messages", "post_id")
    name = "IX_Messages_Sent" if database.embedded else "ix_messages_sent"
    execute(database, f'CREATE INDEX "{name}" ON {table} ({column})')

    found = [one for one in schema.check(database).refusals if one.subject == f"Index {name}"]

    assert [one.problem for one in found] == [f"is on other columns ({column.strip(chr(34))})"]


def test_an_index_of_another_name_serves_as_well(make: Make) -> None:
    database = of_contract(make)
    table, columns = (
        ("PostImages", "PostID, DisplayOrder") if database.embedded else ("post_images", "post_id, display_order")
    )
    execute(database, f"CREATE INDEX of_a_dba ON {table} ({columns})")

    assert [one.subject for one in schema.check(database).refusals if "PostImages" in one.subject.title()] == []


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
    assert difference.remedy == "DROP INDEX ix_messages_sent; then python run.py migrate."
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


def test_a_database_that_a_newer_version_migrated_is_left_alone(make: Make) -> None:
    database = make("")
    migrations.upgrade(database)
    execute(database, f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'")

    migrated = run(database, "migrate")

    assert migrated.returncode == 2
    assert "run that version" in migrated.stderr
    assert len(migrated.stderr.splitlines()) == 1


def test_the_newest_revision_is_the_one_that_is_named() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(ROOT / "regoods" / "migrations")).get_current_head() == migrations.HEAD
