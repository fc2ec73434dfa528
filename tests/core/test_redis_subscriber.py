"""What a node hears from a real Redis: channels followed and left."""

import logging
from collections.abc import Sized

import pytest

from regoods.core.redis_subscriber import RedisSubscriber
from tests.support.nodes import holds
from tests.support.redis import RedisServer


async def test_nothing_is_kept_of_channels_that_were_left(redis: RedisServer) -> None:
    heard: list[bytes] = []
    subscriber = RedisSubscriber(redis.url, lambda channel, _: heard.append(channel), lambda: None)
    subscriber.follow(b"node")
    subscriber.start()
    await holds(lambda: subscriber.connected)
    held = {name: len(value) for name, value in vars(subscriber).items() if isinstance(value, Sized)}

    for number in range(100):
        subscriber.follow(b"user:%d" % number)
    await holds(lambda: len(redis.client.pubsub_channels("user:*")) == 100)
    for number in range(100):
        subscriber.leave(b"user:%d" % number)
    await holds(lambda: not redis.client.pubsub_channels("user:*"))
    subscriber.follow(b"last")

    await holds(lambda: subscriber.follow(b"last") is None)
    subscriber.leave(b"last")
    await holds(lambda: not redis.client.pubsub_channels("last"))
    redis.client.publish("node", "")
    await holds(lambda: heard)
    assert {name: len(value) for name, value in vars(subscriber).items() if isinstance(value, Sized)} == held
    await subscriber.stop()


async def test_who_may_not_subscribe_is_told_so_once(redis: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    redis.client.execute_command("ACL SETUSER sender on >secret ~* +@all resetchannels")
    url = redis.url.replace("redis://", "redis://sender:secret@")
    returned: list[None] = []
    subscriber = RedisSubscriber(url, lambda _channel, _payload: None, lambda: returned.append(None))
    subscriber.follow(b"node")

    with caplog.at_level(logging.DEBUG):
        subscriber.start()
        await holds(lambda: "does not let this node subscribe" in caplog.text)
        redis.client.execute_command("ACL SETUSER sender allchannels")
        await holds(lambda: returned)

    warned = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warned) == 1
    assert "secret" not in warned[0]
    await subscriber.stop()
    redis.client.execute_command("ACL DELUSER sender")


async def test_a_server_that_says_nothing_counts_as_gone_until_it_speaks_again(own_redis: RedisServer) -> None:
    heard: list[bytes] = []
    subscriber = RedisSubscriber(own_redis.url, lambda _, said: heard.append(said), lambda: None)
    subscriber.follow(b"news")
    subscriber.start()
    await holds(lambda: subscriber.connected)

    own_redis.freeze()
    await holds(lambda: not subscriber.connected)
    own_redis.thaw()

    await holds(lambda: subscriber.connected)
    own_redis.client.publish("news", "spring")
    await holds(lambda: heard == [b"spring"])
    await subscriber.stop()
