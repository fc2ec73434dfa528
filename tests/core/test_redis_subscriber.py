"""What a node hears from a real Redis: channels followed and left."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sized
from contextlib import asynccontextmanager

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


@asynccontextmanager
async def slow_way(redis: RedisServer, last: asyncio.Event) -> AsyncIterator[str]:
    """The URL of a way to Redis on which all but the first confirmation of a subscription wait for `last`."""
    confirmation = b"*3\r\n$9\r\nsubscribe\r\n"
    ended = asyncio.Event()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection("127.0.0.1", redis.port)

        async def pass_on() -> None:
            while data := await reader.read(65_536):
                to_redis.write(data)
            to_redis.close()

        passing_on = asyncio.ensure_future(pass_on())
        while data := await from_redis.read(65_536):
            first, found, others = data.removeprefix(confirmation).partition(confirmation)
            if found:
                writer.write(confirmation + first)
                await last.wait()
                data = confirmation + others
            writer.write(data)
        await passing_on
        writer.close()
        ended.set()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    await ended.wait()
    server.close()


async def test_a_channel_left_before_it_is_confirmed_keeps_nothing_from_being_whole(redis: RedisServer) -> None:
    may_come = asyncio.Event()
    async with slow_way(redis, may_come) as url:
        subscriber = RedisSubscriber(url, lambda _channel, _payload: None, lambda: None)
        subscriber.follow(b"node")
        subscriber.follow(b"user")
        subscriber.start()
        await holds(lambda: subscriber._unconfirmed == 1)

        subscriber.leave(b"user")
        may_come.set()

        await holds(lambda: subscriber.connected)
        await subscriber.stop()
