"""Rows that the old API, or another program, wrote: served without an error and in the contract's shapes."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.features.conversations.tables import messages
from regoods.features.posts.tables import posts
from regoods.features.users.tables import users
from tests.support.people import Person
from tests.support.server import START, RunningServer

EARLIER = START - timedelta(days=3)


def store(server: RunningServer, **values: Any) -> int:
    row = {"sender_id": 1, "recipient_id": 2, "message_content": "From before", "created_at": EARLIER} | values
    server.execute(sa.insert(messages).values(**row))
    return int(server.execute(sa.select(sa.func.max(messages.c.message_id)))[0][0])


async def test_what_the_old_api_marked_read_is_read(server: RunningServer, ann: Person, ben: Person) -> None:
    message_id = store(server, is_read=True, read_at=EARLIER, is_read_by_recipient=False)
    at_ann = await ann.connect()

    (message,) = (await ben.get("/messages/user/1")).data
    assert (message["isRead"], message["isReadByRecipient"]) == (True, True)
    assert message["readAt"] == message["recipientReadAt"] == "2026-01-03T10:00:00.000Z"
    assert (await ben.get("/messages/unread-count")).data == {"count": 0}
    assert (await ben.get("/messages/conversations")).data[0]["unreadCount"] == 0

    again = await ben.post(f"/messages/{message_id}/read")
    assert (again.status, again.data["readAt"]) == (200, "2026-01-03T10:00:00.000Z")
    assert (await ben.post("/messages/conversations/1/read")).data["recipientCount"] == 0
    assert await at_ann.quiet() == []


async def test_a_row_that_was_never_updated_has_the_time_it_was_made(server: RunningServer, ben: Person) -> None:
    store(server, updated_at=None)

    (message,) = (await ben.get("/messages/user/1")).data

    assert message["updatedAt"] == message["createdAt"] == "2026-01-03T10:00:00.000Z"


@pytest.mark.parametrize(
    ("stored", "served"), [("voice", "text"), ("", "text"), ("system", "system"), ("image", "image")]
)
async def test_a_type_the_contract_does_not_know_is_text(
    server: RunningServer, ben: Person, stored: str, served: str
) -> None:
    store(server, message_type=stored)

    (message,) = (await ben.get("/messages/user/1")).data

    assert message["messageType"] == served


async def test_times_finer_than_ours_are_cut(server: RunningServer, ben: Person) -> None:
    store(server, created_at=EARLIER.replace(microsecond=123_456))

    (message,) = (await ben.get("/messages/user/1")).data

    assert message["createdAt"] == "2026-01-03T10:00:00.123Z"


async def test_a_column_left_to_its_default_is_no_trouble(server: RunningServer, ben: Person) -> None:
    server.execute(sa.insert(messages).values(sender_id=1, recipient_id=2, message_content="Bare"))

    (message,) = (await ben.get("/messages/user/1")).data

    assert (message["messageType"], message["isReadBySender"], message["isDeleted"]) == ("text", True, False)


@pytest.mark.editions("sqlite", "mssql")  # PostgreSQL's foreign keys forbid it
async def test_a_user_or_post_that_is_gone(server: RunningServer, ben: Person) -> None:
    message_id = store(server, post_id=1, parent_message_id=999)
    server.execute(sa.delete(users).where(users.c.user_id == 1))
    server.execute(sa.delete(posts).where(posts.c.post_id == 1))

    (preview,) = (await ben.get("/messages/conversations")).data

    assert (preview["userId"], preview["fullName"], preview["postId"]) == (1, "Deleted user", 1)
    assert "postTitle" not in preview
    message = (await ben.post(f"/messages/{message_id}/read")).data
    assert message["sender"] == {"userId": 1, "fullName": "Deleted user"}
    assert message["postId"] == 1
    assert "post" not in message


@pytest.mark.editions("sqlite", "mssql")
async def test_what_somebody_who_is_gone_wrote_can_be_opened_read_found_and_cleared(
    server: RunningServer, ben: Person, chloe: Person
) -> None:
    store(server)
    server.execute(sa.delete(users).where(users.c.user_id == 1))

    (message,) = (await ben.get("/messages/user/1")).data
    assert message["sender"] == {"userId": 1, "fullName": "Deleted user"}
    for path in ("/messages/conversations/1", "/messages/conversations/id/1"):
        conversation = (await ben.get(path)).data
        assert conversation["user"] == {"userId": 1, "fullName": "Deleted user", "isOnline": False}
        assert (conversation["messages"], conversation["unreadCount"]) == ([message], 1)
    assert len((await ben.get("/messages/search?query=from&userId=1")).data) == 1
    assert (await ben.post("/messages/conversations/1/read")).data["count"] == 1
    assert (await ben.get("/messages/unread-count")).data == {"count": 0}
    assert (await ben.delete("/messages/conversations/1")).status == 200
    assert (await ben.get("/messages/conversations")).data == []
    assert (await ben.get("/messages/user/1")).data == []

    for path in ("/messages/user/1", "/messages/conversations/1", "/messages/search?query=from&userId=1"):
        assert (await chloe.get(path)).status == 404
    assert (await chloe.post("/messages/conversations/1/read")).status == 404
    assert (await chloe.delete("/messages/conversations/1")).status == 404


async def test_somebody_else_s_messages_to_himself_break_nothing(server: RunningServer, ben: Person) -> None:
    store(server, sender_id=2, recipient_id=2)
    store(server)

    previews = (await ben.get("/messages/conversations")).data

    assert {preview["userId"] for preview in previews} == {1, 2}
    assert [message["messageContent"] for message in (await ben.get("/messages/user/2")).data] == ["From before"]
