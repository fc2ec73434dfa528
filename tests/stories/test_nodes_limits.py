"""What two nodes count, remember and take in together: one user's limits, blocks, repeated sends, others' messages."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from tornado.ioloop import IOLoop

from regoods.core.settings import Settings
from regoods.features.blocks.recent import RecentBlocks
from regoods.features.conversations.tables import messages
from regoods.features.messages import repeats
from regoods.features.messages.events import NewMessage
from regoods.features.messages.tables import keys
from regoods.features.search import actions as search_actions
from regoods.features.sync import actions, periodic
from regoods.features.typing import events as typing_events
from tests.support.nodes import Nodes, at, holds, two_nodes
from tests.support.people import LIMIT, Answer, Person, Socket
from tests.support.raw_socket import eventually
from tests.support.redis import RedisServer
from tests.support.server import START, RunningServer
from tests.support.unanswered import Held, lost, say_and_leave

NONSENSE = {"type": "nonsense"}


@pytest.fixture
def fragile(io_loop: IOLoop, settings: Settings, own_redis: RedisServer) -> Iterator[Nodes]:
    """Two nodes whose Redis a test may kill."""
    with two_nodes(io_loop, settings, own_redis) as running:
        yield running


# Limits


async def writes(person: Person, count: int) -> list[Answer]:
    """So many, each of which would be refused for another reason."""
    return [await person.post("/messages", raw=b"{") for _ in range(count)]


def statuses(answers: list[Answer]) -> set[int]:
    return {answer.status for answer in answers}


def remaining(answer: Answer) -> int:
    return int(answer.headers["RateLimit-Remaining"])


async def told(nodes: Sequence[RunningServer], user_id: int, total: int) -> None:
    """These know what was counted."""
    for node in nodes:
        await holds(lambda node=node: node.app._write_counter._windows[user_id].total >= total)


@pytest.mark.editions("sqlite")
async def test_three_hundred_writes_a_minute_whatever_the_node(nodes: Nodes, redis: RedisServer) -> None:
    here, there = at(nodes, 1)
    for _ in range(3):
        assert statuses(await writes(here, 50) + await writes(there, 50)) == {400}
    await told(nodes, 1, 300)
    redis.client.pexpire("regoods:limit:writes:1", 15_000)

    for person in (here, there):
        (refused,) = await writes(person, 1)
        assert (refused.status, remaining(refused)) == (429, 0)
    for node in nodes:
        await holds(lambda node=node: node.app._write_counter._windows[1].pending == 0)
    for person in (here, there):
        (refused,) = await writes(person, 1)
        assert int(refused.headers["Retry-After"]) == int(refused.headers["RateLimit-Reset"]) <= 15
        assert (await person.get("/messages/unread-count")).status == 200
    assert statuses(await writes(nodes[1].person(2), 1)) == {400}
    assert [node.app.metrics.bus.limits_alone for node in nodes] == [0, 0]


@pytest.mark.editions("sqlite")
@pytest.mark.settings(ws_rate_limit_per_minute=20)
async def test_a_hundred_frames_a_minute_whatever_the_node(nodes: Nodes, redis: RedisServer) -> None:
    here, there = at(nodes, 1)
    sockets = [await here.connect(), await there.connect()]
    windows = [node.app.realtime.receive.__self__._frames._windows for node in nodes]

    async def heard(socket: Socket, count: int) -> list[str]:
        for _ in range(count):
            socket.send(NONSENSE)
        return [event["code"] for event in await socket.quiet()]

    assert await heard(sockets[0], 10) == ["VALIDATION_ERROR"] * 10
    await holds(lambda: windows[0][1].total == 10)
    assert await heard(sockets[1], 5) == ["VALIDATION_ERROR"] * 5
    await holds(lambda: windows[1][1].total == 15)
    redis.client.incrby("regoods:limit:frames:1", 15)  # as a third node
    for socket, window in zip(sockets, windows, strict=True):
        assert await heard(socket, 1) == ["VALIDATION_ERROR"]
        await holds(lambda window=window: window[1].total > 30)

    for socket in sockets:  # one error a window at each
        assert await heard(socket, 3) == ["RATE_LIMIT_EXCEEDED"]
        assert await heard(socket, 3) == []


@pytest.mark.editions("sqlite")
async def test_without_redis_each_node_goes_on_with_what_it_knows(fragile: Nodes, own_redis: RedisServer) -> None:
    here, there = at(fragile, 1)
    await writes(here, 100)
    await told(fragile[:1], 1, 100)
    await writes(there, 50)
    await told(fragile[1:], 1, 150)
    own_redis.kill()
    for node in fragile:
        await holds(lambda node=node: not node.app.bus.link.connected)

    (at_here,), (at_there,) = await writes(here, 1), await writes(there, 1)
    assert (remaining(at_here), remaining(at_there)) == (199, 149)
    assert statuses(await writes(here, 199)) == {400}
    assert statuses(await writes(here, 1)) == {429}
    assert statuses(await writes(there, 1)) == {400}
    assert [node.app.metrics.bus.limits_alone for node in fragile] == [201, 2]


# The order of one sender's messages


def patient(nodes: Nodes) -> None:
    """Nobody is told to catch up, however late another node's event comes: a test's process may stand still."""
    for node in nodes:
        node.app.bus._ordering._wait = LIMIT  # type: ignore[attr-defined]


async def test_what_one_sends_from_two_nodes_arrives_in_his_order(nodes: Nodes) -> None:
    patient(nodes)
    ben = nodes[0].person(2)
    at_ben = await ben.connect()
    writers = at(nodes, 1)

    sent = [(await writers[number % 2].write(ben, str(number)))["messageId"] for number in range(60)]

    received = [(await at_ben.next())["message"]["messageId"] for _ in range(60)]
    assert received == sent == sorted(sent)


# Sent once


async def test_ten_equal_keyed_posts_at_two_nodes_are_one_message(nodes: Nodes) -> None:
    at_ben = await nodes[1].person(2).connect()
    body = {"recipientId": 2, "messageContent": "Once"}

    answers = await asyncio.gather(
        *(person.post("/messages", body, headers={"Idempotency-Key": "k"}) for _ in range(5) for person in at(nodes, 1))
    )

    assert {(answer.status, answer.data["messageId"]) for answer in answers} == {(201, answers[0].data["messageId"])}
    assert (await at_ben.next())["message"] == answers[0].data
    assert await at_ben.quiet() == []


HELLO = {"recipientId": 2, "messageContent": "Hello"}


async def thread(person: Person, partner: int) -> list[str]:
    return [message["messageContent"] for message in (await person.get(f"/messages/user/{partner}")).data]


async def noted(nodes: Nodes, count: int = 1) -> None:
    """Both remember so many sends whose clients went away."""
    for node in nodes:
        await holds(lambda node=node: len(lost(node)) == count)


async def test_who_asks_another_node_while_his_message_is_being_stored_gets_that_one(nodes: Nodes) -> None:
    here, there = at(nodes, 1)
    held = await Held(nodes[0], 1).begun()
    await say_and_leave(nodes[0], here, HELLO)
    await noted(nodes)
    again = asyncio.ensure_future(there.post("/messages", HELLO))
    await holds(lambda: nodes[1].app.patience._requests)
    await held.let_go()

    stored = (await again).data
    assert ((await again).status, stored["messageContent"]) == (201, "Hello")
    assert await thread(nodes[1].person(2), 1) == ["Hello"]
    # Both know that he has his answer, so the same words now are another message.
    await noted(nodes, 0)
    assert (await here.post("/messages", HELLO)).data["messageId"] != stored["messageId"]


async def test_who_asks_another_node_after_his_message_was_stored_gets_that_one(nodes: Nodes) -> None:
    here, there = at(nodes, 1)
    held = await Held(nodes[0], 1).begun()
    await say_and_leave(nodes[0], here, HELLO)
    await held.let_go()
    await noted(nodes)
    await holds(lambda: all(one.elsewhere.done() for one in lost(nodes[1]).values()))

    again = await there.post("/messages", HELLO)

    (stored,) = (await there.get("/messages/user/2")).data
    assert (again.status, again.data) == (201, stored)


async def test_of_a_send_that_failed_elsewhere_nothing_is_remembered(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "ELSEWHERE_SECONDS", 10 * LIMIT)
    here, there = at(nodes, 1)
    about = HELLO | {"postId": 99}
    held = await Held(nodes[0], 1).begun()
    await say_and_leave(nodes[0], here, about)
    await noted(nodes)
    again = asyncio.ensure_future(there.post("/messages", about))
    await holds(lambda: nodes[1].app.patience._requests)
    await held.let_go()

    assert (await again).status == 404


async def test_a_send_of_which_nothing_more_is_heard_is_waited_for_no_longer_than_it_may_take(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeats, "ELSEWHERE_SECONDS", 0.3)
    new = NewMessage(recipient_id=2, message_content="Hello")
    repeats.tell(nodes[0].app.services, 1, new, "storing")  # and that node dies
    await holds(lambda: lost(nodes[1]))

    assert (await nodes[1].person(1).post("/messages", HELLO)).status == 201


# Blocks


@pytest.fixture
def _typing_is_not_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing_events, "THROTTLE_SECONDS", 0)


@pytest.mark.usefixtures("_typing_is_not_throttled")
async def test_typing_ends_and_comes_back_with_a_block_made_at_another_node(nodes: Nodes) -> None:
    ann, ben = nodes[0].person(1), nodes[1].person(2)
    await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()
    ann_types, ben_types = {"type": "typing", "conversationId": 2}, {"type": "typing", "conversationId": 1}
    at_ann.send(ann_types)
    assert (await at_ben.until("typing"))["userId"] == 1
    at_ben.send(ben_types)
    assert (await at_ann.until("typing"))["userId"] == 2

    def blocked(node: RunningServer) -> bool:
        return node.app.services.state(RecentBlocks).are_between(1, 2)

    assert (await nodes[1].person(2).put("/messages/blocks/1")).status == 200
    await holds(lambda: blocked(nodes[0]))
    at_ann.send(ann_types)
    at_ben.send(ben_types)
    # What comes after it has come before this.
    assert (await at_ann.quiet(), await at_ben.quiet()) == ([], [])
    # What comes at each from the other node would have come before this.
    await nodes[0].person(3).write(ben)
    await nodes[1].person(3).write(ann)
    for socket in (at_ann, at_ben):
        assert (await socket.next())["type"] == "message"

    assert (await nodes[0].person(2).delete("/messages/blocks/1")).status == 200
    await holds(lambda: not blocked(nodes[1]))
    at_ann.send(ann_types)
    at_ben.send(ben_types)
    assert (await at_ben.next())["type"] == "typing"
    assert (await at_ann.next())["type"] == "typing"


# What other programs store, and what is done again and again


def store_by_another(node: RunningServer, contents: Sequence[str]) -> None:
    row = {"sender_id": 1, "recipient_id": 2, "created_at": START}
    with node.app.database.engine.begin() as connection:
        connection.execute(sa.insert(messages), [row | {"message_content": content} for content in contents])


async def test_what_another_program_stores_comes_once_to_each_reader(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    patient(nodes)
    at_ann, at_ben = await nodes[0].person(1).connect(), await nodes[1].person(2).connect()
    # The first walks set the mark; two at once, as at two nodes that start.
    await asyncio.gather(*(periodic.adopt(node.app.services) for node in nodes))
    contents = [str(number) for number in range(50)]

    for part in (contents[:20], contents[20:]):
        store_by_another(nodes[0], part)
        await asyncio.gather(*(periodic.adopt(node.app.services) for node in nodes for _ in range(3)))

    for socket, kind in ((at_ann, "message_sent"), (at_ben, "message")):
        heard = [await socket.next() for _ in contents]
        assert {event["type"] for event in heard} == {kind}
        assert sorted(event["message"]["messageContent"] for event in heard) == sorted(contents)
        assert await socket.quiet() == []
        assert socket.numbers == list(range(1, 51))
    assert [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


async def test_a_node_that_was_slow_takes_nothing_in_again(nodes: Nodes) -> None:
    """It looked before another took all in and moved the mark."""
    ben = nodes[1].person(2)
    run = nodes[0].app.services.work.run
    await periodic.adopt(nodes[0].app.services)
    store_by_another(nodes[0], ["One", "Two", "Three"])
    found = await run(actions.find_unlogged, 0)
    other = nodes[1].app.services.work.run
    for message_id in found.missing:
        await other(actions.adopt, 0, message_id)
    await other(actions.move_mark, 0, found.newest)

    for message_id in found.missing:
        await run(actions.adopt, 0, message_id)
        await run(actions.pass_over, 0, message_id)
    await run(actions.move_mark, 0, found.missing[0])

    again = await run(actions.find_unlogged, 0)
    assert (again.mark, again.missing) == (found.newest, [])
    missed = (await ben.get("/messages/sync?since=0")).data["events"]
    assert [event["message"]["messageContent"] for event in missed] == ["One", "Two", "Three"]


async def test_all_that_is_done_again_and_again_may_be_done_by_both_at_once(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = at(nodes, 1)
    for number in range(30):
        body = {"recipientId": 2, "messageContent": f"Number {number}"}
        assert (await here.post("/messages", body, headers={"Idempotency-Key": str(number)})).status == 201
        assert (await there.put(f"/messages/{number + 1}", {"messageContent": f"Edited {number}"})).status == 200
    nodes[0].clock.advance(timedelta(days=31))

    done = [
        work.run(node.app.services) for feature in nodes[0].app.features for work in feature.periodic for node in nodes
    ]
    await asyncio.gather(*(one for one in done if one is not None))

    found = (await there.get("/messages/search?query=edited&limit=100")).data
    assert len(found) == 30
    assert (await there.get("/messages/sync?since=0")).data["events"] == []
    assert nodes[0].execute(sa.select(keys.c.user_id)) == []
    assert [record.getMessage() for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


async def nothing_is_under_way(node: RunningServer) -> None:
    """Wait until the last round of what is done again and again is over."""

    async def is_idle() -> bool:
        queues = (await node.person(1).get("/health/websocket-stats", root="", token="")).body["queues"]
        return not (queues["writes"] or queues["reads"] or queues["slowReads"])

    await eventually(is_idle)


@pytest.mark.editions("sqlite")
async def test_the_index_is_left_to_the_node_that_is_at_it(nodes: Nodes) -> None:
    here, there = (node.app.services.work.run for node in nodes)
    for node in nodes:
        node.rest()
    for node in nodes:
        await nothing_is_under_way(node)
    store_by_another(nodes[0], ["Hello"] * 3 * search_actions.SLICE)

    reached_here = await here(search_actions.follow, 0)
    assert await here(search_actions.is_behind, 0, reached_here)
    reached_there = await there(search_actions.follow, 0)

    assert not await here(search_actions.is_behind, 0, reached_here)
    assert await there(search_actions.is_behind, 0, reached_there)
    assert await here(search_actions.is_behind, 0)  # its next round
