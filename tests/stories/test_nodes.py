"""Several nodes, one community: real servers on one database, joined by a real Redis."""

import pytest

from regoods.core.redis_link import RedisLink
from regoods.core.redis_subscriber import RedisSubscriber
from tests.support.nodes import Nodes, holds
from tests.support.people import LIMIT
from tests.support.redis import RedisServer


async def test_two_people_chat_each_on_another_node(nodes: Nodes) -> None:
    ann, ben = nodes[0].person(1), nodes[1].person(2)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    sent = await ann.write(ben, "Is the bike still there?")
    assert await at_ben.next() == {"type": "message", "message": sent}
    assert await at_ann.next() == {"type": "message_sent", "message": sent}

    await ben.post(f"/messages/conversations/{ann.user_id}/read")
    assert [(await at_ann.next())["type"] for _ in range(2)] == ["message_read", "conversation_read"]
    at_ben.send({"type": "typing", "conversationId": ann.user_id})
    assert await at_ann.until("typing") == {"type": "typing", "conversationId": 2, "userId": 2}


@pytest.mark.editions("sqlite")
async def test_each_node_knows_how_long_a_message_took_to_its_sockets(nodes: Nodes) -> None:
    ann, ben = nodes[0].person(1), nodes[1].person(2)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    await ann.write(ben)
    await at_ben.until("message")
    await at_ann.until("message_sent")

    for node in nodes:
        registry = node.app.metrics.registry
        assert registry.get_sample_value("regoods_delivery_latency_seconds_count") == 1
        seconds = registry.get_sample_value("regoods_delivery_latency_seconds_sum")
        assert seconds is not None
        assert 0 < seconds < LIMIT


@pytest.mark.editions("sqlite")
async def test_communities_with_two_prefixes_on_one_redis_do_not_hear_each_other(redis: RedisServer) -> None:
    heard: dict[str, list[bytes]] = {"one": [], "two": []}
    links = {name: RedisLink(redis.url, name) for name in heard}
    subscribers = [
        RedisSubscriber(redis.url, lambda _, payload, name=name: heard[name].append(payload), lambda: None)
        for name in heard
    ]
    for subscriber, link in zip(subscribers, links.values(), strict=True):
        subscriber.follow(link.name("nodes"))
        subscriber.start()
    await holds(lambda: all(subscriber.connected for subscriber in subscribers))

    for name, link in links.items():
        redis.client.publish(link.name("nodes"), name)

    await holds(lambda: all(heard.values()))
    assert heard == {"one": [b"one"], "two": [b"two"]}
    for subscriber in subscribers:
        await subscriber.stop()
