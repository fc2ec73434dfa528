"""`run.py check`: a line for each thing that a server needs, with what to do; and 1 only where none would start."""

import argparse
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import run
from regoods.commands.checks import machine
from regoods.commands.checks.finding import Mark
from regoods.core.settings import ROOT
from tests.support.nginx import make_certificate
from tests.support.people import LIMIT
from tests.support.process import NOTHING_SET, SECRET
from tests.support.redis import RedisServer

PRODUCTION = {
    "APP_ENV": "production",
    "JWT_ACCESS_SECRET": SECRET,
    "ALLOWED_ORIGINS": "https://regoods.example",
    "PUBLIC_URL": "https://chat.regoods.example",
    "TRUSTED_PROXIES": "127.0.0.1",
}


class Checked:
    """What it said."""

    def __init__(self, folder: Path, shell: str = "", **environment: str) -> None:
        given = {
            "DATABASE_URL": f"sqlite:///{folder}/regoods.db",
            "ATTACHMENTS_URL": f"file://{folder}/attachments",
        }
        done = subprocess.run(
            ["/bin/sh", "-c", f'{shell} exec "$@"', "sh", sys.executable, str(ROOT / "run.py"), "check"],
            env=NOTHING_SET | given | environment,
            cwd=folder,
            capture_output=True,
            timeout=2 * LIMIT,
            check=False,
        )
        assert done.stderr == b""
        self.code = done.returncode
        self.lines = done.stdout.decode().splitlines()

    def of(self, *beginning: str) -> list[str]:
        """Lines that begin so."""
        return [line for line in self.lines if line.startswith(beginning)]

    @property
    def subjects(self) -> list[str]:
        return [line[2:].partition(":")[0] for line in self.lines[:-1]]


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path) -> Path:
    (tmp_path / "regoods.db").write_bytes(sqlite_template.read_bytes())
    return tmp_path


def test_where_all_is_well_each_line_has_its_tick(folder: Path, redis: RedisServer) -> None:
    before = (folder / "regoods.db").read_bytes()

    checked = Checked(folder, **PRODUCTION, REDIS_URL=redis.url)

    # How many files and connections there may be, how much room, and how soon it answers is the machine's own.
    machines = ("! Open files", "! Waiting connections", "! Room for ", "! Redis: answers in ")
    assert [line for line in checked.of("✗", "!") if not line.startswith(machines)] == []
    assert checked.subjects == [
        "Settings",
        "Tokens",
        "Database",
        "Schema",
        "Room for the database",
        "Pictures",
        "Room for pictures",
        "Redis",
        "Open files",
        "Waiting connections",
    ]
    assert (checked.code, checked.lines[-1]) == (0, "A server can start.")
    assert (folder / "regoods.db").read_bytes() == before
    assert not (folder / "attachments").exists()
    assert redis.client.keys() == []


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_file_that_nobody_has_open_stays_as_it_is_and_alone(folder: Path, mode: str) -> None:
    """A log left beside it would be of whoever looked: of root, and no server's to write."""
    path = folder / "regoods.db"
    with closing(sqlite3.connect(path)) as file:
        assert file.execute(f"PRAGMA journal_mode = {mode}").fetchone() == (mode.lower(),)
    before = path.read_bytes()

    checked = Checked(folder, **PRODUCTION)

    assert checked.of("✓ Schema")
    assert path.read_bytes() == before
    assert [one.name for one in folder.iterdir()] == ["regoods.db"]


def test_of_a_file_in_use_the_log_is_looked_at_too(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "regoods.db")) as server:
        server.execute("PRAGMA journal_mode = WAL").fetchone()
        server.execute("DROP TABLE MessagingBlocks")

        checked = Checked(folder, **PRODUCTION)

    (line,) = checked.of("✗")
    assert "Table MessagingBlocks is missing" in line


def test_a_terminal_without_such_letters_gets_others(folder: Path) -> None:
    checked = Checked(folder, PYTHONIOENCODING="ascii", ATTACHMENTS_URL=f"file://{folder}/приложения")

    assert checked.code == 0
    assert {line[0] for line in checked.lines[:-1]} <= {mark.value[1] for mark in Mark}
    assert "\\u043f" in "".join(checked.of("+ Pictures"))


def test_what_keeps_a_server_from_starting_is_said_all_at_once(folder: Path) -> None:
    (folder / "attachments").write_text("in the way")

    checked = Checked(
        folder,
        **PRODUCTION | {"JWT_ACCESS_SECRET": "", "DATABASE_URL": f"sqlite:///{folder}/other.db"},
        REDIS_URL="redis://:hunter2@127.0.0.1:port/0",
    )

    assert checked.code == 1
    secret, database, pictures, redis = checked.of("✗")
    assert "JWT_ACCESS_SECRET is missing: in production set it" in secret
    assert f"there is no file {folder}/other.db. Correct the path" in database
    assert f"{folder}/attachments cannot be written by this user" in pictures
    assert "REDIS_URL is wrong: its port is no number" in redis
    assert checked.of("✓ Tokens") == []
    assert checked.lines[-1] == "A server does not start until what is marked ✗ is mended."
    assert "hunter2" not in "".join(checked.lines)


def test_a_path_that_cannot_be_looked_at_is_said(folder: Path) -> None:
    """As behind a folder that this user may not enter; root, who runs these tests on CI, may."""
    unseen = f"{folder}/{'x' * 300}"

    checked = Checked(folder, ATTACHMENTS_URL=f"file://{unseen}/pictures", DATABASE_URL=f"sqlite:///{unseen}/other.db")
    assert checked.code == 1
    database, pictures = checked.of("✗")
    assert "DATABASE_URL cannot be used: " in database
    assert "ATTACHMENTS_URL=" in pictures
    assert "File name too long" in database
    assert "File name too long" in pictures

    (certificate,) = Checked(folder, TLS_CERT_FILE=unseen, TLS_KEY_FILE=unseen).of("✗")
    assert certificate.startswith("✗ TLS_CERT_FILE=")
    assert certificate.endswith(" is wrong: File name too long. Allowed: a PEM file.")


def test_a_setting_that_is_wrong_is_said(folder: Path) -> None:
    checked = Checked(folder, WS_ENABLED="perhaps")

    assert checked.code == 1
    assert checked.of("✗") == ["✗ WS_ENABLED='perhaps' is wrong: it is a switch. Allowed: true | false."]


def test_a_file_that_is_no_database_is_a_line_among_others(folder: Path) -> None:
    (folder / "regoods.db").write_text("no database " * 1000)

    checked = Checked(folder)

    assert checked.code == 1
    (line,) = checked.of("✗")
    assert f"DATABASE_URL cannot be used: {folder}/regoods.db is no SQLite database, or a damaged one" in line
    assert checked.of("✓ Pictures")


def test_ctrl_c_is_said_in_a_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_options: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "parse", lambda _arguments: argparse.Namespace(run=interrupted))

    assert run.main(["check"]) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def test_what_production_should_not_have_is_advice(folder: Path) -> None:
    checked = Checked(folder, APP_ENV="production", JWT_ACCESS_SECRET=SECRET)

    assert checked.code == 0
    for name in ("ALLOWED_ORIGINS", "PUBLIC_URL", "TRUSTED_PROXIES"):
        (line,) = checked.of(f"! {name}: ")
        assert "Set it to " in line


def test_keys_and_certificates_are_tried(folder: Path) -> None:
    certificate, key = make_certificate(folder)

    checked = Checked(
        folder,
        TLS_CERT_FILE=str(certificate),
        TLS_KEY_FILE=str(key),
        JWT_JWKS_URL="http://127.0.0.1:1/jwks.json",
    )

    assert checked.code == 0
    assert "it ends on " in checked.of("! TLS_CERT_FILE")[0]
    assert "it gives no keys" in checked.of("! JWT_JWKS_URL")[0]
    not_its_key = Checked(folder, TLS_CERT_FILE=str(certificate), TLS_KEY_FILE=str(certificate))
    assert not_its_key.code == 1
    assert "TLS_CERT_FILE and TLS_KEY_FILE cannot be used" in not_its_key.of("✗")[0]


def test_a_redis_is_tried_as_a_server_uses_it(folder: Path, own_redis: RedisServer) -> None:
    own_redis.client.execute_command("CONFIG SET maxmemory 100mb maxmemory-policy allkeys-lru")
    own_redis.client.execute_command(
        "ACL SETUSER narrow on >hunter2 ~regoods:* &regoods:* +@all -publish -eval -evalsha"
    )
    narrow = own_redis.url.replace("//", "//narrow:hunter2@")

    checked = Checked(folder, REDIS_URL=narrow)

    assert checked.code == 0
    pace, memory, rights = [line for line in checked.lines if line[2:].startswith("Redis: ")]
    assert pace[2:].startswith("Redis: answers in ")
    assert "forgets keys (allkeys-lru)" in memory
    assert "refuses this user PUBLISH (" in rights
    assert "EVAL (" in rights
    assert "EVALSHA (" in rights
    for away in (own_redis.url.replace("//", "//narrow:wrong@"), "redis://127.0.0.1:1/0"):
        (line,) = Checked(folder, REDIS_URL=away).of("! Redis")
        assert "it does not answer as it should" in line
        assert "wrong" not in line


def test_the_system_s_limits_are_measured_against_ten_thousand_sockets(folder: Path, tmp_path: Path) -> None:
    checked = Checked(folder, "ulimit -n 1000;")
    assert checked.code == 0
    (line,) = checked.of("! Open files")
    assert "a process may have 1,000" in line
    assert "LimitNOFILE=65536" in line

    file = tmp_path / "somaxconn"
    for waiting, mark in (("128\n", Mark.ADVICE), ("4096\n", Mark.GOOD)):
        file.write_text(waiting)
        assert list(machine.look(file))[-1].mark is mark
