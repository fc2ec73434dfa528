"""Two nodes of one community in the test's own process: one database, and a real Redis between them."""

from collections.abc import Iterator

import msgspec
from tornado.ioloop import IOLoop

from regoods.core.settings import Settings
from tests.support.server import RunningServer

Nodes = tuple[RunningServer, RunningServer]


def two_nodes(io_loop: IOLoop, settings: Settings, redis_url: str) -> Iterator[Nodes]:
    """For a fixture: started, and stopped after the test."""
    settings = msgspec.structs.replace(settings, redis_url=redis_url)
    one, two = RunningServer(settings), RunningServer(settings)

    async def start() -> None:
        for node in (one, two):
            node.start()
            await node.joined()

    async def stop() -> None:
        for node in (one, two):
            await node.stop()

    io_loop.run_sync(start, timeout=30)
    yield one, two
    io_loop.run_sync(stop, timeout=25)
