"""Blocks: neither of the two writes to the other or hears what he does; what was written stays."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.features.typing import events as typing_events
from regoods.features.users.tables import users
from tests.support.people import Answer, Person
from tests.support.server import RunningServer

REFUSAL = "You and this user cannot write to each other."
START = "2026-01-06T10:00:00.000Z"


@pytest.fixture(autouse=True)
def _typing_is_not_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typing_events, "THROTTLE_SECONDS", 0)


async def block(blocker: Person, blocked: Person) -> None:
    assert (await blocker.put(f"/messages/blocks/{blocked.user_id}")).status == 200


async def unblock(blocker: Person, blocked: Person) -> None:
    assert (await blocker.delete(f"/messages/blocks/{blocked.user_id}")).status == 200


def is_forbidden(answer: Answer) -> bool:
    return (answer.status, answer.error["code"], answer.error["message"]) == (403, "FORBIDDEN", REFUSAL)


def typing(partner: Person) -> dict[str, Any]:
    return {"type": "typing", "conversationId": partner.user_id}


# The calls


async def test_a_block_is_made_seen_and_ended(server: RunningServer, ann: Person) -> None:
    blocked = {"userId": 2, "isBlocked": True, "blockedAt": START}
    free = {"userId": 2, "isBlocked": False}
    path = "/messages/blocks/2"
    assert (await ann.get(path)).data == free

    assert (await ann.put(path)).data == blocked
    server.clock.advance(timedelta(minutes=1))
    assert (await ann.put(path)).data == blocked
    assert (await ann.get(path)).data == blocked

    assert (await ann.delete(path)).data == free
    assert (await ann.delete(path)).data == free
    assert (await ann.get(path)).data == free
    assert (await ann.put(path)).data["blockedAt"] == "2026-01-06T10:01:00.000Z"


async def test_only_one_s_own_blocks_are_told(ann: Person, ben: Person, chloe: Person) -> None:
    await block(ann, ben)
    await block(chloe, ben)

    assert (await ben.get("/messages/blocks/1")).data == {"userId": 1, "isBlocked": False}
    assert (await ben.get("/messages/blocks")).data == []
    assert (await ben.delete("/messages/blocks/1")).status == 200
    assert (await ann.get("/messages/blocks/2")).data["isBlocked"] is True
    assert [one["userId"] for one in (await chloe.get("/messages/blocks")).data] == [2]


async def test_blocks_are_listed_in_pages_latest_first(server: RunningServer, ann: Person) -> None:
    server.execute(
        sa.update(users).where(users.c.user_id == 3).values(profile_picture_url="https://images.example.com/c.jpg")
    )
    for user_id in (4, 3, 2):
        await block(ann, server.person(user_id))
        server.clock.advance(timedelta(seconds=1))

    whole = await ann.get("/messages/blocks")
    assert whole.data == [
        {"userId": 2, "user": {"userId": 2, "fullName": "Ben Baker"}, "blockedAt": "2026-01-06T10:00:02.000Z"},
        {
            "userId": 3,
            "user": {
                "userId": 3,
                "fullName": "Chloé Dubois",
                "profilePictureUrl": "https://images.example.com/c.jpg",
            },
            "blockedAt": "2026-01-06T10:00:01.000Z",
        },
        {"userId": 4, "user": {"userId": 4, "fullName": "Dmitri Волков"}, "blockedAt": START},
    ]
    assert whole.body["pagination"] == {"total": 3, "page": 1, "limit": 50, "pages": 1}
    second = await ann.get("/messages/blocks?limit=2&offset=2")
    assert [one["userId"] for one in second.data] == [4]
    assert second.body["pagination"] == {"total": 3, "page": 2, "limit": 2, "pages": 2}
    beyond = await ann.get("/messages/blocks?limit=2&offset=4")
    assert (beyond.data, beyond.body["pagination"]["total"]) == ([], 3)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("user_id", "status", "code"),
    [
        ("1", 400, "VALIDATION_ERROR"),
        ("0", 400, "VALIDATION_ERROR"),
        ("x", 400, "VALIDATION_ERROR"),
        ("2147483648", 400, "VALIDATION_ERROR"),
        ("99", 404, "RESOURCE_NOT_FOUND"),
    ],
)
async def test_who_cannot_be_blocked(ann: Person, method: str, user_id: str, status: int, code: str) -> None:
    refused = await ann.call(method, f"/messages/blocks/{user_id}")

    assert (refused.status, refused.error["code"]) == (status, code)
    if status == 400:
        assert refused.field == "userId"
    assert (await ann.call(method, f"/messages/blocks/{user_id}", token="")).status == 401
    assert (await ann.get("/messages/blocks")).data == []


async def test_other_methods_are_no_calls(server: RunningServer, ann: Person) -> None:
    for method, path in (("POST", "/2"), ("PATCH", "/2"), ("POST", ""), ("PUT", ""), ("DELETE", "")):
        assert (await ann.call(method, f"/messages/blocks{path}")).status == 404
    server.deactivate(1)
    assert (await ann.get("/messages/blocks")).status == 401
    assert (await ann.put("/messages/blocks/2")).status == 401


async def test_a_block_of_one_who_is_gone_can_be_ended(server: RunningServer, ann: Person) -> None:
    await block(ann, server.person(6))
    server.execute(sa.delete(users).where(users.c.user_id == 6))

    (left,) = (await ann.get("/messages/blocks")).data
    assert left["user"] == {"userId": 6, "fullName": "Deleted user"}
    assert (await ann.get("/messages/blocks/6")).data["isBlocked"] is True
    assert (await ann.delete("/messages/blocks/6")).data == {"userId": 6, "isBlocked": False}
    assert (await ann.delete("/messages/blocks/6")).status == 404


# What it forbids, whoever made it


Choose = Callable[[Person, Person], tuple[Person, Person]]


@pytest.fixture(params=["ann blocks", "ben blocks"])
def blocker(request: pytest.FixtureRequest) -> Choose:
    """Of the two, in which order: who blocks whom."""
    return (lambda ann, ben: (ann, ben)) if request.param == "ann blocks" else (lambda ann, ben: (ben, ann))


async def test_neither_writes_to_the_other(ann: Person, ben: Person, chloe: Person, blocker: Choose) -> None:
    sent = await ann.write(ben, "Before", postId=1)
    received = await ben.write(ann, "Before, too")
    await block(*blocker(ann, ben))
    at_ann, at_ben = await ann.connect(), await ben.connect()

    for writer, reader, own in ((ann, ben, sent), (ben, ann, received)):
        assert is_forbidden(
            await writer.post("/messages", {"recipientId": reader.user_id, "messageContent": "After", "postId": 1})
        )
        assert is_forbidden(await writer.put(f"/messages/{own['messageId']}", {"messageContent": "Changed"}))
        await chloe.write(writer)
        await writer.write(chloe)

    texts = [message["messageContent"] for message in (await ann.get("/messages/user/2")).data]
    assert texts == ["Before", "Before, too"]
    for tab in (at_ann, at_ben):
        assert [event["type"] for event in await tab.quiet()] == ["message", "message_sent"]


async def test_what_was_written_stays_readable_and_may_be_deleted(ann: Person, ben: Person, blocker: Choose) -> None:
    first, second = await ann.write(ben, "First"), await ann.write(ben, "Second")
    await block(*blocker(ann, ben))

    for reader, partner in ((ann, ben), (ben, ann)):
        assert len((await reader.get(f"/messages/user/{partner.user_id}")).data) == 2
        assert len((await reader.get(f"/messages/conversations/{partner.user_id}")).data["messages"]) == 2
        assert [one["userId"] for one in (await reader.get("/messages/conversations")).data] == [partner.user_id]
        assert (await reader.get(f"/messages/{first['messageId']}")).status == 200
    assert (await ben.post(f"/messages/{first['messageId']}/read")).status == 200
    assert (await ben.post("/messages/conversations/1/read")).data["count"] == 1
    assert (await ann.delete(f"/messages/{first['messageId']}")).status == 200
    assert (await ben.delete(f"/messages/{second['messageId']}")).status == 200
    assert (await ben.delete("/messages/conversations/1")).status == 200


async def test_a_message_sent_before_is_still_answered_to_its_key(ann: Person, ben: Person) -> None:
    body = {"recipientId": 2, "messageContent": "Once"}
    sent = await ann.post("/messages", body, headers={"Idempotency-Key": "a"})
    await block(ben, ann)

    again = await ann.post("/messages", body, headers={"Idempotency-Key": "a"})

    assert (again.status, again.data) == (201, sent.data)
    assert is_forbidden(await ann.post("/messages", body, headers={"Idempotency-Key": "b"}))


async def test_other_reasons_to_refuse_come_first(server: RunningServer, ann: Person, ben: Person) -> None:
    sent = await ann.write(ben)
    await block(ben, ann)

    blank = await ann.post("/messages", {"recipientId": 2, "messageContent": " "})
    assert (blank.status, blank.field) == (400, "messageContent")
    assert (await ben.put(f"/messages/{sent['messageId']}", {"messageContent": "Not his"})).error["message"] != REFUSAL
    server.deactivate(2)
    assert (await ann.post("/messages", {"recipientId": 2, "messageContent": "Hello"})).status == 404


async def test_typing_ends_with_a_block_at_once_and_comes_back(
    ann: Person, ben: Person, chloe: Person, blocker: Choose
) -> None:
    for partner in (ben, chloe):
        await ann.write(partner)
    at_ann, at_ben, at_chloe = await ann.connect(), await ben.connect(), await chloe.connect()
    at_ann.send(typing(ben))
    at_ben.send(typing(ann))
    assert (await at_ben.next())["type"] == "typing"
    assert (await at_ann.next())["type"] == "typing"

    await block(*blocker(ann, ben))
    for tab, partner in ((at_ann, ben), (at_ben, ann)):
        tab.send(typing(partner))
        assert await tab.quiet() == []
    at_ann.send(typing(chloe))
    assert (await at_chloe.next())["type"] == "typing"
    assert (await at_ann.quiet(), await at_ben.quiet()) == ([], [])

    await unblock(*blocker(ann, ben))
    at_ann.send(typing(ben))
    assert (await at_ben.next())["type"] == "typing"


async def test_of_two_blocks_one_is_enough(ann: Person, ben: Person) -> None:
    await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()
    at_ann.send(typing(ben))
    await at_ben.next()
    await block(ann, ben)
    await block(ben, ann)

    await unblock(ann, ben)

    assert is_forbidden(await ann.post("/messages", {"recipientId": 2, "messageContent": "Hello"}))
    at_ann.send(typing(ben))
    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []
    await unblock(ben, ann)
    await ann.write(ben)


async def test_a_block_that_another_process_made_holds_for_typing_too(
    server: RunningServer, ann: Person, ben: Person, blocker: Choose
) -> None:
    await ann.write(ben)
    server.block(*(one.user_id for one in blocker(ann, ben)))
    at_ann, at_ben = await ann.connect(), await ben.connect()

    at_ann.send(typing(ben))

    await ann.get("/messages/unread-count")  # the look-up before it has had its turn
    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []
