"""PUT and DELETE /messages/:id: who may, until when, and what is left."""

from datetime import timedelta

import pytest

from tests.support.people import Person
from tests.support.server import RunningServer


async def test_an_edit_changes_the_words_and_nothing_else(server: RunningServer, ann: Person, ben: Person) -> None:
    question = await ann.write(ben, "Which one?")
    sent = await ben.write(ann, "The oak one", postId=2, parentMessageId=question["messageId"])
    await ann.post(f"/messages/{sent['messageId']}/read")
    before = (await ann.get("/messages/user/2")).data[-1]
    server.clock.advance(timedelta(minutes=2))

    edited = await ben.put(f"/messages/{sent['messageId']}", {"messageContent": "The oak one 🪑"})

    assert edited.status == 200
    assert edited.data == before | {
        "messageContent": "The oak one 🪑",
        "isEdited": True,
        "editedAt": "2026-01-06T10:02:00.000Z",
        "updatedAt": "2026-01-06T10:02:00.000Z",
    }
    assert (await ann.get("/messages/user/2")).data[-1] == edited.data


async def test_an_edited_message_may_be_edited_again_but_its_window_does_not_grow(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    sent = await ann.write(ben, "One")
    server.clock.advance(timedelta(minutes=14))
    assert (await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "Two"})).status == 200
    server.clock.advance(timedelta(seconds=59))
    assert (await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "Three"})).status == 200
    server.clock.advance(timedelta(seconds=2))

    late = await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "Four"})

    assert (late.status, late.error["code"], late.field) == (400, "VALIDATION_ERROR", "messageId")
    assert server.message_row(sent["messageId"]).MessageContent == "Three"


@pytest.mark.parametrize("editor", [2, 3])
async def test_only_its_sender_edits_a_message(server: RunningServer, ann: Person, ben: Person, editor: int) -> None:
    sent = await ann.write(ben, "Mine")
    at_ann = await ann.connect()

    refused = await server.person(editor).put(f"/messages/{sent['messageId']}", {"messageContent": "Yours"})

    assert (refused.status, refused.error["code"]) == (403, "FORBIDDEN")
    assert "Mine" not in refused.raw.decode()
    assert server.message_row(sent["messageId"]).MessageContent == "Mine"
    assert await at_ann.quiet() == []


async def test_a_deleted_message_cannot_be_edited(server: RunningServer, ann: Person, ben: Person) -> None:
    sent = await ann.write(ben, "Gone")
    await ann.delete(f"/messages/{sent['messageId']}")
    at_ben = await ben.connect()

    refused = await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "Back"})

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "messageId")
    assert server.message_row(sent["messageId"]).MessageContent == "Gone"
    assert await at_ben.quiet() == []


@pytest.mark.parametrize("content", ["", " \n", "\ufeff", "x" * 5001, "🚲" * 2501, "a\0b", None, 5, ["x"]])
async def test_an_edit_obeys_the_rules_of_sending(
    server: RunningServer, ann: Person, ben: Person, content: object
) -> None:
    sent = await ann.write(ben, "Before")

    refused = await ann.put(f"/messages/{sent['messageId']}", {"messageContent": content})

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "messageContent")
    assert server.message_row(sent["messageId"]).MessageContent == "Before"


async def test_an_edit_may_be_as_long_as_a_message(ann: Person, ben: Person) -> None:
    sent = await ann.write(ben)

    edited = await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "🚲" * 2500, "messageType": "system"})

    assert edited.data["messageContent"] == "🚲" * 2500
    assert edited.data["messageType"] == "text"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_message_that_is_not_there_is_not_found(ann: Person, method: str) -> None:
    answer = await ann.call(method, "/messages/999", {"messageContent": "New"})

    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_a_sender_deletes_his_own_message_at_any_time(server: RunningServer, ann: Person, ben: Person) -> None:
    sent = await ann.write(ben)
    server.clock.advance(timedelta(days=400))

    answer = await ann.delete(f"/messages/{sent['messageId']}")

    assert (answer.status, answer.data) == (200, {"messageId": sent["messageId"]})
    row = server.message_row(sent["messageId"])
    assert (row.IsDeleted, row.DeletedBy, row.MessageContent) == (True, 1, "Hello")
    assert (await ben.get("/messages/user/1")).data == []


async def test_a_stranger_deletes_nothing(server: RunningServer, ann: Person, ben: Person, chloe: Person) -> None:
    sent = await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    refused = await chloe.delete(f"/messages/{sent['messageId']}")

    assert (refused.status, refused.error["code"]) == (403, "FORBIDDEN")
    assert not server.message_row(sent["messageId"]).IsDeleted
    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []


@pytest.mark.parametrize("second", [1, 2])
async def test_deleting_twice_is_refused_and_heard_once(
    server: RunningServer, ann: Person, ben: Person, second: int
) -> None:
    sent = await ann.write(ben)
    at_ben = await ben.connect()
    await ann.delete(f"/messages/{sent['messageId']}")

    refused = await server.person(second).delete(f"/messages/{sent['messageId']}")

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "messageId")
    assert [event["type"] for event in await at_ben.quiet()] == ["message_deleted"]
    assert server.message_row(sent["messageId"]).DeletedBy == 1
