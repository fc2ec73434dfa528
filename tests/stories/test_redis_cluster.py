"""Two nodes joined by a Redis Cluster of three servers: each has a part of the channels."""

from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

from regoods.core.settings import Settings
from tests.conftest import start_or_skip
from tests.support.databases import server_folder
from tests.support.nodes import Nodes, holds, two_nodes
from tests.support.raw_socket import eventually
from tests.support.redis import RedisCluster, RedisServer

pytestmark = pytest.mark.editions("sqlite")


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    with server_folder() as folder:
        started = start_or_skip(RedisCluster, folder)
        yield started
        started.stop()


@pytest.fixture
def nodes(io_loop: IOLoop, settings: Settings, cluster: RedisCluster) -> Iterator[Nodes]:
    with two_nodes(io_loop, settings, cluster) as running:
        yield running


async def test_everyone_hears_everyone(nodes: Nodes, cluster: RedisCluster) -> None:
    one, two = nodes
    people = [one.person(1), *(two.person(user_id) for user_id in range(2, 7))]
    sockets = [await person.connect() for person in people]

    for reader, socket in zip(people[1:], sockets[1:], strict=True):
        sent = await people[0].write(reader)
        assert await socket.next() == {"type": "message", "message": sent}
    sent = await people[1].write(people[0])
    while (heard := await sockets[0].next())["type"] != "message":
        pass
    assert heard["message"] == sent
    # The channels lie on several servers, as sharded ones.
    busy = [server for server in cluster.servers if server.client.execute_command("PUBSUB SHARDCHANNELS")]
    assert len(busy) > 1


async def test_who_is_online_and_who_is_one_too_many(nodes: Nodes, cluster: RedisCluster) -> None:
    ann, ben = nodes[0].person(1), nodes[1].person(2)
    await ann.write(ben)
    at_ann = await ann.connect()
    # The other node knows of her: it is the one to tell her.
    await holds(lambda: any(server.client.keys("regoods:sockets:{1}") for server in cluster.servers))
    tabs = [await ben.connect() for _ in range(4)] + [await nodes[0].person(2).connect()]
    assert (await at_ann.next_presence())[:2] == (2, True)
    assert (await nodes[1].person(1).get("/messages/conversations")).data[0]["isOnline"] is True

    async def is_online() -> bool:
        return bool((await nodes[1].person(2).get("/messages/conversations")).data[0]["isOnline"])

    await eventually(is_online)  # read through the cluster, for Ann is on the other node
    assert await (await ben.dial()).closed() == (1008, "Too many connections")
    for tab in tabs:
        assert await tab.quiet() == []


@pytest.mark.settings(ws_heartbeat_interval=500)
async def test_each_server_learns_the_script_that_refreshes_its_sockets(nodes: Nodes, cluster: RedisCluster) -> None:
    for user_id in range(1, 7):
        await nodes[0].person(user_id).connect()

    def with_sockets() -> list[RedisServer]:
        return [server for server in cluster.servers if server.client.keys("regoods:sockets:*")]

    await holds(lambda: sum(len(server.client.keys("regoods:sockets:*")) for server in with_sockets()) == 6)
    assert len(with_sockets()) > 1
    for _ in range(2):
        for server in with_sockets():
            ran = server.ran("evalsha")
            await holds(lambda server=server, ran=ran: server.ran("evalsha") > ran + 1)
            server.client.script_flush()
    assert sum(len(server.client.keys("regoods:sockets:*")) for server in with_sockets()) == 6


async def test_a_cluster_that_is_killed_and_comes_back(nodes: Nodes, cluster: RedisCluster) -> None:
    one, two = nodes
    ann, ben = one.person(1), two.person(2)
    at_ben = await ben.connect()
    for server in cluster.servers:
        server.kill()
    for node in nodes:
        await holds(lambda node=node: node.app.bus.degraded)

    await ann.write(ben)
    assert (await ann.get("/messages/conversations")).status == 200
    assert await at_ben.until("resync") == {"type": "resync", "since": 0, "latest": 1}
    for server in cluster.servers:
        server.start()
    for node in nodes:
        await node.joined()

    sent = await ann.write(ben)
    assert await at_ben.until("message") == {"type": "message", "message": sent}
