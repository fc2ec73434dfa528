"""A third user, and what two others have: each declared call and frame is made by him, and nothing comes of it.

A call that is added to the contract without its like here is named by the first test.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.app import FEATURES
from regoods.core.settings import Settings
from regoods.core.tokens import mint
from regoods.features.blocks.tables import blocks
from regoods.features.conversations.rules import conversation_id
from regoods.features.conversations.tables import clears, messages
from regoods.features.sync.tables import events
from regoods.realtime.inbox import HEARD
from tests.support.contract import openapi_document
from tests.support.people import Answer, Person, Socket
from tests.support.pictures import END, FORM, form, photo
from tests.support.server import RunningServer

SECRET = "The key lies under the flowerpot"
PICTURE = "https://images.example.com/flowerpot.jpg"
KEY = "a-key-of-anns"
UNKNOWN = 2**31 - 1
"""An id that no message has."""

RUNS = 3
"""Of each call, of which the one with the fewest statements counts: the server runs some of its own, too."""


@dataclass
class World:
    """Ann (1) and Ben (2) have written to each other and are online; Chloé (3) has nothing to do with either."""

    server: RunningServer
    ann: Person
    ben: Person
    chloe: Person
    tabs: Sequence[Socket]
    first: int
    """The oldest message of the two, which Ann sent and Ben has not read; the next one is Ben's."""
    statements: list[str]

    def rows(self) -> list[list[Any]]:
        """All that is stored of messages, of conversations cleared, of blocks, and of events to be caught up."""
        with self.server.app.database.engine.connect() as connection:
            return [list(connection.execute(sa.select(each)).mappings()) for each in (messages, clears, blocks, events)]

    async def heard(self) -> list[dict[str, Any]]:
        """What came to the tabs of the two, the third user's presence included."""
        heard = [event for tab in self.tabs for event in await tab.quiet()]
        return heard + [event for tab in self.tabs for event in tab.presences if event["userId"] == 3]


@asynccontextmanager
async def inhabited(settings: Settings) -> AsyncIterator[World]:
    server = RunningServer(settings)
    statements: list[str] = []
    sa.event.listen(
        server.app.database.engine, "connect", lambda driver, _: driver.set_trace_callback(statements.append)
    )
    server.start()
    # What it does each second would fall into all runs of a call, were the machine so busy that each takes so long.
    server.rest()
    try:
        ann, ben, chloe = (server.person(user_id) for user_id in (1, 2, 3))
        new = {"recipientId": 2, "messageContent": SECRET, "attachmentUrl": PICTURE}
        sent = (await ann.post("/messages", new, headers={"Idempotency-Key": KEY})).data
        await ben.write(ann, SECRET, parentMessageId=sent["messageId"])
        tabs = [await ann.connect(), await ben.connect()]
        world = World(server, ann, ben, chloe, tabs, sent["messageId"], statements)
        await world.heard()
        yield world
    finally:
        await server.stop()


@dataclass(frozen=True)
class Try:
    """What the third user asks for: with {} for an id of the two's, then with one that nobody has.

    `answers`: the statuses of the two; where there is but one, the answers must be the same but for the id.
    """

    path: str
    answers: tuple[int, ...]
    body: dict[str, Any] = field(default_factory=dict)
    of_users: bool = False
    """{} is one of the two's user ids, and the other one is a stranger with whom nobody has written."""
    headers: dict[str, str] = field(default_factory=dict)


NEW = {"recipientId": 4, "messageContent": "Hello"}
OTHERS_CONVERSATION = conversation_id(1, 2)

TRIES: dict[str, Sequence[Try]] = {
    "POST /messages": [
        # Contract, section 3: a parent must exist (404), and be of a conversation the sender is in (403).
        Try("/messages", (403, 404), NEW | {"parentMessageId": "{}"}),
    ],
    # Contract, section 3: whoever is neither sender nor recipient gets 403.
    "POST /messages/{messageId}/read": [Try("/messages/{}/read", (403, 404))],
    "PUT /messages/{messageId}": [Try("/messages/{}", (403, 404), {"messageContent": "Changed"})],
    "DELETE /messages/{messageId}": [Try("/messages/{}", (403, 404))],
    "GET /messages/{messageId}": [Try("/messages/{}", (404,))],
    "GET /messages/user/{userId}": [
        Try("/messages/user/{}", (200,), of_users=True),
        Try("/messages/user/4?before={}", (200,)),
        Try("/messages/user/4?after={}", (200,)),
        Try("/messages/user/1?before={}&after=1", (200,)),
    ],
    "GET /messages/conversations/{userId}": [Try("/messages/conversations/{}", (200,), of_users=True)],
    "DELETE /messages/conversations/{userId}": [Try("/messages/conversations/{}", (200,), of_users=True)],
    "POST /messages/conversations/{userId}/read": [Try("/messages/conversations/{}/read", (200,), of_users=True)],
    "GET /messages/conversations/id/{conversationId}": [
        Try("/messages/conversations/id/{}", (200,), of_users=True),
        Try(f"/messages/conversations/id/{OTHERS_CONVERSATION}", (403,)),
        Try(f"/messages/conversations/id/{conversation_id(4, 5)}", (403,)),
        Try(f"/messages/conversations/id/{conversation_id(1, UNKNOWN // 1000)}", (403,)),
    ],
    "GET /messages/conversations": [Try("/messages/conversations", (200,))],
    "GET /messages/unread-count": [Try("/messages/unread-count", (200,))],
    "GET /messages/search": [
        Try("/messages/search?query=flowerpot", (200,)),
        Try("/messages/search?query=key&userId={}", (200,), of_users=True),
    ],
    "GET /messages/sync": [Try("/messages/sync?since=0", (200,)), Try("/messages/sync?since={}", (200,))],
    "GET /messages/blocks": [Try("/messages/blocks", (200,))],
    "GET /messages/blocks/{userId}": [Try("/messages/blocks/{}", (200,), of_users=True)],
    "PUT /messages/blocks/{userId}": [],
    "DELETE /messages/blocks/{userId}": [Try("/messages/blocks/{}", (200,), of_users=True)],
    "POST /messages/attachments": [],
}
"""Blocking somebody is anybody's right, and an upload has to do with nobody: both have tests of their own below."""


def test_each_call_of_the_contract_is_tried_by_a_stranger() -> None:
    calls = {
        f"{method.upper()} {path.removeprefix('/api/v1')}"
        for path, operations in openapi_document()["paths"].items()
        for method, operation in operations.items()
        if operation["security"]
    }

    assert calls == set(TRIES)


@pytest.mark.gen_test(timeout=240)
async def test_a_stranger_learns_nothing_and_changes_nothing(settings: Settings) -> None:
    async with inhabited(settings) as world:
        before = world.rows()
        for call, tries in TRIES.items():
            method = call.partition(" ")[0]
            for one in tries:
                await try_in_vain(world, method, one)
        after = world.rows()

        assert after[0] == before[0]
        for mine, others in zip(after[1:], before[1:], strict=True):
            assert [row for row in mine if row["user_id"] != 3] == others
        assert await world.heard() == []
        for reader in (world.ann, world.ben):
            assert (await reader.get("/messages/unread-count")).data == {"count": 1}


async def try_in_vain(world: World, method: str, one: Try) -> None:
    foreign, unknown = (1, 4) if one.of_users else (world.first, UNKNOWN)
    tried = [await tell(world, method, one, number) for number in (foreign, unknown)]
    (answer, statements), (other, others) = tried
    what = f"{method} {one.path}"
    for each in (answer, other):
        for word in (SECRET, "flowerpot", KEY, '"isOnline":true'):
            assert word not in each.raw.decode().replace(one.path, ""), what
    assert statements == others, f"{what}: {statements} statements for what is there, {others} for what is not"
    if len(one.answers) == 2:
        assert (answer.status, other.status) == one.answers, what
        return
    assert (answer.status, other.status) == one.answers * 2, what
    assert without_ids(answer.body, foreign) == without_ids(other.body, unknown), what


async def tell(world: World, method: str, one: Try, number: int) -> tuple[Answer, int]:
    """The answer to the call, and how many statements it took."""
    body = {name: number if value == "{}" else value for name, value in one.body.items()} or None
    fewest, answer = 10**9, None
    for _ in range(RUNS):
        world.statements.clear()
        answer = await world.chloe.call(method, one.path.format(number), body, headers=one.headers)
        fewest = min(fewest, len(world.statements))
    assert answer is not None
    return answer, fewest


def without_ids(body: Any, number: int) -> Any:
    """The answer without what names the id that was asked for, and without the user's public name and picture."""
    if isinstance(body, dict):
        public = ("conversationId", "userId", "fullName", "profilePictureUrl")
        return {name: without_ids(value, number) for name, value in body.items() if name not in public}
    if isinstance(body, list):
        return [without_ids(item, number) for item in body]
    return body.replace(str(number), "{}") if isinstance(body, str) else body


async def test_another_s_idempotency_key_is_no_key_to_his_message(settings: Settings) -> None:
    async with inhabited(settings) as world:
        same = {"recipientId": 2, "messageContent": SECRET, "attachmentUrl": PICTURE}
        headers = {"Idempotency-Key": KEY}

        own = await world.chloe.post("/messages", same, headers=headers)
        other = await world.chloe.post("/messages", NEW, headers={"Idempotency-Key": KEY + "-2"})

        assert (own.status, own.data["senderId"]) == (201, 3)
        assert own.data["messageId"] > world.first
        assert other.status == 201
        assert (await world.ann.post("/messages", same, headers=headers)).data["messageId"] == world.first


async def test_a_block_by_a_stranger_is_between_the_two_of_them_alone(settings: Settings) -> None:
    async with inhabited(settings) as world:
        told = [(await world.chloe.put(f"/messages/blocks/{user_id}")) for user_id in (1, 2, 4)]
        assert [(answer.status, answer.data["isBlocked"]) for answer in told] == [(200, True)] * 3

        assert await world.heard() == []
        assert (await world.ann.write(world.ben))["messageId"] > world.first
        for person in (world.ann, world.ben):
            assert (await person.get("/messages/blocks")).data == []


async def test_an_upload_by_a_stranger_takes_nothing_from_others(settings: Settings) -> None:
    async with inhabited(settings) as world:
        before = world.rows()
        answer = await world.chloe.post("/messages/attachments", raw=form(photo()) + END, headers=FORM)

        assert answer.status == 201
        assert SECRET not in answer.raw.decode()
        assert world.rows() == before
        assert await world.heard() == []


# On the socket

FRAMES: dict[str, Callable[[int], Sequence[dict[str, Any]]]] = {
    "ping": lambda _: [{}],
    "auth": lambda _: [
        {"userId": 1},
        {"token": mint("a-secret-of-his-own-" * 2, 1, "user1@example.com", datetime.now(UTC))},
    ],
    "typing": lambda _: [
        {"conversationId": 1},
        {"conversationId": 1, "userId": 2},
        {"conversationId": OTHERS_CONVERSATION},
        {"conversationId": OTHERS_CONVERSATION, "userId": 1, "recipientId": 2},
        {"conversationId": conversation_id(2, 3), "recipientId": 2},
        {"conversationId": conversation_id(1, 3)},
    ],
    "message": lambda first: [{"message": {"messageId": first, "recipientId": 2, "messageContent": "Mine"}}],
    "message_edited": lambda first: [{"message": {"messageId": first, "messageContent": "Mine"}}],
    "message_deleted": lambda first: [{"messageId": first}],
    "message_read": lambda first: [{"messageId": first}],
}


def test_each_frame_that_is_heard_is_sent_by_a_stranger() -> None:
    assert set(FRAMES) == set(HEARD) | {kind for feature in FEATURES for kind in feature.frames}


async def test_a_stranger_s_frames_reach_nobody(settings: Settings) -> None:
    async with inhabited(settings) as world:
        before = world.rows()
        tab = await world.chloe.connect()
        for kind, frames in FRAMES.items():
            for frame in frames(world.first):
                tab.send({"type": kind} | frame)
        answers = await tab.quiet()

        assert {answer["type"] for answer in answers} <= {"error"}
        assert SECRET not in json.dumps(answers)
        assert await world.heard() == []
        assert world.rows() == before


async def test_what_a_stranger_is_told_of_a_conversation_s_id_does_not_depend_on_what_is_in_it(
    settings: Settings,
) -> None:
    async with inhabited(settings) as world:
        tab = await world.chloe.connect()
        said = []
        for number in (OTHERS_CONVERSATION, conversation_id(4, 5), conversation_id(1, UNKNOWN // 1000)):
            world.statements.clear()
            tab.send({"type": "typing", "conversationId": number})
            said.append(((await tab.next())["code"], len(world.statements)))

        assert len(set(said)) == 1
