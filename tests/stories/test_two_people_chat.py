"""Send, see it arrive, read, see the receipt; type; edit; delete; two tabs: what the product exists for."""

from datetime import timedelta

from tests.support.people import Person
from tests.support.server import RunningServer


async def test_a_message_arrives_and_its_receipt_comes_back(ann: Person, ben: Person) -> None:
    at_ann, at_ben = await ann.connect(), await ben.connect()

    sent = await ann.write(ben, "Is the bike still there? 🚲", postId=1)

    arrived = await at_ben.next()
    assert arrived == {"type": "message", "message": sent}
    assert await at_ann.next() == {"type": "message_sent", "message": sent}
    assert sent == {
        "messageId": sent["messageId"],
        "senderId": 1,
        "recipientId": 2,
        "postId": 1,
        "messageContent": "Is the bike still there? 🚲",
        "messageType": "text",
        "isReadByRecipient": False,
        "isReadBySender": True,
        "isRead": False,
        "isDeleted": False,
        "isEdited": False,
        "createdAt": "2026-01-06T10:00:00.000Z",
        "updatedAt": "2026-01-06T10:00:00.000Z",
        "sender": {"userId": 1, "fullName": "Ann Archer"},
        "recipient": {"userId": 2, "fullName": "Ben Baker"},
        "post": {
            "postId": 1,
            "title": "Road bike",
            "price": 420.5,
            "imageUrl": "https://images.example.com/front.jpg",
            "status": "active",
        },
    }
    assert (await ben.get("/messages/unread-count")).data == {"count": 1}

    read = await ben.post(f"/messages/{sent['messageId']}/read")

    receipt = {"type": "message_read", "messageId": sent["messageId"], "readAt": "2026-01-06T10:00:00.000Z"}
    assert await at_ann.next() == receipt
    assert await at_ben.next() == receipt
    assert read.data["isReadByRecipient"] is True
    assert read.data["isRead"] is True
    assert read.data["recipientReadAt"] == read.data["readAt"] == "2026-01-06T10:00:00.000Z"
    assert (await ben.get("/messages/unread-count")).data == {"count": 0}


async def test_reading_a_whole_conversation_tells_both(ann: Person, ben: Person) -> None:
    first = await ann.write(ben, "One")
    second = await ann.write(ben, "Two")
    at_ann, at_ben = await ann.connect(), await ben.connect()

    answer = await ben.post("/messages/conversations/1/read")

    assert answer.data == {"recipientCount": 2, "senderCount": 0, "count": 2}
    for socket in (at_ann, at_ben):
        assert [(await socket.next())["messageId"] for _ in range(2)] == [first["messageId"], second["messageId"]]
        assert await socket.next() == {
            "type": "conversation_read",
            "conversationId": 2**32 + 2 * 2 + 1,
            "readerId": 2,
            "count": 2,
            "lastReadMessageId": second["messageId"],
        }

    again = await ben.post("/messages/conversations/1/read")

    assert again.data == {"recipientCount": 0, "senderCount": 0, "count": 0}
    assert await at_ann.quiet() == []


async def test_only_the_newest_hundred_receipts_are_sent_one_by_one(ann: Person, ben: Person) -> None:
    ids = [(await ann.write(ben, f"Number {number}"))["messageId"] for number in range(103)]
    at_ann = await ann.connect()

    assert (await ben.post("/messages/conversations/1/read")).data["count"] == 103

    events = await at_ann.quiet()
    assert [event["messageId"] for event in events[:-1]] == ids[3:]
    assert events[-1]["type"] == "conversation_read"
    assert events[-1]["count"] == 103


async def test_typing_is_seen_both_ways(ann: Person, ben: Person) -> None:
    await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    at_ann.send({"type": "typing", "conversationId": 2})  # as the SPA: the partner's user id, no recipientId
    assert await at_ben.next() == {"type": "typing", "conversationId": 1, "userId": 1}

    number = 2**32 + 2 * 2 + 1
    at_ben.send({"type": "typing", "conversationId": number, "recipientId": 1, "userId": 99})
    assert await at_ann.next() == {"type": "typing", "conversationId": number, "userId": 2}


async def test_an_edit_is_seen_by_both_and_ends_after_fifteen_minutes(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    sent = await ann.write(ben, "Tomorow")
    at_ann, at_ben = await ann.connect(), await ben.connect()
    server.clock.advance(timedelta(minutes=15))

    edited = await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "Tomorrow"})

    assert edited.data["messageContent"] == "Tomorrow"
    assert edited.data["isEdited"] is True
    assert edited.data["editedAt"] == edited.data["updatedAt"] == "2026-01-06T10:15:00.000Z"
    expected = {"type": "message_edited", "message": edited.data}
    assert await at_ann.next() == expected
    assert await at_ben.next() == expected

    server.clock.advance(timedelta(milliseconds=1))
    late = await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "Never"})
    assert (late.status, late.error["code"], late.field) == (400, "VALIDATION_ERROR", "messageId")
    assert server.message_row(sent["messageId"]).MessageContent == "Tomorrow"


async def test_either_may_delete_and_nobody_sees_it_again(server: RunningServer, ann: Person, ben: Person) -> None:
    first, second = await ann.write(ben, "One"), await ann.write(ben, "Two")
    at_ann, at_ben = await ann.connect(), await ben.connect()

    assert (await ben.delete(f"/messages/{second['messageId']}")).data == {"messageId": second["messageId"]}

    for socket in (at_ann, at_ben):
        assert await socket.next() == {"type": "message_deleted", "messageId": second["messageId"]}
    assert [message["messageId"] for message in (await ann.get("/messages/user/2")).data] == [first["messageId"]]
    assert (await ben.get("/messages/unread-count")).data == {"count": 1}
    assert (await ben.get("/messages/conversations")).data[0]["lastMessage"] == "One"
    row = server.message_row(second["messageId"])
    assert (row.IsDeleted, row.DeletedBy, row.MessageContent) == (True, 2, "Two")

    again = await ann.delete(f"/messages/{second['messageId']}")
    assert (again.status, again.error["code"]) == (400, "VALIDATION_ERROR")


async def test_every_tab_of_both_hears_of_it(ann: Person, ben: Person) -> None:
    ann_tabs = [await ann.connect(), await ann.connect()]
    ben_tabs = [await ben.connect(), await ben.connect()]

    sent = await ann.write(ben)

    for tab in ann_tabs:
        assert await tab.next() == {"type": "message_sent", "message": sent}
    for tab in ben_tabs:
        assert await tab.next() == {"type": "message", "message": sent}


async def test_what_the_spa_says_again_over_its_socket_is_ignored(ann: Person, ben: Person) -> None:
    sent = await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    for kind in ("message", "message_edited", "message_deleted", "message_read"):
        at_ann.send({"type": kind, "messageId": sent["messageId"], "message": sent})

    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []
    assert len((await ben.get("/messages/user/1")).data) == 1
