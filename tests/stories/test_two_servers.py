"""Two servers in one process, each with its own registry, limits and memory: what a test of several nodes stands on."""

from collections.abc import Callable, Iterator

import msgspec
import pytest
from tornado.ioloop import IOLoop

from regoods.core.settings import Settings
from tests.support.people import Person
from tests.support.raw_socket import dial_raw
from tests.support.server import RunningServer, serving


@pytest.fixture
def other(io_loop: IOLoop, settings: Settings, new_database: Callable[[str], str]) -> Iterator[RunningServer]:
    settings = msgspec.structs.replace(settings, database_url=new_database("other"))
    with serving(io_loop, RunningServer(settings)) as other:
        yield other


async def test_each_server_knows_its_own_sockets(
    server: RunningServer, other: RunningServer, ann: Person, ben: Person
) -> None:
    at_ann, at_ben = await ann.connect(), await other.person(2).connect()

    assert server.app.socket_class is not other.app.socket_class
    assert server.app.socket_class.registry is server.app.registry
    assert (server.app.registry.is_online(1), server.app.registry.is_online(2)) == (True, False)
    assert (other.app.registry.is_online(1), other.app.registry.is_online(2)) == (False, True)

    await ann.write(ben)
    assert [event["type"] for event in await at_ann.quiet()] == ["message_sent"]
    assert await at_ben.quiet() == []
    assert (await other.person(2).get("/messages/unread-count")).data == {"count": 0}


async def test_each_server_counts_for_itself(server: RunningServer, other: RunningServer, ann: Person) -> None:
    for _ in range(5):
        await ann.connect()
    assert (await (await ann.dial()).closed())[1] == "Too many connections"

    elsewhere = await other.person(1).connect()

    assert await elsewhere.quiet() == []
    for running, open_here in ((server, 5), (other, 1)):
        stats = (await running.person(1).get("/health/websocket-stats", root="")).body
        assert stats["activeConnections"] == open_here


async def test_each_server_remembers_its_own_refusals(other: RunningServer, ann: Person) -> None:
    assert (await (await ann.dial("rubbish")).closed()) == (1008, "Invalid token")
    assert (await dial_raw(ann, "rubbish")).answer.status == 401

    assert (await (await other.person(1).dial("rubbish")).closed()) == (1008, "Invalid token")


async def test_the_end_of_one_is_nothing_to_the_other(
    settings: Settings, new_database: Callable[[str], str], server: RunningServer, ann: Person, ben: Person
) -> None:
    third = RunningServer(msgspec.structs.replace(settings, database_url=new_database("third")))
    third.start()
    at_third, at_ben = await third.person(2).connect(), await ben.connect()

    await third.app.stop(third.http)

    assert await at_third.closed() == (1001, "Server is restarting")
    sent = await ann.write(ben)
    assert await at_ben.next() == {"type": "message", "message": sent}
