"""The way to a real Redis, where it is not what it was."""

import pytest

from regoods.core.redis_link import RedisAway, RedisLink
from tests.support.nodes import holds
from tests.support.redis import RedisServer


async def test_a_server_that_has_become_a_replica_is_left(own_redis: RedisServer) -> None:
    """As after a failover, when the name in REDIS_URL leads to the new one."""
    connected: list[bool] = []
    link = RedisLink(own_redis.url, "test")
    link.returned.append(lambda: connected.append(True))
    link.start()
    await holds(lambda: link.connected)

    own_redis.client.replicaof("127.0.0.1", 1)
    with pytest.raises(RedisAway):
        await link.ask("SET", link.name("key"), 1)
    await holds(lambda: len(connected) > 1)

    own_redis.client.replicaof("NO", "ONE")
    await holds(lambda: link.connected)
    assert await link.ask("SET", link.name("key"), 1)
    await link.stop()
