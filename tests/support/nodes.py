"""Several nodes, one community: real servers on one database, joined by a real Redis."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from tornado.ioloop import IOLoop

from regoods.core.settings import Settings
from tests.support.people import Person
from tests.support.raw_socket import eventually
from tests.support.redis import RedisCluster, RedisServer
from tests.support.server import RunningServer

Nodes = tuple[RunningServer, RunningServer]


async def holds(condition: Callable[[], object]) -> None:
    """Wait until this holds."""

    async def ask() -> object:
        return condition()

    await eventually(ask)


async def joined(person: Person) -> None:
    """Once the node that answers hears Redis."""

    async def is_joined() -> bool:
        return not (await person.get("/health/ready", root="", token="")).body.get("degraded")

    await eventually(is_joined)


async def queued(person: Person, count: int, lane: str = "writes") -> None:
    """Wait until so many wait for the database, or are with it, at the node that answers."""

    async def are_queued() -> bool:
        stats = await person.get("/health/websocket-stats", root="", token="")
        return bool(stats.body["queues"][lane] == count)

    await eventually(are_queued)


def at(nodes: Nodes, user_id: int) -> tuple[Person, Person]:
    """One user at each node."""
    return nodes[0].person(user_id), nodes[1].person(user_id)


@contextmanager
def two_nodes(io_loop: IOLoop, settings: Settings, redis: RedisServer | RedisCluster) -> Iterator[Nodes]:
    """Two that hear each other, with one clock; stopped at the end."""
    settings = msgspec.structs.replace(settings, redis_url=redis.url)
    one = RunningServer(settings)
    two = RunningServer(settings, one.clock)

    async def start() -> None:
        for node in (one, two):
            node.start()
        for node in (one, two):
            await node.joined()

    async def stop() -> None:
        for node in (one, two):
            await node.stop()

    io_loop.run_sync(start, timeout=30)
    yield one, two
    io_loop.run_sync(stop, timeout=25)
