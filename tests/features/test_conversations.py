"""GET /messages/conversations: one preview a partner."""

from datetime import timedelta

import sqlalchemy as sa

from regoods.features.users.tables import users
from tests.support.people import Answer, Person
from tests.support.server import RunningServer


def partners(answer: Answer) -> list[int]:
    return [preview["userId"] for preview in answer.data]


async def test_a_preview_shows_the_partner_and_the_last_message(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    server.execute(
        sa.update(users).where(users.c.user_id == 2).values(profile_picture_url="https://images.example.com/ben.jpg")
    )
    await ann.write(ben, "Hello")
    await ben.write(ann, "Hello Ann")
    server.clock.advance(timedelta(seconds=1, milliseconds=250))
    await ben.write(ann, "About the bike …", postId=1)

    assert (await ann.get("/messages/conversations")).data == [
        {
            "conversationId": 2**32 + 2 * 2 + 1,
            "userId": 2,
            "fullName": "Ben Baker",
            "profilePictureUrl": "https://images.example.com/ben.jpg",
            "lastMessage": "About the bike …",
            "lastMessageAt": "2026-01-06T10:00:01.250Z",
            "lastMessageSenderId": 2,
            "unreadCount": 2,
            "isOnline": False,
            "postId": 1,
            "postTitle": "Road bike",
        }
    ]
    assert (await ben.get("/messages/conversations")).data == [
        {
            "conversationId": 2**32 + 2 * 2 + 1,
            "userId": 1,
            "fullName": "Ann Archer",
            "lastMessage": "About the bike …",
            "lastMessageAt": "2026-01-06T10:00:01.250Z",
            "lastMessageSenderId": 2,
            "unreadCount": 1,
            "isOnline": False,
            "postId": 1,
            "postTitle": "Road bike",
        }
    ]


async def test_who_never_wrote_has_no_conversations(ann: Person) -> None:
    answer = await ann.get("/messages/conversations")

    assert (answer.status, answer.data) == (200, [])
    assert answer.body["pagination"] == {"total": 0, "page": 1, "limit": 20, "pages": 0}


async def test_the_post_is_the_last_messages(ann: Person, ben: Person) -> None:
    await ann.write(ben, "The bike?", postId=1)
    last = await ann.write(ben, "The table?", postId=2)
    assert (await ann.get("/messages/conversations")).data[0]["postTitle"] == "Oak table"

    await ann.delete(f"/messages/{last['messageId']}")
    assert (await ann.get("/messages/conversations")).data[0]["postTitle"] == "Road bike"

    await ben.write(ann, "Neither")
    preview = (await ann.get("/messages/conversations")).data[0]
    assert "postId" not in preview
    assert "postTitle" not in preview


async def test_the_newest_conversation_comes_first(ann: Person, ben: Person, chloe: Person, dmitri: Person) -> None:
    await ann.write(ben)
    await chloe.write(ann)
    last = await ann.write(dmitri)
    await ben.write(chloe)
    assert partners(await ann.get("/messages/conversations")) == [4, 3, 2]

    await ben.write(ann, "Up again")
    assert partners(await ann.get("/messages/conversations")) == [2, 4, 3]

    await dmitri.delete(f"/messages/{last['messageId']}")
    assert partners(await ann.get("/messages/conversations")) == [2, 3]


async def test_conversations_come_in_pages(server: RunningServer, ann: Person) -> None:
    for user_id in (2, 3, 4, 5, 6):
        await ann.write(server.person(user_id))

    first = await ann.get("/messages/conversations?limit=2")
    second = await ann.get("/messages/conversations?limit=2&offset=2")
    third = await ann.get("/messages/conversations?limit=2&offset=4")
    beyond = await ann.get("/messages/conversations?limit=2&offset=6")

    assert [partners(page) for page in (first, second, third, beyond)] == [[6, 5], [4, 3], [2], []]
    assert first.body["pagination"] == {"total": 5, "page": 1, "limit": 2, "pages": 3}
    assert third.body["pagination"] == {"total": 5, "page": 3, "limit": 2, "pages": 3}
    assert (await ann.get("/messages/conversations")).body["pagination"] == {
        "total": 5,
        "page": 1,
        "limit": 20,
        "pages": 1,
    }


async def test_deleted_messages_do_not_count(ann: Person, ben: Person, chloe: Person) -> None:
    await chloe.write(ann, "Stays")
    kept = await ben.write(ann, "Kept")
    last = await ben.write(ann, "Deleted")

    await ben.delete(f"/messages/{last['messageId']}")
    preview = (await ann.get("/messages/conversations")).data[0]
    assert (preview["lastMessage"], preview["unreadCount"]) == ("Kept", 1)

    await ann.delete(f"/messages/{kept['messageId']}")
    answer = await ann.get("/messages/conversations")
    assert partners(answer) == [3]
    assert answer.body["pagination"]["total"] == 1
    assert (await ben.get("/messages/conversations")).data == []


async def test_unread_is_counted_for_each_partner(ann: Person, ben: Person, chloe: Person) -> None:
    for _ in range(3):
        await ben.write(ann)
    await chloe.write(ann)
    await ann.write(chloe)

    def unread(answer: Answer) -> dict[int, int]:
        return {preview["userId"]: preview["unreadCount"] for preview in answer.data}

    assert unread(await ann.get("/messages/conversations")) == {2: 3, 3: 1}
    await ann.post("/messages/conversations/2/read")
    assert unread(await ann.get("/messages/conversations")) == {2: 0, 3: 1}


async def test_a_partner_is_online_as_long_as_he_has_a_socket(ann: Person, ben: Person) -> None:
    await ann.write(ben)

    async def is_online() -> object:
        return (await ann.get("/messages/conversations")).data[0]["isOnline"]

    assert await is_online() is False
    first, second = await ben.connect(), await ben.connect()
    assert await is_online() is True

    first.close()
    await first.closed()
    assert await is_online() is True
    second.close()
    await second.closed()
    assert await is_online() is False
