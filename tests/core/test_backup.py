"""`run.py backup FILE`: a copy that is whole, made while the crowd writes, and what is said where there can be none."""

import asyncio
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

from regoods import migrations
from regoods.core import backup
from regoods.core.database import Database
from regoods.core.settings import ROOT
from tests.support.databases import PostgresServer, postgres_folder
from tests.support.figures import Figures
from tests.support.people import LIMIT
from tests.support.process import NOTHING_SET, Start
from tests.support.schemas import DBA, run
from tests.support.stored import Stored, check_integrity
from tests.support.traffic import FIRST_SENDER, RECIPIENTS, Crowd

SENDERS = 20
PAGES = 20_000
"""Of 4 KB: ten steps of the copy."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with all that is needed."""
    database = Database(f"sqlite:///{tmp_path}/regoods.db", ROOT)
    migrations.upgrade(database)
    database.close()
    return tmp_path / "regoods.db"


def database_at(path: Path) -> Database:
    return Database(f"sqlite:///{path}", ROOT)


@pytest.fixture
def start(start: Start) -> Start:
    """Starts `run.py` on that database."""
    return partial(start, DEMO_USERS=str(FIRST_SENDER + SENDERS), RATE_LIMIT_WRITES_PER_MINUTE="0")


def make_large(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE Elsewhere (Bytes BLOB)")
        connection.executemany("INSERT INTO Elsewhere VALUES (zeroblob(?))", [(4096 * 1000,)] * (PAGES // 1000))
        connection.commit()


@pytest.mark.gen_test(timeout=90)
async def test_a_backup_under_traffic_is_whole_and_is_restored_by_the_command_it_prints(
    start: Start, path: Path, tmp_path: Path, figures: Figures
) -> None:
    make_large(path)
    copy = tmp_path / "a copy.db"
    server = await start().started()
    ann = server.person(RECIPIENTS[0])
    crowd = await Crowd(SENDERS).begin(server)
    await crowd.until_acknowledged(200)
    reached = (await ann.get("/messages/sync?since=0")).data["latest"]
    before = dict(crowd.acknowledged)

    begun, sent_before = time.monotonic(), len(crowd.acknowledged)
    backing_up = asyncio.ensure_future(asyncio.to_thread(run, database_at(path), "backup", str(copy), environment=DBA))
    while not backing_up.done():
        await crowd.until_acknowledged(1)
    took, sent_meanwhile = time.monotonic() - begun, len(crowd.acknowledged) - sent_before
    done = await backing_up
    assert (done.returncode, done.stderr) == (0, "")
    await crowd.until_acknowledged(200)
    await crowd.end()
    assert not crowd.refused

    first, title, command = done.stdout.splitlines()
    assert first == f"Backed up {path} to {copy}: {copy.stat().st_size:,} bytes."
    assert title == "To restore it, stop the server, then:"
    assert copy.stat().st_mode & 0o777 == 0o600
    assert files_like(copy) == [copy.name]
    server.kill()  # so that its log is still there, with all that is newer
    assert path.with_name("regoods.db-wal").stat().st_size > 0
    restoring = await asyncio.create_subprocess_shell(command)
    assert await restoring.wait() == 0

    stored = Stored(f"sqlite:///{path}")
    check_integrity(f"sqlite:///{path}")
    assert before.items() <= stored.texts.items()
    assert stored.texts.items() <= crowd.acknowledged.items()
    assert len(stored.texts) < len(crowd.acknowledged)
    stored.check_log()
    again = await start(PORT=server.port).started()
    missed = (await ann.get(f"/messages/sync?since={reached}")).data
    assert missed["complete"] is True
    newest = (await ann.get("/messages/sync?since=0")).data["latest"]
    assert newest == len(stored.written_to(ann.user_id))
    sent = await again.person(2).write(ann, "After the restore")
    (event,) = (await ann.get(f"/messages/sync?since={newest}")).data["events"]
    assert (event["seq"], event["message"]["messageId"]) == (newest + 1, sent["messageId"])
    again.signal(signal.SIGTERM)
    assert await again.exit_code() == 0
    figures.say(
        f"backup of {copy.stat().st_size / 1e6:.0f} MB in {took:.1f} s, {sent_meanwhile:,} sends meanwhile, "
        f"the slowest {crowd.slowest:.2f} s; restored: all {len(before):,} acknowledged before it are there"
    )


def files_like(target: Path) -> list[str]:
    return sorted(one.name for one in target.parent.glob(f"*{target.name}*"))


def refused(path: Path, target: Path) -> str:
    """The one line with which it ends; nothing is left behind."""
    before = files_like(target)
    done = run(database_at(path), "backup", str(target), environment=DBA)
    assert (done.returncode, done.stdout) == (2, "")
    assert files_like(target) == before
    (line,) = done.stderr.splitlines()
    return line


def test_a_file_that_is_there_is_not_overwritten(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("Mine")

    assert refused(path, target) == f"{target} is there already. Name another file, or take it away."
    assert target.read_text() == "Mine"
    assert "is there already" in refused(path, path)


def test_a_folder_that_is_not_there_is_said(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "copy.db"

    assert refused(path, target) == f"{target} cannot be written: No such file or directory."


BETWEEN_TWO_STEPS = """
import sys, time
import run
from regoods.core import backup

# Where Python hears Ctrl+C: it comes there for certain, however late it is pressed.
backup._hear_interrupts = lambda *_: time.sleep(600)
sys.exit(run.main(sys.argv[1:]))
"""


def test_ctrl_c_leaves_nothing_behind(path: Path, tmp_path: Path) -> None:
    make_large(path)
    target = tmp_path / "copy.db"
    program = subprocess.Popen(
        [sys.executable, "-c", BETWEEN_TWO_STEPS, "backup", str(target)],
        cwd=ROOT,
        env=NOTHING_SET | DBA | {"DATABASE_URL": f"sqlite:///{path}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(one.stat().st_size for one in tmp_path.glob(".copy.db.part-*")):
        assert program.poll() is None

    program.send_signal(signal.SIGINT)

    assert program.communicate(timeout=LIMIT) == ("", "Interrupted. Nothing was left behind.\n")
    assert program.returncode == 130
    assert files_like(target) == []


def test_a_damaged_database_is_said_and_not_kept(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'Messages'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(bytes(range(256)))

    line = refused(path, tmp_path / "copy.db")
    assert line.startswith(f"{path} is damaged, and its copy was not kept: ")


def test_a_database_that_is_not_there_is_said(tmp_path: Path, path: Path) -> None:
    done = run(
        database_at(path),
        "backup",
        str(tmp_path / "copy.db"),
        environment=DBA | {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db"},
    )

    assert done.returncode == 2
    assert f"there is no file {tmp_path}/none.db" in done.stderr
    assert not (tmp_path / "none.db").exists()


def test_a_server_has_its_own_tool(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create()
    target = tmp_path / "copy.dump"

    done = run(Database(url, ROOT), "backup", str(target), environment=DBA)

    assert (done.returncode, done.stdout) == (2, "")
    assert "secret" not in done.stderr
    found = re.fullmatch(r"PostgreSQL has its own: pg_dump --format=custom --file=FILE '(.*)'\n", done.stderr)
    assert found
    assert found[1].startswith("postgresql://regoods@127.0.0.1:")
    dumped = subprocess.run(
        [str(postgres_folder() / "pg_dump"), "--format=custom", f"--file={target}", found[1]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert dumped.returncode == 0, dumped.stderr
    assert target.stat().st_size > 0
    postgres.drop(url)


def test_sql_server_has_its_own() -> None:
    odbc = "DRIVER={FreeTDS};SERVER=host;UID=ann;PWD=hunter2;DATABASE=ReGoods"
    url = URL.create("mssql+pyodbc", query={"odbc_connect": odbc})

    assert backup.servers_own(url) == (
        "SQL Server has its own: BACKUP DATABASE [ReGoods] TO DISK = N'FILE' WITH CHECKSUM;"
    )
