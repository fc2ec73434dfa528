"""DATABASE_URL as an operator sees it again, and what is said of one by a server that cannot be run here."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from regoods.core import explanations, urls
from regoods.core.database import Database
from regoods.core.settings import SettingsError

SQL_SERVER = "mssql+pyodbc://ann:hunter2@db.example:1433/ReGoods?driver=ODBC+Driver+18+for+SQL+Server"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ann:hunter2@db.example/regoods",
        "postgresql+psycopg://db.example/regoods?user=ann&password=hunter2",
        "postgresql+psycopg://db.example/regoods?sslmode=verify-full&sslpassword=hunter2&sslkey=hunter2",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3DFreeTDS%3BPWD%3Dhunter2",
        "mssql+pyodbc://db.example/ReGoods?driver=FreeTDS&UID=hunter2&PWD=hunter2",
    ],
)
def test_no_secret_is_shown(url: str) -> None:
    shown = urls.shown(make_url(url))

    assert "hunter2" not in shown
    assert "odbc_connect" in url or "db.example" in shown
    assert ("verify-full" in shown) == ("verify-full" in url)


def odbc(state: str, text: str) -> Any:
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    return pyodbc.InterfaceError(
        state, f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server]{text} (SQLDriverConnect)"
    )


@pytest.mark.parametrize(
    ("state", "text", "words"),
    [
        (
            "28000",
            '[SQL Server]Cannot open database "ReGoods" requested by the login. The login failed. (4060) '
            "[SQL Server]Login failed for user 'ann'. (18456)",
            "there is no database 'ReGoods' on db.example:1433, or not for this user",
        ),
        ("28000", "[SQL Server]Login failed for user 'ann'. (18456)", "user 'ann' or the password was refused by"),
        (
            "08001",
            "SSL Provider: [error:0A000086:SSL routines::certificate verify failed:self-signed certificate] (-1)",
            "the certificate of db.example:1433 is not trusted",
        ),
        ("08001", "TCP Provider: Error code 0x2749 (10057)", "nothing answers at db.example:1433"),
        ("HYT00", "Login timeout expired (0)", "nothing answers at db.example:1433"),
    ],
)
def test_what_sql_server_s_driver_says_is_explained(state: str, text: str, words: str) -> None:
    explanation = explanations.explain(odbc(state, text), make_url(SQL_SERVER))

    assert explanation.startswith(words)


@pytest.mark.parametrize("module", ["pyodbc", "psycopg"])
def test_a_driver_that_is_not_installed_is_named(module: str) -> None:
    error = ModuleNotFoundError(f"No module named '{module}'")

    assert explanations.explain(error, make_url(SQL_SERVER)).startswith(
        f"the driver {module} is not installed. Run `make"
    )


def test_a_user_and_a_database_in_the_query_are_named() -> None:
    at = urls.address(make_url("postgresql+psycopg:///?user=app&password=x&host=db.example&dbname=regoods"))

    assert (at.user, at.where, at.database) == ("app", "db.example", "regoods")


@pytest.mark.parametrize(
    "said",
    [
        'connection to server at "127.0.0.1", port 5432 failed: FATAL:  connection requires a valid client certificate',
        'connection to server at "127.0.0.1", port 5432 failed: FATAL:  no pg_hba.conf entry for host "10.0.0.1"',
        'connection to server at "127.0.0.1", port 5432 failed: root certificate file "/x" does not exist',
        'connection to server at "127.0.0.1", port 5432 failed: server closed the connection unexpectedly',
    ],
)
def test_who_answers_is_not_said_to_be_away(said: str) -> None:
    import psycopg

    explanation = explanations.explain(
        psycopg.OperationalError(f"connection failed: {said}"), make_url("postgresql+psycopg://ann@127.0.0.1/regoods")
    )

    assert said.partition("failed: ")[2].removeprefix("FATAL:  ") in explanation
    assert "nothing answers" not in explanation


def complaint(url: str, *, create: bool = True) -> str:
    with pytest.raises(SettingsError) as caught:
        Database(url, Path("/"), create=create).probe()
    (line,) = str(caught.value).splitlines()
    return line


def test_a_file_that_cannot_be_used_is_said_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("This is a text and no database at all. " * 100)
    (tmp_path / "folder").mkdir()

    assert f"{tmp_path}/text is no SQLite database" in complaint(f"sqlite:///{tmp_path}/text")
    assert f"{tmp_path}/folder is a folder. Name a file in it" in complaint(f"sqlite:///{tmp_path}/folder")
    beneath = complaint(f"sqlite:///{tmp_path}/text/regoods.db")
    assert f"the folder of {tmp_path}/text/regoods.db cannot be made: a file is where a folder should be" in beneath
    assert f"there is no file {tmp_path}/new/regoods.db" in complaint(
        f"sqlite:///{tmp_path}/new/regoods.db", create=False
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("unable to open database file", "cannot be opened. Let this user write to its folder"),
        ("attempt to write a readonly database", "cannot be written to. Let this user write there"),
        ("database is locked", "is locked by another program"),
    ],
)
def test_what_sqlite_says_is_explained(said: str, words: str) -> None:
    import sqlite3

    explanation = explanations.explain(sqlite3.OperationalError(said), make_url("sqlite:////data/regoods.db"))

    assert explanation.startswith("/data/regoods.db ")
    assert words in explanation
