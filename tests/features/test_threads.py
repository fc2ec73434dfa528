"""Threads: pages that new messages do not shift, a conversation as a whole, and clearing it for oneself."""

from typing import Any

import pytest
import sqlalchemy as sa

from regoods.features.conversations.tables import messages
from tests.support.people import Answer, Person
from tests.support.server import START, RunningServer

CONVERSATION_1_2 = 2**32 + 2 * 2 + 1


def contents(answer: Answer) -> list[str]:
    return [message["messageContent"] for message in answer.data]


def said(conversation: Any) -> list[str]:
    return [message["messageContent"] for message in conversation["messages"]]


# One message


async def test_a_message_is_given_to_its_two_participants(ann: Person, ben: Person, chloe: Person) -> None:
    sent = await ann.write(ben, "Hello", postId=1)
    path = f"/messages/{sent['messageId']}"

    assert (await ann.get(path)).data == sent
    assert (await ben.get(path)).data == sent
    refused = await chloe.get(path)
    assert (refused.status, refused.error["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert (await ann.get("/messages/999")).status == 404
    assert (await ann.get("/messages/0")).field == "messageId"
    assert (await ann.get(path, token="")).status == 401


async def test_a_deleted_message_says_so_by_its_id(ann: Person, ben: Person) -> None:
    sent = await ann.write(ben, "A slip", attachmentUrl="https://images.example.com/slip.jpg")
    path = f"/messages/{sent['messageId']}"
    await ben.delete(path)

    for found in ((await ann.get(path)).data, (await ben.post(f"{path}/read")).data):
        assert (found["isDeleted"], found["deletedBy"]) == (True, 2)
        assert found["messageContent"] == ""
        assert "attachmentUrl" not in found


# Pages by message ids


async def test_pages_before_and_after_a_message_are_not_shifted_by_new_ones(ann: Person, ben: Person) -> None:
    ids = [(await ann.write(ben, str(number)))["messageId"] for number in range(6)]
    path = "/messages/user/1?limit=2"

    assert contents(await ben.get(path)) == ["4", "5"]
    await ann.write(ben, "New")
    assert contents(await ben.get(f"{path}&before={ids[4]}")) == ["2", "3"]
    assert contents(await ben.get(f"{path}&before={ids[2]}")) == ["0", "1"]
    assert contents(await ben.get(f"{path}&before={ids[0]}")) == []
    assert contents(await ben.get(f"{path}&after={ids[0]}")) == ["1", "2"]
    assert contents(await ben.get(f"{path}&after={ids[5]}")) == ["New"]
    assert contents(await ben.get(f"{path}&after={ids[0]}&before={ids[2]}")) == ["1"]
    assert contents(await ben.get(f"{path}&after={ids[0]}&offset=2")) == ["3", "4"]
    assert (await ben.get(f"{path}&before={ids[4]}")).body["pagination"]["total"] == 4


@pytest.mark.parametrize("field", ["before", "after"])
@pytest.mark.parametrize("text", ["0", "-1", "x", "", "2147483648"])
async def test_bad_message_ids_are_named(ann: Person, field: str, text: str) -> None:
    refused = await ann.get(f"/messages/user/2?{field}={text}")

    assert (refused.status, refused.field) == (400, field)


# A conversation as a whole


async def test_a_conversation_with_its_latest_messages(ann: Person, ben: Person) -> None:
    for number in range(52):
        await ann.write(ben, str(number), **({"postId": 1} if number == 51 else {}))
    await ann.connect()

    found = (await ben.get("/messages/conversations/1")).data

    assert found["conversationId"] == CONVERSATION_1_2
    assert found["userId"] == 1
    assert found["user"] == {"userId": 1, "fullName": "Ann Archer", "isOnline": True}
    assert said(found) == [str(number) for number in range(2, 52)]
    assert found["unreadCount"] == 52
    assert (found["postId"], found["post"]["title"]) == (1, "Road bike")
    by_id = await ben.get(f"/messages/conversations/id/{CONVERSATION_1_2}")
    assert by_id.data == found
    assert (await ben.get("/messages/conversations/id/1")).data == found
    from_ann = (await ann.get(f"/messages/conversations/id/{CONVERSATION_1_2}")).data
    assert (from_ann["userId"], from_ann["unreadCount"], said(from_ann)) == (2, 0, said(found))


async def test_a_conversation_about_one_post(ann: Person, ben: Person) -> None:
    await ann.write(ben, "About the bike", postId=1)
    await ann.write(ben, "About the table", postId=2)

    found = (await ben.get("/messages/conversations/1?postId=1")).data

    assert (said(found), found["postId"], found["post"]["title"]) == (["About the bike"], 1, "Road bike")
    assert (await ben.get("/messages/conversations/1?postId=99")).status == 404
    assert (await ben.get("/messages/conversations/1?postId=x")).field == "postId"


async def test_with_somebody_never_written_to_it_is_empty(ann: Person) -> None:
    found = (await ann.get("/messages/conversations/3")).data

    assert found == {
        "conversationId": 2**32 + 3 * 3 + 1,
        "userId": 3,
        "user": {"userId": 3, "fullName": "Chloé Dubois", "isOnline": False},
        "messages": [],
        "unreadCount": 0,
    }


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("99", 404, None),
        ("id/99", 404, None),
        ("1", 400, "userId"),
        ("0", 400, "userId"),
        ("x", 400, "userId"),
        ("2147483648", 400, "userId"),
        ("id/0", 400, "conversationId"),
        ("id/x", 400, "conversationId"),
        (f"id/{2**31}", 400, "conversationId"),
        (f"id/{2**32}", 400, "conversationId"),
        (f"id/{2**32 + 4}", 400, "conversationId"),
        (f"id/{2**53}", 400, "conversationId"),
        (f"id/{2**32 + 3 * 3 + 2}", 403, None),
        (f"id/{2**32 + 99 * 99 + 1}", 404, None),
    ],
)
async def test_what_names_no_conversation_of_mine(ann: Person, path: str, status: int, field: str | None) -> None:
    refused = await ann.get(f"/messages/conversations/{path}")

    assert refused.status == status
    if field:
        assert refused.field == field


# Clearing it


async def test_clearing_is_for_oneself_alone_and_a_new_message_brings_it_back(ann: Person, ben: Person) -> None:
    for number in range(3):
        await ann.write(ben, str(number))
    await ben.write(ann, "3")
    first_tab, at_ann = await ben.connect(), await ann.connect()

    cleared = await ben.delete("/messages/conversations/1")

    assert (cleared.status, cleared.data) == (200, {"userId": 1})
    assert await first_tab.next() == {"type": "conversation_cleared", "userId": 1}
    assert await at_ann.quiet() == []
    assert contents(await ben.get("/messages/user/1")) == []
    assert (await ben.get("/messages/user/1")).body["pagination"]["total"] == 0
    assert (await ben.get("/messages/conversations")).data == []
    assert (await ben.get("/messages/conversations")).body["pagination"]["total"] == 0
    assert (await ben.get("/messages/unread-count")).data == {"count": 0}
    assert said((await ben.get("/messages/conversations/1")).data) == []
    assert contents(await ann.get("/messages/user/2")) == ["0", "1", "2", "3"]
    assert (await ann.get("/messages/conversations")).data[0]["lastMessage"] == "3"
    assert (await ann.get("/messages/unread-count")).data == {"count": 1}

    await ann.write(ben, "Back")

    (preview,) = (await ben.get("/messages/conversations")).data
    assert (preview["lastMessage"], preview["unreadCount"]) == ("Back", 1)
    assert (await ben.get("/messages/unread-count")).data == {"count": 1}
    assert contents(await ben.get("/messages/user/1")) == ["Back"]
    found = (await ben.get("/messages/conversations/1")).data
    assert (said(found), found["unreadCount"]) == (["Back"], 1)


async def test_what_was_cleared_unread_is_not_read_with_what_came_later(ann: Person, ben: Person) -> None:
    hidden = await ann.write(ben, "Hidden")
    await ben.delete("/messages/conversations/1")
    await ann.write(ben, "Seen")

    counts = (await ben.post("/messages/conversations/1/read")).data

    assert counts["count"] == 1
    assert (await ann.get(f"/messages/{hidden['messageId']}")).data["isRead"] is False


async def test_clearing_again_moves_on_and_clearing_nothing_is_no_event(ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()
    assert (await ben.delete("/messages/conversations/1")).status == 200
    assert await at_ben.quiet() == []
    for text in ("First", "Second"):
        await ann.write(ben, text)
        assert (await ben.delete("/messages/conversations/1")).status == 200
        assert (await ben.delete("/messages/conversations/1")).status == 200
        assert contents(await ben.get("/messages/user/1")) == []
    assert [event["type"] for event in await at_ben.quiet()] == ["message", "conversation_cleared"] * 2


@pytest.mark.editions("postgresql", "mssql")
async def test_a_message_that_was_under_way_is_not_cleared(server: RunningServer, ann: Person, ben: Person) -> None:
    """Its id was taken first, and it is committed last."""
    await ann.write(ben, "Old")
    with server.app.database.engine.begin() as under_way:
        under_way.execute(
            sa.insert(messages).values(sender_id=1, recipient_id=2, message_content="Under way", created_at=START)
        )
        own = await ben.write(ann, "His own")
        assert (await ben.delete("/messages/conversations/1")).status == 200

    assert server.message_row(own["messageId"] - 1).message_content == "Under way"
    (preview,) = (await ben.get("/messages/conversations")).data
    assert (preview["lastMessage"], preview["unreadCount"]) == ("Under way", 1)
    assert (await ben.get("/messages/unread-count")).data == {"count": 1}
    assert contents(await ben.get("/messages/user/1")) == ["Under way"]
    found = (await ben.get("/messages/conversations/1")).data
    assert (said(found), found["unreadCount"]) == (["Under way"], 1)
    assert contents(await ben.get("/messages/search?query=under")) == ["Under way"]
    assert contents(await ben.get("/messages/search?query=own")) == []
    assert (await ben.post("/messages/conversations/1/read")).data["count"] == 1

    assert (await ben.delete("/messages/conversations/1")).status == 200
    assert (await ben.get("/messages/conversations")).data == []


async def test_one_conversation_cleared_leaves_the_others(ann: Person, ben: Person, chloe: Person) -> None:
    await chloe.write(ben)
    await ann.write(ben)

    await ben.delete("/messages/conversations/1")

    assert [preview["userId"] for preview in (await ben.get("/messages/conversations")).data] == [3]
    assert (await ben.get("/messages/unread-count")).data == {"count": 1}
    await ann.write(ben)
    previews = (await ben.get("/messages/conversations")).data
    assert [(preview["userId"], preview["unreadCount"]) for preview in previews] == [(1, 1), (3, 1)]


async def test_deleting_what_came_after_a_clearing_hides_the_conversation_again(ann: Person, ben: Person) -> None:
    await ann.write(ben, "Old")
    await ben.delete("/messages/conversations/1")
    sent = await ann.write(ben, "New")

    await ann.delete(f"/messages/{sent['messageId']}")

    assert (await ben.get("/messages/conversations")).data == []


@pytest.mark.parametrize(("path", "status"), [("99", 404), ("0", 400), ("x", 400)])
async def test_nobody_is_cleared_who_is_not_there(ann: Person, path: str, status: int) -> None:
    assert (await ann.delete(f"/messages/conversations/{path}")).status == status


async def test_an_inactive_user_sees_no_conversation(server: RunningServer, ann: Person, ben: Person) -> None:
    await ann.write(ben)
    server.deactivate(2)

    assert (await ben.get("/messages/conversations/1")).status == 401
