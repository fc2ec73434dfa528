"""POST /messages: what may be sent to whom, and that a refused message is neither stored nor pushed."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.features.conversations.tables import messages
from regoods.features.users.tables import users
from tests.support.people import Answer, Person
from tests.support.server import RunningServer

NOBODY = 999


def stored(server: RunningServer) -> int:
    return len(server.execute(sa.select(messages.c.message_id)))


def nulls(value: Any) -> bool:
    if isinstance(value, dict):
        return any(nulls(item) for item in value.values())
    return value is None


async def send(person: Person, **body: Any) -> Answer:
    return await person.post("/messages", {"recipientId": 2, "messageContent": "Hello"} | body)


async def test_the_plainest_message_leaves_out_what_it_has_not(ann: Person, ben: Person) -> None:
    sent = await ann.write(ben, "Hello")

    assert not nulls(sent)
    assert set(sent) == {
        "messageId", "senderId", "recipientId", "messageContent", "messageType", "isReadByRecipient", "isReadBySender",
        "isRead", "isDeleted", "isEdited", "createdAt", "updatedAt", "sender", "recipient",
    }  # fmt: skip
    assert sent["messageType"] == "text"


async def test_an_image_answers_another_message_about_a_post(server: RunningServer, ann: Person, ben: Person) -> None:
    server.execute(
        sa.update(users).where(users.c.user_id == 2).values(profile_picture_url="https://images.example.com/ben.jpg")
    )
    question = await ann.write(ben, "A picture?")

    reply = await ben.write(
        ann,
        "Here it is",
        messageType="image",
        attachmentUrl="https://images.example.com/table.jpg?w=800#top",
        postId=2,
        parentMessageId=question["messageId"],
    )

    assert reply["messageType"] == "image"
    assert reply["attachmentUrl"] == "https://images.example.com/table.jpg?w=800#top"
    assert reply["parentMessageId"] == question["messageId"]
    assert reply["post"] == {"postId": 2, "title": "Oak table", "price": 841.0, "status": "active"}
    read = (await ann.get("/messages/user/2")).data[-1]
    assert [type(message["post"]["price"]) for message in (reply, read)] == [float, float]
    assert reply["sender"] == {
        "userId": 2,
        "fullName": "Ben Baker",
        "profilePictureUrl": "https://images.example.com/ben.jpg",
    }
    assert (await ann.get("/messages/user/2")).data == [question, reply]


async def test_the_sender_is_who_the_token_says_whatever_the_body_claims(ann: Person, chloe: Person) -> None:
    answer = await send(ann, senderId=3, userId=3, isReadByRecipient=True, messageId=77, createdAt="2020-01-01")

    assert answer.status == 201
    assert answer.data["senderId"] == answer.data["sender"]["userId"] == 1
    assert answer.data["isReadByRecipient"] is False
    assert answer.data["messageId"] != 77
    assert answer.data["createdAt"] == "2026-01-06T10:00:00.000Z"
    assert (await chloe.get("/messages/conversations")).data == []


async def test_many_at_once_all_arrive_once_and_in_the_order_of_their_ids(ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()

    sent = await asyncio.gather(*(ann.write(ben, f"Number {number}") for number in range(60)))

    arrived = [(await at_ben.next())["message"]["messageId"] for _ in sent]
    assert arrived == sorted(message["messageId"] for message in sent)
    assert len(set(arrived)) == 60
    assert await at_ben.quiet() == []


@pytest.mark.parametrize("blank", ["", " ", "\n\t \r\n", "\u00a0\u2003\u3000", "\ufeff", " \ufeff ", "\ufeff \ufeff"])
async def test_a_blank_message_is_refused(ann: Person, blank: str) -> None:
    refused = await send(ann, messageContent=blank)

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "messageContent")


@pytest.mark.parametrize("content", ["x" * 5000, "é" * 5000, "🚲" * 2500, "x" + "🚲" * 2499 + "x"])
async def test_five_thousand_characters_as_browsers_count_fit(ann: Person, content: str) -> None:
    answer = await send(ann, messageContent=content)

    assert answer.status == 201
    assert answer.data["messageContent"] == content


@pytest.mark.parametrize("content", ["x" * 5001, "é" * 5001, "🚲" * 2500 + "x", "🚲" * 5000])
async def test_five_thousand_and_one_do_not(server: RunningServer, ann: Person, content: str) -> None:
    refused = await send(ann, messageContent=content)

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "messageContent")
    assert stored(server) == 0


async def test_only_regoods_writes_system_messages(server: RunningServer, ann: Person) -> None:
    refused = await send(ann, messageType="system")

    assert (refused.status, refused.error["code"]) == (403, "FORBIDDEN")
    assert stored(server) == 0


@pytest.mark.parametrize("kind", ["video", "", "TEXT", "text "])
async def test_an_unknown_type_is_refused(ann: Person, kind: str) -> None:
    refused = await send(ann, messageType=kind)

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "messageType")


async def test_an_attachment_may_be_five_hundred_characters_long(ann: Person) -> None:
    address = "https://images.example.com/".ljust(500, "a")

    assert (await send(ann, attachmentUrl=address)).data["attachmentUrl"] == address
    refused = await send(ann, attachmentUrl=address + "a")

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "attachmentUrl")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "picture.jpg",
        "/uploads/picture.jpg",
        "//images.example.com/picture.jpg",
        "ftp://images.example.com/picture.jpg",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "http:picture.jpg",
        "http://",
        "https:///picture.jpg",
        "http://[::1/picture.jpg",
        "https://images.example.com/a picture.jpg",
        "https://images.example.com/pic\nture.jpg",
        "https://images.example.com/<script>",
        "https://images.example.com/ü.jpg",
    ],
)
async def test_an_attachment_is_a_web_address(ann: Person, address: str) -> None:
    refused = await send(ann, attachmentUrl=address)

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "attachmentUrl")


async def test_nobody_writes_to_himself(server: RunningServer, ann: Person) -> None:
    refused = await send(ann, recipientId=1)

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "recipientId")
    assert stored(server) == 0


@pytest.mark.parametrize("missing", [{"recipientId": NOBODY}, {"postId": NOBODY}, {"parentMessageId": NOBODY}])
async def test_recipient_post_and_parent_must_exist(
    server: RunningServer, ann: Person, ben: Person, missing: dict[str, int]
) -> None:
    at_ben = await ben.connect()

    refused = await send(ann, **missing)

    assert (refused.status, refused.error["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert stored(server) == 0
    assert await at_ben.quiet() == []


async def test_a_parent_must_be_of_a_conversation_one_is_in(ann: Person, ben: Person, chloe: Person) -> None:
    theirs = await ben.write(chloe, "Between us")
    own = await chloe.write(ann, "Between us two")

    refused = await send(ann, parentMessageId=theirs["messageId"])

    assert (refused.status, refused.error["code"]) == (403, "FORBIDDEN")
    assert "Between us" not in refused.raw.decode()
    assert (await send(ann, parentMessageId=own["messageId"])).status == 201
    assert len((await ben.get("/messages/user/1")).data) == 1


async def test_an_inactive_sender_is_told_so(server: RunningServer, ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()
    server.deactivate(1)

    refused = await send(ann)

    assert (refused.status, refused.error["code"]) == (403, "FORBIDDEN")
    assert stored(server) == 0
    assert await at_ben.quiet() == []


async def test_a_sender_who_is_missing_has_a_bad_token(server: RunningServer) -> None:
    refused = await send(server.person(NOBODY))

    assert (refused.status, refused.error["code"]) == (401, "INVALID_TOKEN")


async def test_an_inactive_recipient_is_as_good_as_missing(server: RunningServer, ann: Person) -> None:
    server.deactivate(2)

    refused = await send(ann)

    assert (refused.status, refused.error["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert stored(server) == 0
