"""A 201 means on disk: what makes it so holds on the very connections that write, or `check` says that it does not."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.core import durability
from regoods.core.database import Database
from regoods.core.settings import ROOT
from regoods.core.work import Work, writes_for_anyone
from regoods.core.work_queue import SERVER_WRITERS
from tests.core.test_sql_server_check import Answering
from tests.support.databases import PostgresServer, server_folder
from tests.support.schemas import run
from tests.support.server import RunningServer

FULL = 2
"""SQLite's number of it: the log is synced at each commit. 1, NORMAL, would sync it when it is copied back."""


async def on_each_writer(server: RunningServer, *questions: str) -> set[tuple[Any, ...]]:
    """What the connections answer on which writers work, in the middle of their work."""

    def ask(work: Work, _user_id: int) -> tuple[Any, ...]:
        return tuple(work.session.connection.exec_driver_sql(question).scalar() for question in questions)

    writers = range(1 if server.app.database.embedded else SERVER_WRITERS)
    return {await server.app.services.work.run(writes_for_anyone(ask), writer) for writer in writers}


async def test_sqlite_syncs_each_commit(server: RunningServer) -> None:
    answers = await on_each_writer(server, "PRAGMA synchronous", "PRAGMA journal_mode")

    assert answers == {(FULL, "wal")}


@pytest.fixture(scope="module")
def safe_postgres() -> Iterator[PostgresServer]:
    """As Debian sets it up."""
    with server_folder() as folder:
        server = PostgresServer(folder, safe=True)
        yield server
        server.stop()


class TestOnPostgreSQL:
    @pytest.fixture
    def database_url(self, safe_postgres: PostgresServer) -> Iterator[str]:
        url = safe_postgres.fresh()
        yield url
        safe_postgres.take_back(url)

    async def test_each_commit_is_synced(self, server: RunningServer) -> None:
        answers = await on_each_writer(server, "SHOW synchronous_commit", "SHOW fsync", "SHOW full_page_writes")

        assert answers == {("on", "on", "on")}
        assert durability.advice(server.app.database) == []

    @pytest.mark.parametrize(
        ("given", "used"), [("off", "local"), ("local", "local"), ("remote_apply", "remote_apply")]
    )
    def test_what_waits_for_less_than_the_disk_is_raised_and_nothing_else(
        self, database_url: str, safe_postgres: PostgresServer, given: str, used: str
    ) -> None:
        name = database_url.rpartition("/")[2]
        safe_postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = {given}")
        database = Database(database_url, ROOT)
        try:
            with database.engine.connect() as connection:
                assert connection.scalar(sa.text("SHOW synchronous_commit")) == used
        finally:
            database.close()
            safe_postgres.execute(f"ALTER DATABASE {name} RESET synchronous_commit")


def test_check_says_that_postgresql_does_not_sync(postgres: PostgresServer) -> None:
    """The one that tests share does not, for speed."""
    url = postgres.fresh()
    database = Database(url, ROOT)

    looked = run(database, "check")
    database.close()
    postgres.take_back(url)

    assert looked.returncode == 0
    assert "Setting fsync is off: what was acknowledged is lost" in looked.stdout
    assert "ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf();" in looked.stdout
    assert "Setting full_page_writes is off" in looked.stdout


@pytest.mark.parametrize(
    ("answers", "remedies"),
    [
        ([(60,), ("ReGoods", "FORCED")], ["ALTER DATABASE [ReGoods] SET DELAYED_DURABILITY = DISABLED;"]),
        ([(60,), ("ReGoods", "ALLOWED")], []),
        ([(60,), ("ReGoods", "DISABLED")], []),
        ([(None,)], []),
    ],
)
def test_a_sql_server_that_answers_before_it_has_written_is_said(
    answers: list[tuple[Any, ...]], remedies: list[str]
) -> None:
    connection: Any = Answering(*answers)

    assert [one.remedy for one in durability.of_sql_server(connection)] == remedies
    assert len(connection.asked) == len(answers)
