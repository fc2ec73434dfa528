"""What `check` says and a start does, on databases that are whole but cannot be used as they are."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from regoods import migrations
from regoods.app import make_app
from regoods.core import schema
from regoods.core.database import Database
from regoods.core.settings import ROOT, parse_settings
from tests.support.contract_schema import SQLITE, statements
from tests.support.databases import PostgresServer
from tests.support.process import SECRET
from tests.support.schemas import CHECK, DBA, execute, ours, run, subjects, url_of

PRODUCTION = {"APP_ENV": "production"}


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    """One on PostgreSQL, with all that is needed."""
    made = Database(postgres.create(), ROOT)
    migrations.upgrade(made)
    yield made
    made.close()
    postgres.drop(url_of(made))


@pytest.fixture
def narrow(postgres: PostgresServer, database: Database) -> Iterator[str]:
    """Its URL for a user who was given nothing."""
    postgres.execute("CREATE ROLE narrow LOGIN")
    yield url_of(database).replace("//regoods:", "//narrow:")
    execute(database, "DROP OWNED BY narrow", "DROP ROLE narrow")


def test_check_tells_what_a_start_in_development_does(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/regoods.db", ROOT)
    execute(database, *statements(SQLITE))

    unmigrated = run(database, "check")
    assert unmigrated.returncode == 0
    (added,) = re.findall(r"^✓ Schema: a start in development adds (.*)$", unmigrated.stdout, re.MULTILINE)
    assert sorted(re.findall(r"\w+ (\w+)", added)) == sorted(ours(database))

    execute(database, "DROP TABLE PostImages")
    assert run(database, "check").returncode == 1
    assert run(database).returncode == 2
    database.close()


@pytest.mark.parametrize("arguments", [CHECK, ("migrate", "--sql")])
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_looking_changes_nothing_in_the_file(tmp_path: Path, arguments: tuple[str, ...], mode: str) -> None:
    path = tmp_path / "what? 100% #1 of ReGoods.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        for statement in statements(SQLITE):
            connection.execute(statement)
        connection.commit()
    before = path.read_bytes()

    url = f"sqlite:///{quote(str(path))}"
    looked = run(Database(url, ROOT), *arguments, environment=PRODUCTION | {"DATABASE_URL": url})

    assert "MessagingClears" in looked.stdout, looked.stderr
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == (mode,)


def test_only_a_start_in_development_and_migrate_make_a_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "regoods.db"
    at_path = {"DATABASE_URL": f"sqlite:///{path}"}
    any_database = Database(f"sqlite:///{tmp_path}/any.db", ROOT)

    checked = run(any_database, "check", environment=at_path)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert f"there is no file {path} yet. A start in development makes it" in checked.stdout
    looked = run(any_database, *CHECK, environment=at_path | DBA)
    assert (looked.returncode, looked.stderr) == (1, "")
    started = run(any_database, environment=at_path | PRODUCTION | {"JWT_ACCESS_SECRET": SECRET})
    assert (started.returncode, started.stdout) == (2, "")
    for said in (looked.stdout, started.stderr):
        assert f"there is no file {path}. Correct the path" in said
    assert not path.parent.exists()

    assert run(any_database, "migrate", environment=at_path | DBA).returncode == 0
    assert run(any_database, *CHECK, environment=at_path | DBA).returncode == 0


def test_rights_that_lack_are_said_with_their_grants(database: Database, narrow: str) -> None:
    as_narrow = {"DATABASE_URL": narrow}

    checked = run(database, "check", environment=as_narrow)
    assert (checked.returncode, checked.stderr) == (1, "")
    assert 'GRANT SELECT, INSERT, UPDATE ON "messages" TO "narrow";' in checked.stdout
    assert 'GRANT SELECT ON "users" TO "narrow";' in checked.stdout
    for environment in ({}, PRODUCTION):
        started = run(database, environment=as_narrow | environment)
        assert (started.returncode, started.stdout) == (2, "")
        title, *refusals = started.stderr.splitlines()
        assert re.search(r"narrow:\*\*\*@.* is not as it must be \(.*run.py check prints this list again\):", title)
        listed = [line[2:] for line in checked.stdout.splitlines() if line.startswith("✗ ")]
        assert sorted(refusals) == sorted(f"- {line}" for line in listed)

    grants = re.findall(r"GRANT .*;", checked.stdout)
    assert any(grant.startswith("GRANT USAGE ON SEQUENCE") for grant in grants)
    execute(database, *grants)
    assert run(database, "check", environment=as_narrow).returncode == 0
    with_demo_data = run(database, environment=as_narrow)
    assert with_demo_data.returncode == 2
    assert with_demo_data.stderr == (
        "DEMO_DATA cannot be made: permission denied for table users. Set DEMO_DATA=false, or GRANT it.\n"
    )


def test_columns_that_a_dba_keeps_from_us_are_not_missed(database: Database, narrow: str) -> None:
    execute(
        database,
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO narrow",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO narrow",
        "REVOKE SELECT ON users FROM narrow",
        "GRANT SELECT (user_id, full_name, profile_picture_url, is_active, email) ON users TO narrow",
    )
    as_narrow = Database(narrow, ROOT)

    assert schema.check(as_narrow).refusals == []
    execute(database, "REVOKE SELECT (full_name) ON users FROM narrow")
    assert [one.subject for one in schema.check(as_narrow).refusals] == ["Table users"]
    as_narrow.close()


def test_who_may_not_add_tables_is_told_who_may(database: Database, narrow: str) -> None:
    execute(database, "DROP TABLE messaging_clears")
    as_narrow = {"DATABASE_URL": narrow}

    migrated = run(database, "migrate", environment=as_narrow)
    assert migrated.returncode == 2
    (line,) = migrated.stderr.splitlines()
    assert line.startswith("The database cannot be migrated: permission denied for ")
    assert "Migrate as the owner of the tables, or give a DBA the text of `run.py migrate --sql`." in line

    execute(database, "REVOKE USAGE ON SCHEMA public FROM PUBLIC")
    out_of_reach = run(database, "check", environment=as_narrow)
    assert subjects(out_of_reach.stdout) == ["public"]
    assert 'GRANT USAGE ON SCHEMA "public" TO "narrow";' in out_of_reach.stdout


def test_a_read_only_database_is_said(database: Database) -> None:
    name = database.url.database
    execute(database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    checked = run(database, "check")
    assert checked.returncode == 1
    assert "is read-only (default_transaction_read_only is on)" in checked.stdout
    for environment in ({}, PRODUCTION):
        started = run(database, environment=environment)
        assert started.returncode == 2
        assert f'ALTER DATABASE "{name}" SET default_transaction_read_only = off;' in started.stderr
        assert len(started.stderr.splitlines()) == 2


def test_a_file_that_may_not_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = Database(f"sqlite:///{tmp_path}/regoods.db", ROOT)
    migrations.upgrade(database)
    # As root, who runs these tests on CI, every file may be written.
    monkeypatch.setattr("os.access", lambda path, _mode: Path(path) != tmp_path / "regoods.db")

    assert [str(one) for one in schema.check(database).refusals] == [
        f"File {tmp_path}/regoods.db cannot be written by this user. chown or chmod u+w {tmp_path}/regoods.db"
    ]
    database.close()


def test_a_database_of_another_encoding_starts_without_demo_data(postgres: PostgresServer) -> None:
    url = postgres.create("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    migrations.upgrade(Database(url, ROOT))

    app = make_app(parse_settings({"DATABASE_URL": url}))
    app.prepare_database()

    assert app.database.text_encoding == "iso8859-1"
    with app.database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM users").scalar() == 0
    app.database.close()
    postgres.drop(url)
