"""Reading: threads, one message's and a whole conversation's receipts, and what is still unread."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.features.conversations.tables import messages
from tests.support.people import Answer, Person
from tests.support.server import RunningServer

NOBODY = 999
CALLS = (
    ("GET", "/messages/conversations"),
    ("GET", "/messages/user/2"),
    ("GET", "/messages/unread-count"),
    ("POST", "/messages/1/read"),
    ("POST", "/messages/conversations/2/read"),
    ("PUT", "/messages/1"),
    ("DELETE", "/messages/1"),
)


def contents(answer: Answer) -> list[str]:
    return [message["messageContent"] for message in answer.data]


async def write_numbers(sender: Person, recipient: Person, count: int) -> list[dict[str, Any]]:
    return [await sender.write(recipient, str(number)) for number in range(1, count + 1)]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_a_caller_who_was_deactivated_is_out_at_once(
    server: RunningServer, ann: Person, ben: Person, method: str, path: str
) -> None:
    await ann.write(ben)
    assert (await ann.get("/messages/unread-count")).status == 200
    server.deactivate(1)

    refused = await ann.call(method, path, {"messageContent": "New"} if method == "PUT" else None)

    assert (refused.status, refused.error["code"]) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_a_caller_without_an_account_is_out(server: RunningServer, method: str, path: str) -> None:
    refused = await server.person(NOBODY).call(method, path, {"messageContent": "New"} if method == "PUT" else None)

    assert (refused.status, refused.error["code"]) == (401, "INVALID_TOKEN")


async def test_a_thread_is_the_same_from_both_sides(ann: Person, ben: Person) -> None:
    first = await ann.write(ben, "One")
    second = await ben.write(ann, "Two")

    at_ann, at_ben = await ann.get("/messages/user/2"), await ben.get("/messages/user/1")

    assert at_ann.data == at_ben.data == [first, second]


async def test_a_thread_holds_nothing_of_other_conversations(ann: Person, ben: Person, chloe: Person) -> None:
    await ann.write(ben, "To Ben")
    await ann.write(chloe, "To Chloé")
    await ben.write(chloe, "Ben to Chloé")

    assert contents(await ann.get("/messages/user/2")) == ["To Ben"]
    assert contents(await chloe.get("/messages/user/1")) == ["To Chloé"]


async def test_offset_counts_back_from_the_newest_and_a_page_ascends(ann: Person, ben: Person) -> None:
    await write_numbers(ann, ben, 7)

    assert contents(await ann.get("/messages/user/2?limit=3")) == ["5", "6", "7"]
    assert contents(await ben.get("/messages/user/1?limit=3&offset=3")) == ["2", "3", "4"]
    assert contents(await ann.get("/messages/user/2?limit=3&offset=6")) == ["1"]
    assert contents(await ann.get("/messages/user/2?limit=3&offset=7")) == []


async def test_a_thread_says_how_much_there_is(ann: Person, ben: Person) -> None:
    await write_numbers(ann, ben, 7)

    async def figures(query: str) -> Any:
        return (await ann.get("/messages/user/2" + query)).body["pagination"]

    assert await figures("") == {"total": 7, "page": 1, "limit": 50, "pages": 1}
    assert await figures("?limit=3") == {"total": 7, "page": 1, "limit": 3, "pages": 3}
    assert await figures("?limit=3&offset=2") == {"total": 7, "page": 1, "limit": 3, "pages": 3}
    assert await figures("?limit=3&offset=6") == {"total": 7, "page": 3, "limit": 3, "pages": 3}
    assert await figures("?limit=7") == {"total": 7, "page": 1, "limit": 7, "pages": 1}


async def test_fifty_messages_are_a_page_where_nothing_else_is_asked_for(ann: Person, ben: Person) -> None:
    await write_numbers(ann, ben, 52)

    assert contents(await ann.get("/messages/user/2")) == [str(number) for number in range(3, 53)]
    assert len(contents(await ann.get("/messages/user/2?limit=100"))) == 52


async def test_an_empty_thread_is_an_empty_list(ann: Person) -> None:
    answer = await ann.get("/messages/user/2")

    assert (answer.status, answer.data) == (200, [])
    assert answer.body["pagination"] == {"total": 0, "page": 1, "limit": 50, "pages": 0}


async def test_deleted_messages_leave_no_gap_in_a_page(ann: Person, ben: Person) -> None:
    sent = await write_numbers(ann, ben, 5)
    await ann.delete(f"/messages/{sent[3]['messageId']}")

    answer = await ben.get("/messages/user/1?limit=3")

    assert contents(answer) == ["2", "3", "5"]
    assert answer.body["pagination"]["total"] == 4


async def test_a_thread_can_be_about_one_post_alone(ann: Person, ben: Person) -> None:
    await ann.write(ben, "About the bike", postId=1)
    await ben.write(ann, "About the table", postId=2)
    await ann.write(ben, "About nothing")
    await ben.write(ann, "The bike again", postId=1)

    bike = await ann.get("/messages/user/2?postId=1")

    assert contents(bike) == ["About the bike", "The bike again"]
    assert bike.body["pagination"]["total"] == 2
    assert contents(await ann.get("/messages/user/2?postId=1&limit=1&offset=1")) == ["About the bike"]
    assert contents(await ann.get(f"/messages/user/2?postId={NOBODY}")) == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/messages/user/999"), ("POST", "/messages/conversations/999/read")]
)
async def test_an_unknown_partner_is_not_found(ann: Person, method: str, path: str) -> None:
    answer = await ann.call(method, path)

    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_reading_again_keeps_the_first_time_and_tells_nobody(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    sent = await ann.write(ben)
    first = await ben.post(f"/messages/{sent['messageId']}/read")
    at_ann, at_ben = await ann.connect(), await ben.connect()
    server.clock.advance(timedelta(minutes=5))

    again = await ben.post(f"/messages/{sent['messageId']}/read")

    assert again.status == 200
    assert again.data == first.data
    assert again.data["recipientReadAt"] == again.data["readAt"] == "2026-01-06T10:00:00.000Z"
    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []


async def test_a_sender_who_marks_his_own_message_gives_no_receipt(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    sent = await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    marked = await ann.post(f"/messages/{sent['messageId']}/read")

    assert marked.status == 200
    assert marked.data["isReadBySender"] is True
    assert marked.data["isReadByRecipient"] is marked.data["isRead"] is False
    assert "recipientReadAt" not in marked.data
    assert "readAt" not in marked.data
    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []
    assert (await ben.get("/messages/unread-count")).data == {"count": 1}

    server.clock.advance(timedelta(minutes=5))
    again = await ann.post(f"/messages/{sent['messageId']}/read")

    assert again.data.get("senderReadAt") == marked.data.get("senderReadAt")


async def test_a_sender_marks_what_was_unread_by_himself(server: RunningServer, ann: Person, ben: Person) -> None:
    sent = await ann.write(ben)
    server.execute(sa.update(messages).values(is_read_by_sender=False))

    marked = await ann.post(f"/messages/{sent['messageId']}/read")

    assert marked.data["isReadBySender"] is True
    assert marked.data["senderReadAt"] == "2026-01-06T10:00:00.000Z"


async def test_a_stranger_may_not_mark_a_message(
    server: RunningServer, ann: Person, ben: Person, chloe: Person
) -> None:
    sent = await ann.write(ben, "Private")

    refused = await chloe.post(f"/messages/{sent['messageId']}/read")

    assert (refused.status, refused.error["code"]) == (403, "FORBIDDEN")
    assert "Private" not in refused.raw.decode()
    row = server.message_row(sent["messageId"])
    assert (row.IsReadByRecipient, row.IsRead) == (False, False)


async def test_a_message_that_is_not_there_cannot_be_read(ann: Person) -> None:
    answer = await ann.post("/messages/999/read")

    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_reading_a_conversation_marks_both_directions(server: RunningServer, ann: Person, ben: Person) -> None:
    received = await write_numbers(ann, ben, 3)
    own = await ben.write(ann, "Mine")
    server.execute(sa.update(messages).where(messages.c.message_id == own["messageId"]).values(is_read_by_sender=False))
    at_ann = await ann.connect()
    server.clock.advance(timedelta(minutes=1))

    answer = await ben.post("/messages/conversations/1/read")

    assert answer.data == {"recipientCount": 3, "senderCount": 1, "count": 3}
    thread = (await ben.get("/messages/user/1")).data
    for message in thread[:3]:
        assert message["isReadByRecipient"] is message["isRead"] is True
        assert message["recipientReadAt"] == message["readAt"] == "2026-01-06T10:01:00.000Z"
    assert thread[3]["isReadBySender"] is True
    assert thread[3]["senderReadAt"] == "2026-01-06T10:01:00.000Z"
    assert thread[3]["isReadByRecipient"] is False
    events = await at_ann.quiet()
    assert [event["messageId"] for event in events[:-1]] == [message["messageId"] for message in received]
    assert (events[-1]["type"], events[-1]["count"]) == ("conversation_read", 3)


async def test_marking_only_what_one_sent_oneself_is_no_receipt(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    await ann.write(ben)
    server.execute(sa.update(messages).values(is_read_by_sender=False))
    at_ben = await ben.connect()

    answer = await ann.post("/messages/conversations/2/read")

    assert answer.data == {"recipientCount": 0, "senderCount": 1, "count": 0}
    assert await at_ben.quiet() == []


async def test_reading_a_conversation_leaves_others_and_deleted_messages_alone(
    server: RunningServer, ann: Person, ben: Person, chloe: Person
) -> None:
    deleted = await ann.write(ben, "Gone")
    await ann.delete(f"/messages/{deleted['messageId']}")
    await ann.write(ben, "There")
    other = await chloe.write(ben, "From another")

    assert (await ben.post("/messages/conversations/1/read")).data["count"] == 1

    assert server.message_row(deleted["messageId"]).IsReadByRecipient == False  # noqa: E712 - sqlite's 0
    assert server.message_row(other["messageId"]).IsReadByRecipient == False  # noqa: E712
    assert (await ben.get("/messages/unread-count")).data == {"count": 1}


async def test_a_message_that_was_read_keeps_its_time_when_the_conversation_is(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    early = await ann.write(ben, "Early")
    await ben.post(f"/messages/{early['messageId']}/read")
    late = await ann.write(ben, "Late")
    server.clock.advance(timedelta(minutes=1))

    assert (await ben.post("/messages/conversations/1/read")).data["count"] == 1

    times = {message["messageId"]: message["readAt"] for message in (await ben.get("/messages/user/1")).data}
    assert times == {
        early["messageId"]: "2026-01-06T10:00:00.000Z",
        late["messageId"]: "2026-01-06T10:01:00.000Z",
    }


async def test_unread_is_what_was_received_is_unread_and_not_deleted(ann: Person, ben: Person, chloe: Person) -> None:
    first, second, _third = await write_numbers(ann, ben, 3)
    await chloe.write(ben)
    await ben.write(ann)
    assert (await ben.get("/messages/unread-count")).data == {"count": 4}

    await ben.post(f"/messages/{first['messageId']}/read")
    await ann.delete(f"/messages/{second['messageId']}")

    assert (await ben.get("/messages/unread-count")).data == {"count": 2}
    assert (await chloe.get("/messages/unread-count")).data == {"count": 0}


async def test_a_deleted_message_is_not_marked_and_nobody_is_told(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    sent = await ann.write(ben)
    await ann.delete(f"/messages/{sent['messageId']}")
    at_ann = await ann.connect()

    answer = await ben.post(f"/messages/{sent['messageId']}/read")

    assert (answer.status, answer.data["isDeleted"], answer.data["isReadByRecipient"]) == (200, True, False)
    assert await at_ann.quiet() == []
