"""Servers as processes, for crowds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from tests.support.process import ServerProcess
from tests.support.traffic import FIRST_SENDER

Begin = Callable[..., ServerProcess]


@pytest.fixture
def begin(io_loop: IOLoop, tmp_path: Path) -> Iterator[Begin]:
    """Starts `run.py` on a database, with so many senders in it and no limit to their calls."""
    running: list[ServerProcess] = []

    def new(database_url: str, senders: int, **environment: str) -> ServerProcess:
        given = {
            "DATABASE_URL": database_url,
            "DEMO_USERS": str(FIRST_SENDER + senders),
            "RATE_LIMIT_WRITES_PER_MINUTE": "0",
            "RATE_LIMIT_READS_PER_MINUTE": "0",
        }
        running.append(ServerProcess(tmp_path, **given | environment))
        return running[-1]

    yield new
    for process in running:
        io_loop.run_sync(process.clean_up)
