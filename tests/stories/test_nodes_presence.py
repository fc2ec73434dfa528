"""Sockets of one user on several nodes: who is online, who may have one more, and what a node's end means."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tornado.ioloop import IOLoop

from regoods.core.settings import Settings
from regoods.features.presence import comings
from regoods.realtime import places, redis_places
from regoods.realtime.redis_bus import RedisBus
from regoods.realtime.redis_places import LEAVING
from tests.support.nodes import Nodes, holds, joined, two_nodes
from tests.support.people import LIMIT, Person, Socket
from tests.support.process import ServerProcess
from tests.support.raw_socket import KEY, connect_raw, dial_raw, eventually
from tests.support.redis import RedisServer
from tests.support.server import RunningServer

pytestmark = pytest.mark.editions("sqlite")

GRACE = 0.8
"""Seconds in these tests; `kill -9` has the contract's five."""

HEARTBEAT_MS = 1_500
"""Of the processes."""

FULL = (1008, "Too many connections")


@pytest.fixture
def nodes(io_loop: IOLoop, settings: Settings, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    monkeypatch.setattr(comings, "GRACE_SECONDS", GRACE)
    with two_nodes(io_loop, settings, redis) as running:
        yield running


@pytest.fixture
def on_own_redis(
    io_loop: IOLoop, settings: Settings, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Nodes]:
    monkeypatch.setattr(comings, "GRACE_SECONDS", GRACE)
    with two_nodes(io_loop, settings, own_redis) as running:
        yield running


def entries(redis: RedisServer, user_id: int) -> int:
    return int(redis.client.zcard(f"regoods:sockets:{{{user_id}}}"))


def has(redis: RedisServer, user_id: int, count: int) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return entries(redis, user_id) == count

    return ask


async def come(person: Person, redis: RedisServer) -> Socket:
    """Open a socket, of which the other node knows then: it tells him of whoever comes to it."""
    before = entries(redis, person.user_id)
    socket = await person.connect()
    await eventually(has(redis, person.user_id, before + 1))
    return socket


async def leave(socket: Socket) -> None:
    socket.close()
    await socket.closed()


async def is_online(reader: Person, user_id: int) -> bool:
    (previewed,) = [
        one["isOnline"] for one in (await reader.get("/messages/conversations")).data if one["userId"] == user_id
    ]
    return bool(previewed)


def sees(reader: Person, user_id: int, online: bool) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return await is_online(reader, user_id) is online

    return ask


async def is_silent(socket: Socket) -> bool:
    return await socket.quiet() == [] and not socket.presences


# Presence


async def test_a_partner_on_another_node_comes_and_goes(nodes: Nodes, redis: RedisServer) -> None:
    ann, ben = nodes[0].person(1), nodes[1].person(2)
    await ann.write(ben)
    at_ann = await come(ann, redis)
    assert await is_online(ann, 2) is False

    first = await ben.connect()
    assert (await at_ann.next_presence())[:2] == (2, True)
    assert await is_online(ann, 2) is True
    at_home = await nodes[0].person(2).connect()
    await leave(first)
    assert await is_online(nodes[1].person(1), 2) is True
    begun = time.monotonic()
    await leave(at_home)

    assert (await at_ann.next_presence())[:2] == (2, False)  # and nothing before it
    assert time.monotonic() - begun >= GRACE
    assert await is_online(ann, 2) is False
    assert await is_silent(at_ann)


async def test_a_reload_that_lands_on_another_node_is_no_event(
    nodes: Nodes, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, chloe = nodes[0].person(1), nodes[0].person(3)
    for partner in (2, 3):
        await ann.write(nodes[1].person(partner))
    at_ann, at_ben = await ann.connect(), await nodes[0].person(2).connect()
    at_chloe = await chloe.connect()
    assert [(await at_ann.next_presence())[:2] for _ in range(2)] == [(2, True), (3, True)]

    # However long his ways take, he is back in time.
    monkeypatch.setattr(comings, "GRACE_SECONDS", 10 * LIMIT)
    for node in (nodes[1], nodes[0], nodes[1]):
        await leave(at_ben)
        await eventually(has(redis, 2, 0))
        at_ben = await node.person(2).connect()
        await eventually(has(redis, 2, 1))
    await leave(at_chloe)
    monkeypatch.setattr(comings, "GRACE_SECONDS", GRACE)

    # Hers is the first, though he left before her and his grace was over first.
    assert (await at_ann.next_presence())[:2] == (3, False)
    assert await is_silent(at_ann)
    await leave(at_ben)
    assert (await at_ann.next_presence())[:2] == (2, False)


async def test_who_is_back_after_the_grace_is_told_of_anew_and_in_order(nodes: Nodes) -> None:
    ann = nodes[0].person(1)
    await ann.write(nodes[1].person(2))
    at_ann, at_ben = await ann.connect(), await nodes[0].person(2).connect()
    told = [(await at_ann.next_presence())[:2]]

    for node in (nodes[1], nodes[0]):
        await leave(at_ben)
        told.append((await at_ann.next_presence())[:2])
        at_ben = await node.person(2).connect()
        told.append((await at_ann.next_presence())[:2])

    assert told == [(2, True), (2, False)] * 2 + [(2, True)]


# Places


async def test_the_sixth_socket_is_refused_on_whichever_node(
    nodes: Nodes, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All answer, so none is waited for: the time to answer in is longer than any test.
    monkeypatch.setattr(places, "PROBE_SECONDS", 10 * LIMIT)
    monkeypatch.setattr(redis_places, "LOOKS", int(10 * LIMIT * redis_places.LOOKS))
    one, two = nodes[0].person(1), nodes[1].person(1)
    tabs = [await one.connect() for _ in range(3)] + [await two.connect() for _ in range(2)]

    assert await (await two.dial()).closed() == FULL
    assert (await dial_raw(one)).answer.status == 429  # the other node knows that he has been told
    assert entries(redis, 1) == 5

    await leave(tabs[0])
    tabs[0] = await two.connect()
    assert await (await one.dial()).closed() == FULL  # full anew, so told anew
    assert (await dial_raw(two)).answer.status == 429
    for tab in tabs:
        assert await tab.quiet() == []


async def test_dead_sockets_of_another_node_give_way(nodes: Nodes, redis: RedisServer) -> None:
    one, two = nodes[0].person(1), nodes[1].person(1)
    living = [await one.connect(), await two.connect()]
    dead = [await connect_raw(one), await connect_raw(two), await connect_raw(two)]

    newest = await one.connect()

    for raw in dead:
        assert (await raw.closed())[0] == 4009
    await eventually(has(redis, 1, 3))
    for tab in (*living, newest):
        assert await tab.quiet() == []


async def test_what_was_refused_on_one_node_is_kept_out_on_the_other(nodes: Nodes) -> None:
    for token, reason, code in (
        ("rubbish", "Invalid token", "INVALID_TOKEN"),
        ("", "Token required", "UNAUTHORIZED"),
    ):
        refused = await dial_raw(nodes[0].person(1), token)
        assert await refused.closed() == (1008, reason)

        for node in (nodes[1], nodes[0]):
            answer = (await dial_raw(node.person(1), token)).answer
            assert (answer.status, answer.error["code"]) == (401, code)
    await nodes[1].person(1).connect()


async def test_an_aborted_handshake_holds_no_place(nodes: Nodes, redis: RedisServer) -> None:
    ann = nodes[0].person(1)
    address = urlsplit(ann.base_url)
    redis.client.config_resetstat()
    for _ in range(5):
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            f"GET /messages?token={ann.token()} HTTP/1.1\r\nHost: regoods\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        writer.close()  # before it is answered

    async def none_is_held() -> bool:
        freed = redis.client.info("commandstats").get("cmdstat_zrem", {}).get("calls", 0)
        return freed >= 5 and not redis.client.exists("regoods:taken:{1}", "regoods:sockets:{1}")

    await eventually(none_is_held)
    await nodes[1].person(1).connect()


# A node's end


async def test_a_node_stops_and_its_users_are_told_of_unless_they_come_back(
    nodes: Nodes, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = nodes[0].person(1)
    for partner in (2, 3):
        await ann.write(nodes[1].person(partner))
    at_ann = await come(ann, redis)
    tabs = [await nodes[1].person(user_id).connect() for user_id in (2, 3)]
    assert {(await at_ann.next_presence())[:2] for _ in tabs} == {(2, True), (3, True)}

    monkeypatch.setattr(comings, "GRACE_SECONDS", 10 * LIMIT)
    stopping = asyncio.ensure_future(nodes[1].app.stop(nodes[1].http))
    for tab in tabs:
        assert await tab.closed() == (1001, "Server is restarting")
    await nodes[0].person(2).connect()
    await stopping
    monkeypatch.setattr(comings, "GRACE_SECONDS", GRACE)

    assert (await at_ann.next_presence())[:2] == (3, False)
    assert await is_online(ann, 2) is True
    assert await is_online(ann, 3) is False
    assert await is_silent(at_ann)


@pytest.fixture
def processes(io_loop: IOLoop, tmp_path: Path, database_url: str, redis: RedisServer) -> Iterator[list[ServerProcess]]:
    """Two of them that hear each other, with a short heartbeat: longer than a process may stand still."""
    started: list[ServerProcess] = []

    async def start() -> None:
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            started.append(
                await ServerProcess(
                    folder, DATABASE_URL=database_url, REDIS_URL=redis.url, WS_HEARTBEAT_INTERVAL=str(HEARTBEAT_MS)
                ).started()
            )
        for process in started:
            await joined(process.person(1))

    async def stop() -> None:
        for process in started:
            await process.clean_up()

    io_loop.run_sync(start, timeout=60)
    yield started
    io_loop.run_sync(stop, timeout=30)


async def test_who_was_on_a_killed_node_goes_offline_and_his_places_are_free(
    processes: list[ServerProcess], redis: RedisServer
) -> None:
    ann = processes[0].person(1)
    await ann.write(processes[1].person(2))
    at_ann = await come(ann, redis)
    for _ in range(5):
        await processes[1].person(2).connect()
    assert (await at_ann.next_presence())[:2] == (2, True)
    await eventually(has(redis, 2, 5))

    # By Redis' own time they count for three heartbeats at most, if nobody refreshes them.
    untils = [until / 1000 for _, until in redis.client.zrange("regoods:sockets:{2}", 0, -1, withscores=True)]
    seconds, microseconds = redis.client.time()  # after them, for they are refreshed all the time
    assert len(untils) == 5
    assert max(untils) - (seconds + microseconds / 1_000_000) <= 3 * HEARTBEAT_MS / 1000

    processes[1].signal(signal.SIGKILL)

    await eventually(sees(ann, 2, False))
    assert (await at_ann.next_presence())[:2] == (2, False)
    assert len(redis.client.keys("regoods:users:*")) == 1
    for _ in range(5):
        await processes[0].person(2).connect()


@pytest.mark.settings(ws_heartbeat_interval=300_000)
async def test_the_sockets_of_a_node_that_answers_no_more_give_way_in_a_second(
    nodes: Nodes, redis: RedisServer
) -> None:
    """Long before its entries expire."""
    redis.client.zadd("regoods:sockets:{1}", {f"dead:{number}": time.time() * 1000 + 600_000 for number in range(4)})
    tab = await nodes[0].person(1).connect()
    begun = time.monotonic()

    await nodes[1].person(1).connect()

    assert time.monotonic() - begun >= places.PROBE_SECONDS
    await eventually(has(redis, 1, 2))
    assert await tab.quiet() == []


async def test_a_node_that_was_taken_for_dead_comes_back(nodes: Nodes, redis: RedisServer) -> None:
    ann = nodes[0].person(1)
    await ann.write(nodes[1].person(2))
    at_ann, at_ben = await come(ann, redis), await nodes[1].person(2).connect()
    assert (await at_ann.next_presence())[:2] == (2, True)

    # It is frozen, as far as Redis can tell, until the other one has taken over.
    nodes[1].app.heartbeat.stop()
    node = nodes[1].app.bus.node.decode()  # type: ignore[attr-defined]
    nodes[1].app.places._looking.cancel()  # type: ignore[attr-defined]
    # Answered after all that was sent before it.
    await nodes[1].app.bus.link.ask("PING")  # type: ignore[attr-defined]
    redis.client.zadd("regoods:alive:{nodes}", {node: 1})
    assert (await at_ann.next_presence())[:2] == (2, False)
    assert await is_online(ann, 2) is False
    places = nodes[1].app.places
    places._looking = asyncio.ensure_future(places._look_again_and_again())  # type: ignore[attr-defined]
    nodes[1].app.heartbeat.start()

    assert (await at_ann.next_presence())[:2] == (2, True)
    assert await is_online(ann, 2) is True
    await at_ben.quiet()


@pytest.mark.settings(ws_heartbeat_interval=500)
async def test_a_socket_is_refreshed_by_the_name_of_a_script_that_redis_may_forget(
    on_own_redis: Nodes, own_redis: RedisServer
) -> None:
    await on_own_redis[0].person(1).connect()
    await eventually(has(own_redis, 1, 1))

    def expires() -> float:
        ((_, score),) = own_redis.client.zrange("regoods:sockets:{1}", 0, -1, withscores=True)
        return float(score)

    for _ in range(2):
        before, ran = expires(), own_redis.ran("evalsha")
        await holds(lambda ran=ran: own_redis.ran("evalsha") > ran + 1)
        assert expires() > before
        own_redis.client.script_flush()


async def test_who_leaves_while_redis_learns_the_script_is_not_put_back(
    on_own_redis: Nodes, own_redis: RedisServer
) -> None:
    app = on_own_redis[0].app
    await on_own_redis[0].person(1).connect()
    await eventually(has(own_redis, 1, 1))
    (connection,) = app.registry.of(1)

    app.places.refresh([connection])
    connection.transport.abort()
    await eventually(has(own_redis, 1, 0))
    # Answered after all that was sent before it.
    await app.bus.link.ask("PING")  # type: ignore[attr-defined]

    # The heartbeat may have asked, too.
    assert own_redis.client.info("errorstats")["errorstat_NOSCRIPT"]["count"] >= 1
    assert entries(own_redis, 1) == 0


# Without Redis


async def test_while_redis_is_away_and_when_it_is_back_nobody_goes_offline(
    on_own_redis: Nodes, own_redis: RedisServer
) -> None:
    nodes = on_own_redis
    ann = nodes[0].person(1)
    for partner in (2, 3, 4, 5):
        await ann.write(nodes[1].person(partner))
    at_ann = await come(ann, own_redis)
    at_ben = [await nodes[1].person(2).connect() for _ in range(2)]
    at_chloe = await nodes[1].person(3).connect()
    assert {(await at_ann.next_presence())[:2] for _ in range(2)} == {(2, True), (3, True)}
    assert await is_online(ann, 2) is True

    own_redis.kill()
    for node in nodes:
        await lost_its_link(node)
    assert await is_online(ann, 2) is True
    assert await is_online(ann, 3) is True
    at_ben += [await nodes[1].person(2).connect() for _ in range(3)]
    assert await (await nodes[1].person(2).dial()).closed() == FULL  # the limit of this node alone
    await leave(at_chloe)

    own_redis.start()
    while await away(nodes):
        assert await is_online(ann, 2) is True
    await eventually(has(own_redis, 2, 5))
    assert await is_online(ann, 2) is True
    assert await (await nodes[0].person(2).dial()).closed() == FULL
    # Had he been taken for gone, it would be told before those who go now, whichever node was wrong.
    told = []
    for node, user_id in zip(nodes, (4, 5), strict=True):
        tab = await node.person(user_id).connect()
        while (event := (await at_ann.next_presence())[:2]) != (user_id, True):
            told.append(event)
        await leave(tab)
    while not {(4, False), (5, False)} <= set(told):
        told.append((await at_ann.next_presence())[:2])
    # Of her that may be told who left while Redis was away.
    assert set(told) <= {(3, False), (4, False), (5, False)}
    assert await at_ann.quiet() == []


async def test_who_seemed_to_go_while_redis_was_away_is_told_of_when_it_is_back(
    on_own_redis: Nodes, own_redis: RedisServer
) -> None:
    nodes = on_own_redis
    ann = nodes[0].person(1)
    await ann.write(nodes[1].person(2))
    at_ann = await ann.connect()
    here, _there = await nodes[0].person(2).connect(), await nodes[1].person(2).connect()
    assert (await at_ann.next_presence())[:2] == (2, True)

    own_redis.kill()
    bus = await lost_its_link(nodes[0])
    await leave(here)
    assert (await at_ann.next_presence())[:2] == (2, False)  # by what this node knows
    bus._subscriber._attempts = 4  # so it hears later than the other one speaks
    own_redis.start()

    assert (await at_ann.next_presence())[:2] == (2, True)
    await eventually(sees(ann, 2, True))


async def lost_its_link(node: RunningServer) -> RedisBus:
    """Wait until it knows that it may not speak, which takes a second; that it hears nothing it knows at once."""
    bus = node.app.bus
    assert isinstance(bus, RedisBus)
    await holds(lambda: not bus.link.connected)
    return bus


async def away(nodes: Nodes) -> bool:
    return any(node.app.bus.degraded for node in nodes)


@pytest.mark.parametrize("turns", range(4))
async def test_two_nodes_that_leave_at_the_same_moment_both_end(nodes: Nodes, turns: int) -> None:
    """What the other one says of its end may come in any turn of the loop before this one's own."""
    places, bus = nodes[0].app.places, nodes[0].app.bus
    assert isinstance(bus, RedisBus)
    bus.heard[LEAVING](0)
    for _ in range(turns):
        await asyncio.sleep(0)

    places.retire()

    ended, _ = await asyncio.wait([asyncio.ensure_future(places.stop())], timeout=LIMIT)
    assert ended


async def test_whose_coming_could_not_be_written_is_told_of_as_gone(
    on_own_redis: Nodes, own_redis: RedisServer
) -> None:
    """Redis remembers his going before, of which was told, and not that he came back."""
    nodes = on_own_redis
    ann, ben = nodes[0].person(1), nodes[1].person(2)
    await ann.write(ben)
    at_ann, at_ben = await come(ann, own_redis), await ben.connect()
    told = [(await at_ann.next_presence())[:2]]
    await leave(at_ben)
    told.append((await at_ann.next_presence())[:2])
    own_redis.client.execute_command("ACL SETUSER default -eval")
    at_ben = await ben.connect()
    told.append((await at_ann.next_presence())[:2])
    own_redis.client.execute_command("ACL SETUSER default +eval")

    await leave(at_ben)

    told.append((await at_ann.next_presence())[:2])
    assert told == [(2, True), (2, False)] * 2


async def test_of_who_is_long_gone_nothing_is_left_though_it_was_not_removed_at_once(
    on_own_redis: Nodes, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_places, "DEPARTED_SECONDS", 0.2)
    bus = on_own_redis[0].app.bus
    assert isinstance(bus, RedisBus)
    users = bus.link.name("users", bus.node)
    own_redis.client.execute_command("ACL SETUSER default -srem")
    at_ben = await on_own_redis[0].person(2).connect()
    await leave(at_ben)
    await holds(lambda: own_redis.client.info("commandstats").get("cmdstat_srem", {}).get("rejected_calls"))
    assert own_redis.client.smembers(users) == {"2"}

    own_redis.client.execute_command("ACL SETUSER default +srem")

    await holds(lambda: not own_redis.client.smembers(users))
