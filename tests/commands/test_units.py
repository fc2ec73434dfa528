"""Actions of commands, beside servers that write to the same database."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from regoods.commands import units
from regoods.commands.units import Units
from regoods.core import editions
from regoods.core.database import Database
from regoods.core.settings import ROOT, SettingsError
from regoods.core.work import Work, writes_for_anyone


@writes_for_anyone
def do_nothing(_work: Work, user_id: int) -> int:
    return user_id


def test_a_writer_who_keeps_the_file_for_long_is_waited_for_again(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "regoods.db"
    path.write_bytes(sqlite_template.read_bytes())
    monkeypatch.setattr(editions, "BUSY_TIMEOUT_MS", 10)
    database = Database(f"sqlite:///{path}", ROOT)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        waits: list[float] = []

        def wait(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                other.rollback()

        # In that module alone: other threads of the tests sleep, too.
        monkeypatch.setattr(units, "time", SimpleNamespace(sleep=wait))
        other.execute("BEGIN IMMEDIATE")
        assert Units(database).run(do_nothing, 5) == 5
        assert len(waits) == 2

        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SettingsError, match="is locked by another program"):
            Units(database).run(do_nothing, 5)
    database.close()
