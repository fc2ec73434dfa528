"""Redis is killed, frozen and restarted, and drops those who listen: nobody misses a message that was acknowledged."""

import asyncio
import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from tornado.ioloop import IOLoop

from regoods.core import redis_link
from regoods.core.settings import Settings
from regoods.realtime import redis_bus
from regoods.realtime.redis_bus import RedisBus
from tests.support.follower import Follower
from tests.support.nodes import Nodes, holds, two_nodes
from tests.support.process import Start
from tests.support.raw_socket import eventually
from tests.support.redis import RedisServer
from tests.support.server import RunningServer

PER_SECOND = 200
SECONDS = 5
NO_LIMITS = {"RATE_LIMIT_WRITES_PER_MINUTE": "0", "RATE_LIMIT_READS_PER_MINUTE": "0"}


@pytest.fixture
def nodes(io_loop: IOLoop, settings: Settings, own_redis: RedisServer) -> Iterator[Nodes]:
    """Two servers joined by a Redis of their own."""
    with two_nodes(io_loop, settings, own_redis) as running:
        yield running


async def apart(node: RunningServer) -> None:
    await holds(lambda: node.app.bus.degraded)


async def publish_refused(node: RunningServer, redis: RedisServer, user_id: int) -> None:
    """Have an event of this user refused by Redis, and be told so, before others may be published again."""
    bus = node.app.bus
    assert isinstance(bus, RedisBus)
    redis.client.execute_command("ACL SETUSER default -publish")
    await node.person(1).write(node.person(user_id))
    await holds(lambda: user_id in (bus._unpublished or ()))
    redis.client.execute_command("ACL SETUSER default +publish")


async def test_redis_is_killed_and_restarted_under_traffic(own_redis: RedisServer, start: Start) -> None:
    # Two nodes as processes of their own, on one SQLite file and one Redis.
    one, two = [await start(REDIS_URL=own_redis.url, **NO_LIMITS).started() for _ in range(2)]
    readers = {
        user_id: await Follower(lambda _, user_id=user_id: (one, two)[user_id % 2].person(user_id)).connected()
        for user_id in range(1, 11)
    }
    acknowledged: dict[int, list[int]] = {user_id: [] for user_id in readers}

    async def send(number: int) -> None:
        recipient = 1 + number % 10
        sender = (one, two)[number // 10 % 2].person(11 + number % 9)
        answer = await sender.post("/messages", {"recipientId": recipient, "messageContent": f"Number {number}"})
        assert answer.status == 201
        acknowledged[recipient].append(answer.data["messageId"])

    sending, begun = [], time.monotonic()
    for number in range(PER_SECOND * SECONDS):
        if number == PER_SECOND * SECONDS // 4:
            own_redis.kill()
        elif number == PER_SECOND * SECONDS // 2:
            own_redis.start()
        sending.append(asyncio.ensure_future(send(number)))
        await asyncio.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))
    await asyncio.gather(*sending)

    assert sum(map(len, acknowledged.values())) == PER_SECOND * SECONDS
    for user_id, reader in readers.items():
        await reader.until(lambda user_id=user_id, reader=reader: len(reader.messages) >= len(acknowledged[user_id]))
        assert reader.messages == dict.fromkeys(acknowledged[user_id], 1)
    assert sum(reader.resyncs for reader in readers.values()) > 0
    for reader in readers.values():
        await reader.stop()


@pytest.mark.editions("sqlite")
async def test_without_redis_a_node_serves_its_own(nodes: Nodes, own_redis: RedisServer) -> None:
    ann, ben = nodes[0].person(1), nodes[0].person(2)
    at_ben = await ben.connect()
    own_redis.stop()
    for node in nodes:
        await apart(node)

    ready = await ann.get("/health/ready", root="")
    assert (ready.status, ready.body) == (200, {"status": "degraded", "degraded": ["redis"]})
    sent = await ann.write(ben, "Redis or no Redis")
    assert await at_ben.next() == {"type": "message", "message": sent}
    assert (await ben.connect()).latest == 1
    await holds(lambda: nodes[0].app.metrics.bus.lag_seconds > 1)

    own_redis.start()
    for node in nodes:
        await node.joined()


async def test_those_elsewhere_are_told_when_redis_is_back_and_no_others(nodes: Nodes, own_redis: RedisServer) -> None:
    one, two = nodes
    at_ben, at_chloe = await two.person(2).connect(), await two.person(3).connect()
    own_redis.stop()
    await apart(one)
    sent = await one.person(1).write(two.person(2), "While Redis was away")
    own_redis.start()

    assert await at_ben.next() == {"type": "resync", "since": 0, "latest": 1}

    missed = (await two.person(2).get("/messages/sync?since=0")).data
    assert [event["message"] for event in missed["events"]] == [sent]
    for node in nodes:
        await node.joined()  # he may have been told by the log before
    again = await one.person(1).write(two.person(2), "And since")
    assert await at_ben.next() == {"type": "message", "message": again}
    assert await at_chloe.quiet() == []


@pytest.mark.editions("sqlite")
async def test_while_redis_is_away_those_elsewhere_are_told_by_the_log(nodes: Nodes, own_redis: RedisServer) -> None:
    one, two = nodes
    at_ben = await two.person(2).connect()
    own_redis.stop()
    await apart(two)

    await one.person(1).write(two.person(2))

    assert await at_ben.next() == {"type": "resync", "since": 0, "latest": 1}


@pytest.mark.editions("sqlite")
async def test_a_frozen_redis_holds_nobody_up(
    nodes: Nodes, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who waits for its answer waits longer than a test's process stands still.
    monkeypatch.setattr(redis_link, "REPLY_SECONDS", 5.0)
    one, two = nodes
    ann, ben = one.person(1), two.person(2)
    at_ann, at_ben = await ann.connect(), await ben.connect()
    own_redis.freeze()

    begun = time.monotonic()
    sent = await ann.write(ben, "Into the ice")
    assert time.monotonic() - begun < redis_link.REPLY_SECONDS
    assert await at_ann.next() == {"type": "message_sent", "message": sent}
    for node in nodes:
        await apart(node)
    own_redis.thaw()

    # Redis may still deliver what it had received, or he is told.
    heard = await at_ben.next()
    assert heard in ({"type": "message", "message": sent}, {"type": "resync", "since": 0, "latest": 1})


@pytest.mark.editions("sqlite")
async def test_a_subscriber_that_redis_drops_comes_back_and_looks(nodes: Nodes, own_redis: RedisServer) -> None:
    one, two = nodes
    at_ben = await two.person(2).connect()
    own_redis.client.client_kill_filter(_type="pubsub")

    sent = await one.person(1).write(two.person(2))

    heard = await at_ben.next()
    assert heard in ({"type": "message", "message": sent}, {"type": "resync", "since": 0, "latest": 1})
    await two.joined()
    again = await one.person(1).write(two.person(2))
    assert await at_ben.next() == {"type": "message", "message": again}


@pytest.mark.editions("sqlite")
async def test_a_node_that_could_not_publish_says_so_later(nodes: Nodes, own_redis: RedisServer) -> None:
    """The others still listen, and nothing tells them that they missed something."""
    one, two = nodes
    at_ben, at_chloe = await two.person(2).connect(), await two.person(3).connect()
    await publish_refused(one, own_redis, 2)

    assert await at_ben.next() == {"type": "resync", "since": 0, "latest": 1}
    assert await at_chloe.quiet() == []


@pytest.mark.editions("sqlite")
async def test_a_look_into_the_log_that_fails_is_not_the_last_one(
    nodes: Nodes, own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the database says: here a number that is none."""
    one, two = nodes
    at_ben = await two.person(2).connect()
    await one.person(1).write(two.person(2))
    assert (await at_ben.next())["type"] == "message"
    two.execute(sa.text("UPDATE MessagingCursors SET Latest = 'one' WHERE UserID = 2"))
    own_redis.client.publish("regoods:nodes", "all-behind other 0")
    await holds(lambda: "looking into the users' logs failed" in caplog.text)
    two.execute(sa.text("UPDATE MessagingCursors SET Latest = 1 WHERE UserID = 2"))

    await publish_refused(one, own_redis, 2)

    assert await at_ben.next() == {"type": "resync", "since": 1, "latest": 2}


@pytest.mark.editions("sqlite")
async def test_what_is_missed_between_the_look_into_the_log_and_the_socket_is_told(
    nodes: Nodes, own_redis: RedisServer
) -> None:
    """A handshake that takes as long as it takes the subscription to come back."""
    one, two = nodes
    bus = two.app.bus
    assert isinstance(bus, RedisBus)
    own_redis.client.execute_command("ACL SETUSER default -subscribe")
    own_redis.client.client_kill_filter(_type="pubsub")
    await apart(two)
    await bus.follow(2)
    await one.person(1).write(two.person(2))
    own_redis.client.execute_command("ACL SETUSER default +subscribe")
    await two.joined()
    await holds(lambda: not bus._compare_all)
    begun = time.monotonic()

    bus.numbers.joined(2, 0)

    await holds(lambda: two.app.metrics.bus.resyncs)
    assert time.monotonic() - begun < 5  # and not by the look at all, each half minute


@pytest.mark.editions("sqlite")
async def test_channels_of_those_who_are_gone_are_left(
    nodes: Nodes, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, ben = nodes[0].person(1), nodes[0].person(2)
    at_ann, at_ben = await ann.connect(), await ben.connect()
    await nodes[0].app.bus.follow(3)  # a handshake that came to nothing
    await holds(lambda: len(own_redis.client.pubsub_channels("regoods:user:*")) == 3)

    monkeypatch.setattr(redis_bus, "IDLE_SWEEPS", 1)
    at_ben.close()
    await holds(lambda: own_redis.client.pubsub_channels("regoods:user:*") == ["regoods:user:1"])

    at_ben = await ben.connect()
    sent = await nodes[1].person(1).write(ben)
    assert await at_ben.next() == {"type": "message", "message": sent}
    assert await at_ann.next() == {"type": "message_sent", "message": sent}


@pytest.mark.editions("sqlite")
async def test_a_channel_left_while_its_handshake_still_lasts_is_followed_again(
    nodes: Nodes, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that hangs may hold a handshake for longer than a channel is kept for nobody."""
    one, two = nodes
    await two.app.bus.follow(2)
    await holds(lambda: own_redis.client.pubsub_channels("regoods:user:*") == ["regoods:user:2"])
    monkeypatch.setattr(redis_bus, "IDLE_SWEEPS", 1)
    await holds(lambda: not own_redis.client.pubsub_channels("regoods:user:*"))
    await one.person(1).write(two.person(2))

    two.app.bus.numbers.joined(2, 0)

    await holds(lambda: own_redis.client.pubsub_channels("regoods:user:*") == ["regoods:user:2"])
    await holds(lambda: two.app.metrics.bus.resyncs)


@pytest.mark.editions("sqlite")
async def test_a_redis_that_answers_and_runs_no_scripts_is_said_to_be_away(
    nodes: Nodes, own_redis: RedisServer
) -> None:
    ann = nodes[0].person(1)
    assert (await ann.get("/health/ready", root="")).body == {"status": "ok", "degraded": []}
    own_redis.client.execute_command("ACL SETUSER default -eval -evalsha")

    async def is_degraded() -> bool:
        return bool((await ann.get("/health/ready", root="")).body == {"status": "degraded", "degraded": ["redis"]})

    await eventually(is_degraded)
    assert (await ann.post("/messages", raw=b"{")).status == 400
    await holds(lambda: nodes[0].app.metrics.bus.limits_alone == 1)
    for total in (2, 3):
        assert (await ann.post("/messages", raw=b"{")).status == 400
        await holds(lambda total=total: nodes[0].app.metrics.bus.limits_alone == total)

    own_redis.client.execute_command("ACL SETUSER default +eval +evalsha")
    await nodes[0].joined()
