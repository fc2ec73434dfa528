"""A database on a server: it comes back, it deadlocks, it hangs, it cannot be reached; on PostgreSQL and over ODBC."""

import asyncio
import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from tornado.ioloop import IOLoop

from regoods.core import editions
from regoods.core.database import Database
from regoods.core.settings import ROOT, Settings
from regoods.core.work import Work, writes_for_anyone
from regoods.core.work_queue import WORKER_THREADS
from regoods.features.conversations.tables import messages
from regoods.features.messages.actions import send
from regoods.features.messages.events import NewMessage
from regoods.features.presence import comings
from tests.support.databases import (
    DatabaseServer,
    MariaDbServer,
    PostgresServer,
    SqlServer,
    server_folder,
    shown,
)
from tests.support.people import LIMIT, Person
from tests.support.process import NOTHING_SET, SECRET
from tests.support.raw_socket import eventually
from tests.support.server import RunningServer

NOBODYS_PORT = 1
"""One that the system gives to nobody who asks for any: a port that was free a moment ago may be another test's."""

ALL_TEXT = "Ärger, 田中さん, Волков, 🚲👩‍👩‍👧, '; DROP TABLE x; --, \\ % _ and a tab\t."


@pytest.fixture(params=["postgres", "mariadb", pytest.param("sql_server", marks=pytest.mark.mssql)])
def database_server(request: pytest.FixtureRequest) -> DatabaseServer:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture
def database_url(database_server: DatabaseServer) -> Iterator[str]:
    url = database_server.fresh()
    yield url
    database_server.take_back(url)


def sending(content: str) -> Callable[[Work, int], Any]:
    return lambda work, user_id: send.function(work, user_id, NewMessage(recipient_id=2, message_content=content))


async def run(server: RunningServer, function: Callable[[Work, int], Any], user_id: int = 1) -> Any:
    return await server.app.services.work.run(writes_for_anyone(function), user_id)


def stored(server: RunningServer) -> list[str]:
    statement = sa.select(messages.c.message_content).order_by(messages.c.message_id)
    return [row[0] for row in server.execute(statement)]


async def test_a_chat_with_every_kind_of_character(server: RunningServer) -> None:
    ann, ben = server.person(1), server.person(2)
    at_ben = await ben.connect()

    sent = await ann.write(ben, ALL_TEXT, postId=1)

    assert (await at_ben.next())["message"] == sent
    assert sent["messageContent"] == ALL_TEXT
    assert (await ben.get("/messages/user/1")).data == [sent]
    long = "🚲" * 2500
    assert (await ann.write(ben, long))["messageContent"] == long
    (preview,) = (await ben.get("/messages/conversations")).data
    assert (preview["lastMessage"], preview["unreadCount"]) == (long, 2)
    read = (await ben.post(f"/messages/{sent['messageId']}/read")).data
    assert read["isReadByRecipient"] is True
    assert (await ben.get("/messages/unread-count")).data == {"count": 1}


async def test_a_unit_that_fails_takes_only_itself_back(server: RunningServer) -> None:
    def break_a_constraint(work: Work, user_id: int) -> None:
        sending("Taken back")(work, user_id)
        work.session.connection.execute(sa.insert(messages).values(sender_id=1, recipient_id=2, message_content=None))

    results = await asyncio.gather(
        run(server, sending("One")),
        run(server, break_a_constraint),
        run(server, sending("Two")),
        return_exceptions=True,
    )

    assert [isinstance(result, Exception) for result in results] == [False, True, False]
    assert sorted(stored(server)) == ["One", "Two"]


async def test_idle_connections_that_the_server_closed_are_not_noticed(
    server: RunningServer, database_server: DatabaseServer
) -> None:
    ann, ben = server.person(1), server.person(2)
    await ann.write(ben, "Before")
    await ben.get("/messages/unread-count")

    kill_connections(server, database_server)

    await asyncio.gather(*(ann.write(ben, f"After {number}") for number in range(8)))
    assert (await ben.get("/messages/unread-count")).data == {"count": 9}


async def test_a_connection_lost_before_the_commit_is_replaced_and_the_work_done_once(
    server: RunningServer, database_server: DatabaseServer
) -> None:
    at_ben = await server.person(2).connect()
    lost: list[bool] = []

    def lose_the_connection_once(work: Work, user_id: int) -> Any:
        result = sending("Once")(work, user_id)
        if not lost:
            lost.append(True)
            kill_connections(server, database_server)
            work.session.connection.execute(sa.select(1))
        return result

    await run(server, lose_the_connection_once)

    assert stored(server) == ["Once"]
    assert [event["type"] for event in await at_ben.quiet()] == ["message"]


async def test_both_of_two_that_deadlock_are_done(server: RunningServer) -> None:
    first = await server.person(1).write(server.person(2), "First")
    second = await server.person(1).write(server.person(2), "Second")
    met = threading.Barrier(2)
    runs: list[str] = []

    def touch(work: Work, message: dict[str, Any]) -> None:
        work.session.connection.execute(
            sa.update(messages).where(messages.c.message_id == message["messageId"]).values(is_edited=True)
        )

    def both(name: str, one: dict[str, Any], other: dict[str, Any]) -> Callable[[Work, int], None]:
        def work_on(work: Work, _user_id: int) -> None:
            runs.append(name)
            touch(work, one)
            with contextlib.suppress(threading.BrokenBarrierError):
                met.wait(LIMIT if runs.count(name) == 1 else 0.01)
            touch(work, other)

        return work_on

    forth = asyncio.ensure_future(run(server, both("forth", first, second)))
    await eventually(lambda: reached(runs))
    back = asyncio.ensure_future(run(server, both("back", second, first), user_id=2))
    # SQL Server looks for deadlocks every 5 s.
    await asyncio.wait_for(asyncio.gather(forth, back), 2 * LIMIT)

    assert sorted(set(runs)) == ["back", "forth"]
    assert len(runs) > 2


async def reached(runs: list[str]) -> bool:
    return bool(runs)


@pytest.mark.parametrize("database_server", ["postgres", "mariadb"], indirect=True)
async def test_while_the_server_is_away_callers_are_told_to_come_back(
    io_loop: IOLoop, settings: Settings, database_server: DatabaseServer
) -> None:
    with another(database_server) as own:
        server = RunningServer(settings_for(settings, own.fresh()))
        server.start()
        ann, ben = server.person(1), server.person(2)
        before = await ann.write(ben, "Before")
        at_ben = await ben.connect()

        await asyncio.to_thread(own.stop)
        new = {"recipientId": 2, "messageContent": "During"}
        refused = [await ann.post("/messages", new), await ben.get("/messages/user/1")]
        health = await ann.get("/health", root="")
        ready = await ann.get("/health/ready", root="")
        await asyncio.to_thread(own.start)

        for answer in refused:
            assert (answer.status, answer.error["code"]) == (503, "SERVICE_UNAVAILABLE")
            assert 1 <= int(answer.headers["Retry-After"]) <= 30
        assert health.status == 200
        assert (ready.status, ready.body) == (503, {"status": "unavailable", "degraded": ["database"]})
        await eventually(lambda: is_ready(ann))
        after = await ann.write(ben, "After")
        assert (await ben.get("/messages/user/1")).data == [before, after]
        assert [event["message"] for event in await at_ben.quiet()] == [after]
        await server.stop()


async def is_ready(person: Person) -> bool:
    """A server that has just started may take longer than the second that a probe waits."""
    return (await person.get("/health/ready", root="")).status == 200


@pytest.mark.parametrize("database_server", ["postgres"], indirect=True)
async def test_who_leaves_while_the_server_is_away_is_told_of_when_it_is_back(
    settings: Settings,
    database_server: DatabaseServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Until then it is asked now and then, and not ten times a second; each thread says so once."""
    monkeypatch.setattr(comings, "GRACE_SECONDS", 0.1)
    with another(database_server) as own:
        server = RunningServer(settings_for(settings, own.fresh()))
        server.start()
        ann, ben = server.person(1), server.person(2)
        await ann.write(ben)
        at_ann, at_ben = await ann.connect(), await ben.connect()
        assert (await at_ann.next_presence())[:2] == (2, True)

        await asyncio.to_thread(own.stop)
        caplog.clear()
        asked: list[float] = []
        sa.event.listen(server.app.database.engine, "do_connect", lambda *_: asked.append(time.monotonic()))
        at_ben.close()
        left_at = time.monotonic()
        await eventually(lambda: passed(left_at + 3))
        assert len(asked) < 5 * (time.monotonic() - left_at)
        lines = [record.getMessage() for record in caplog.records]
        assert len(lines) <= WORKER_THREADS + 1, lines
        assert not at_ann.presences

        await asyncio.to_thread(own.start)
        assert (await at_ann.next_presence())[:2] == (2, False)
        assert await at_ann.quiet() == []
        assert not at_ann.presences
        await server.stop()


async def passed(moment: float) -> bool:
    return time.monotonic() > moment


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits a second for a lock, not five. Who deadlocks is to be told of that, and not of a lock."""
    monkeypatch.setattr(editions, "LOCK_SECONDS", 1)


async def test_a_lock_that_is_held_for_ever_does_not_hold_others_up(impatient: None, server: RunningServer) -> None:
    ann, ben, chloe = server.person(1), server.person(2), server.person(3)
    held = await ann.write(ben, "Held")
    engine = server.app.database.engine
    with engine.connect() as other_program:
        other_program.execute(
            sa.update(messages).where(messages.c.message_id == held["messageId"]).values(is_edited=True)
        )
        waiting = asyncio.ensure_future(ann.put(f"/messages/{held['messageId']}", {"messageContent": "Changed"}))
        for number in range(10):
            await chloe.write(ben, f"Number {number}")
        answer = await waiting
        other_program.rollback()

    assert (answer.status, answer.error["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert len((await ben.get("/messages/user/3")).data) == 10


def test_times_come_back_to_the_millisecond(postgres: PostgresServer) -> None:
    from tests.support.server import START

    url = postgres.fresh()
    database = Database(url, ROOT)
    moment = START.replace(microsecond=123_000)
    with database.engine.begin() as connection:
        assert connection.scalar(sa.select(sa.literal(moment, messages.c.created_at.type))) == moment
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"
    database.close()
    postgres.take_back(url)


def test_the_pool_is_as_large_as_the_worker_threads(server: RunningServer) -> None:
    pool: Any = server.app.database.engine.pool

    assert pool.size() == 9
    assert pool._max_overflow == 0
    assert pool._pre_ping
    assert pool._recycle == 1800


def complaint(url: str, **environment: str) -> str:
    """The one line with which `run.py` ends on a database that cannot be used."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py")],
        env=NOTHING_SET | {"DATABASE_URL": url, "JWT_ACCESS_SECRET": SECRET, "PORT": "0"} | environment,
        capture_output=True,
        text=True,
        timeout=2 * LIMIT,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "hunter2" not in line
    return line


FREETDS = shown(
    URL.create(
        "mssql+pyodbc",
        query={"odbc_connect": "DRIVER={FreeTDS};SERVER=127.0.0.1;PORT={port};UID=ann;PWD=hunter2;TDS_Version=7.4"},
    )
).replace("%7Bport%7D", "{port}")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+psycopg://ann:hunter2@127.0.0.1:{port}/regoods", "nothing answers at 127.0.0.1:{port}. Start"),
        (
            "postgresql+psycopg://ann:hunter2@no.such.host.invalid/regoods",
            "no machine is called 'no.such.host.invalid'",
        ),
        ("postgresql+psycopg://ann:hun@ter2hunter2@127.0.0.1/regoods", "more than one @"),
        ("postgresql+psycopg://ann:1:hunter2/x@127.0.0.1:port/regoods", "it is no URL. Allowed: dialect+driver://"),
        ("'postgresql+psycopg://ann:hunter2@127.0.0.1/regoods'", "Allowed: without quotes, sqlite:///data/regoods.db"),
        ("Postgresql://ann:hunter2@127.0.0.1/regoods", "does not begin like a URL of a database. Allowed: "),
        ("sqlite:/data/regoods.db", "or postgresql+psycopg://user:password@host:5432/regoods."),
        ("sqlite://data/regoods.db", "a file comes after three slashes. Write sqlite:///data/regoods.db"),
        ("sqlite+aiosqlite:///data/regoods.db", "the driver 'aiosqlite' is not used here. Write sqlite:///"),
        ("mssql://ann:hunter2@127.0.0.1:{port}/ReGoods", "it names no ODBC driver. Add ?driver=ODBC+Driver+18"),
        ("mssql+pyodbc://ann:hunter2@127.0.0.1:{port}/ReGoods?driver=FreeTDS", "Write mssql+pyodbc:///?odbc_connect="),
        (FREETDS.replace("TDS_Version%3D7.4", ""), "Add TDS_Version%3D7.4%3B to odbc_connect"),
        ("postgresql+asyncpg://ann:hunter2@127.0.0.1/regoods", "Write postgresql+psycopg://"),
        ("oracle://ann:hunter2@127.0.0.1/regoods", "no edition for 'oracle'. Allowed: sqlite, mssql+pyodbc"),
        (FREETDS, "nothing answers at 127.0.0.1:{port}. Start"),
        (
            "mssql+pyodbc://ann:hunter2@127.0.0.1:1433/ReGoods?driver=ODBC+Driver+99",
            "ODBC driver that the URL names is not",
        ),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(mariadb: MariaDbServer, url: str, words: str) -> None:
    port = str(NOBODYS_PORT)

    assert words.replace("{port}", port) in complaint(url.replace("{port}", port))


def test_a_wrong_password_or_database_is_one_line(postgres: PostgresServer, mariadb: MariaDbServer) -> None:
    name = "no_such_database"
    assert f"there is no database {name!r} on 127.0.0.1" in complaint(shown(postgres.url_of(name)))
    assert "there is no database" in complaint(shown(mariadb.url_of(name)))
    assert "the password was refused" in complaint(shown(mariadb.url_of("mysql", password="hunter2")))
    assert "nothing answers" in complaint(shown(mariadb.url_of("mysql", port=NOBODYS_PORT)))
    with_password = shown(postgres.admin_url.set(username="nobody", password="hunter2"))
    assert "the password was refused by 127.0.0.1" in complaint(with_password)


def test_what_a_server_answers_is_said_and_not_that_nothing_answers(
    postgres: PostgresServer, mariadb: MariaDbServer
) -> None:
    def url(user: str, database: str = "postgres", **query: str) -> str:
        return shown(postgres.admin_url.set(username=user, database=database, query=query))

    postgres.execute(
        "CREATE ROLE nologin NOLOGIN",
        "CREATE ROLE narrow LOGIN CONNECTION LIMIT 0",
        "CREATE ROLE plain LOGIN",
        "CREATE DATABASE locked",
        "REVOKE CONNECT ON DATABASE locked FROM PUBLIC",
    )
    try:
        assert 'answers: role "nologin" is not permitted to log in.' in complaint(url("nologin"))
        assert 'answers: too many connections for role "narrow".' in complaint(url("narrow"))
        assert complaint(url("plain", "locked")).endswith("GRANT CONNECT ON DATABASE locked TO plain;")
        assert "has no TLS, and the URL's sslmode asks for it" in complaint(url("regoods", sslmode="require"))
        no_name = complaint(shown(postgres.admin_url).removesuffix("/postgres"))
        assert f"the URL names no database. Write its name behind the host: 127.0.0.1:{postgres.port}/" in no_name
        assert "is no SQL Server" in complaint(FREETDS.replace("{port}", str(postgres.port)))
    finally:
        postgres.execute("DROP DATABASE locked", *(f"DROP ROLE {name}" for name in ("nologin", "narrow", "plain")))


def test_a_text_column_without_unicode_is_found_and_said(postgres: PostgresServer, mariadb: MariaDbServer) -> None:
    from regoods import migrations
    from regoods.core import schema

    latin = postgres.create("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    table = mariadb.fresh()
    database = Database(table, ROOT)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE Messages MODIFY MessageContent TEXT CHARACTER SET latin1 NOT NULL")
    migrations.upgrade(Database(latin, ROOT))

    for url, column in ((latin, "messages.message_content"), (table, "Messages.MessageContent")):
        found = schema.check(Database(url, ROOT))
        (advice,) = found.advice
        assert found.text_encoding == "iso8859-1"
        assert (advice.subject, found.refusals) == (f"Column {column}", [])
        assert "emoji among them, are refused" in advice.problem
    assert advice.remedy.startswith("ALTER TABLE `Messages` MODIFY `MessageContent` LONGTEXT CHARACTER SET utf8mb4")
    with database.engine.begin() as connection:
        connection.exec_driver_sql(advice.remedy.partition(";")[0])
    assert schema.check(database).advice == []
    database.close()
    mariadb.take_back(table)
    postgres.drop(latin)


async def test_a_message_that_would_be_mangled_is_refused(
    io_loop: IOLoop, settings: Settings, postgres: PostgresServer
) -> None:
    from regoods import migrations

    url = postgres.create("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    migrations.upgrade(Database(url, ROOT))
    server = RunningServer(settings_for(settings, url), names=("Ann", "Ben"))
    server.start()
    ann, ben = server.person(1), server.person(2)

    kept = await ann.write(ben, "Größe 42, 5 ½ £")
    refused = await ann.post("/messages", {"recipientId": 2, "messageContent": "The bike 🚲"})
    edited = await ann.put(f"/messages/{kept['messageId']}", {"messageContent": "田中"})

    for answer, character in ((refused, "🚲"), (edited, "田")):
        assert (answer.status, answer.error["code"]) == (400, "VALIDATION_ERROR")
        assert answer.error["details"][0]["field"] == "messageContent"
        assert character in answer.error["message"]
    assert (await ben.get("/messages/user/1")).data == [kept]
    for query, found in (("grÖßE 42", [kept]), ("5 ½", [kept]), ("GR", [kept]), ("🚲", []), ("grase", [])):
        assert (await ben.get(f"/messages/search?query={quote(query)}")).data == found, query
    await server.stop()
    postgres.drop(url)


def settings_for(settings: Settings, url: str) -> Settings:
    import msgspec

    return msgspec.structs.replace(settings, database_url=url)


def kill_connections(server: RunningServer, database_server: DatabaseServer) -> None:
    """End every connection that the server under test has, as an administrator does."""
    name = database_name(server)
    if isinstance(database_server, PostgresServer):
        database_server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        return
    sessions = f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"
    if isinstance(database_server, SqlServer):
        sessions = f"SELECT session_id FROM sys.dm_exec_sessions WHERE database_id = DB_ID('{name}')"
    engine = sa.create_engine(database_server.admin_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        ids = connection.exec_driver_sql(sessions).scalars().all()
        for number in ids:
            try:
                connection.exec_driver_sql(f"KILL {number}")
            except sa.exc.DBAPIError as error:
                # One that was closed a moment before is listed and gone.
                if not any(gone in str(error) for gone in ("(1094)", "(6106)")):
                    raise
    engine.dispose()


def database_name(server: RunningServer) -> str:
    from tests.support.databases import database_of

    return database_of(shown(server.app.database.url))


@contextlib.contextmanager
def another(like: DatabaseServer) -> Iterator[Any]:
    """A server of the same kind that may be stopped."""
    with server_folder() as folder:
        server = type(like)(folder)  # type: ignore[call-arg]
        yield server
        with contextlib.suppress(AssertionError):
            server.stop()  # type: ignore[attr-defined]
