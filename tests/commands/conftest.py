"""`run.py` in processes of its own, as servers and as commands beside them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from tests.support.process import ServerProcess

Start = Callable[..., ServerProcess]


@pytest.fixture
def start(io_loop: IOLoop, tmp_path: Path) -> Iterator[Start]:
    """Starts processes on one database, and ends those that still live."""
    running: list[ServerProcess] = []

    def new(*arguments: str, **environment: str) -> ServerProcess:
        running.append(ServerProcess(tmp_path, *arguments, **environment))
        return running[-1]

    yield new
    for process in running:
        io_loop.run_sync(process.clean_up)
