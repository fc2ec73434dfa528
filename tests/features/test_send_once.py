"""Sent once: a client that asks again after a time-out gets the message it has sent already."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.core.work import Work, writes_for_anyone
from regoods.features.messages import periodic
from regoods.features.messages.queries import keep_key
from regoods.features.messages.rules import KEY_LIFE
from regoods.features.messages.tables import keys
from regoods.features.posts.tables import posts
from tests.support.people import Answer, Person
from tests.support.raw_socket import eventually
from tests.support.server import RunningServer
from tests.support.unanswered import Held, said, say_and_leave


async def post(person: Person, key: str, content: str = "Hello", **more: Any) -> Answer:
    body = {"recipientId": 2, "messageContent": content, **more}
    return await person.post("/messages", body, headers={"Idempotency-Key": key})


async def thread(person: Person, partner: int) -> list[str]:
    return [message["messageContent"] for message in (await person.get(f"/messages/user/{partner}")).data]


async def test_the_same_key_gives_the_same_message(ann: Person, ben: Person) -> None:
    key = str(uuid.uuid4())
    at_ben = await ben.connect()

    answers = [await post(ann, key) for _ in range(3)]

    assert [answer.status for answer in answers] == [201, 201, 201]
    assert answers[0].data == answers[1].data == answers[2].data
    assert [event["type"] for event in await at_ben.quiet()] == ["message"]
    assert await thread(ben, 1) == ["Hello"]


async def test_ten_at_once_make_one_message(ann: Person, ben: Person) -> None:
    key = str(uuid.uuid4())

    answers = await asyncio.gather(*(post(ann, key) for _ in range(10)))

    assert {(answer.status, answer.data["messageId"]) for answer in answers} == {(201, answers[0].data["messageId"])}
    assert await thread(ben, 1) == ["Hello"]


@pytest.mark.editions("postgresql", "mssql")
async def test_a_key_that_another_node_has_just_kept_is_not_taken_from_it(server: RunningServer, ann: Person) -> None:
    first = (await post(ann, "k")).data["messageId"]
    digest = server.execute(sa.select(keys.c.key_digest))[0].key_digest

    def late(work: Work, user_id: int) -> None:
        """As one that looked for the key before the other node's commit."""
        keep_key(work.session, user_id, digest, 0, first + 1, work.now, work.now - KEY_LIFE)

    with pytest.raises(sa.exc.IntegrityError):
        await server.app.services.work.run(writes_for_anyone(late), 1)

    assert server.execute(sa.select(keys.c.message_id))[0].message_id == first


async def test_ten_at_once_at_two_servers_make_one_message(server: RunningServer, ann: Person, ben: Person) -> None:
    other = RunningServer(server.settings, server.clock)
    other.start()
    try:
        key = str(uuid.uuid4())
        there = other.person(1)
        answers = await asyncio.gather(*(post(person, key) for _ in range(5) for person in (ann, there)))
    finally:
        await other.stop()

    assert {(answer.status, answer.data["messageId"]) for answer in answers} == {(201, answers[0].data["messageId"])}
    assert await thread(ben, 1) == ["Hello"]


async def test_the_message_is_given_as_it_is_now(ann: Person, ben: Person) -> None:
    sent = (await post(ann, "key")).data
    await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "Edited"})

    again = await post(ann, "key")

    assert (again.status, again.data["messageId"], again.data["messageContent"]) == (201, sent["messageId"], "Edited")


async def test_the_same_key_with_another_body_is_a_conflict(ann: Person, ben: Person) -> None:
    await post(ann, "key")

    for refused in (await post(ann, "key", "Other"), await post(ann, "key", postId=1)):
        assert (refused.status, refused.error["code"]) == (422, "CONFLICT")
    assert "Use a new key" in refused.error["message"]
    assert (await post(ann, "key", unknownField=1)).status == 201
    assert await thread(ben, 1) == ["Hello"]


async def test_a_key_is_its_user_s_and_case_counts(ann: Person, ben: Person, chloe: Person) -> None:
    ids = {(await post(person, key)).data["messageId"] for person in (ann, chloe) for key in ("key", "KEY")}

    assert len(ids) == 4


async def test_a_refused_message_does_not_use_its_key_up(ann: Person, ben: Person) -> None:
    assert (await post(ann, "key", postId=99)).status == 404

    assert (await post(ann, "key")).status == 201


async def test_a_key_lives_for_a_day_and_through_a_restart(server: RunningServer, ann: Person, ben: Person) -> None:
    first = (await post(ann, "key")).data["messageId"]
    await server.stop()
    again = RunningServer(server.settings, server.clock)
    again.start()
    try:
        ann = again.person(1)
        server.clock.advance(timedelta(hours=23, minutes=59))
        assert (await post(ann, "key")).data["messageId"] == first
        await periodic.forget_keys(again.app.services)
        assert (await post(ann, "key")).data["messageId"] == first
        server.clock.advance(timedelta(minutes=1))
        second = (await post(ann, "key")).data["messageId"]
        assert second != first
        assert (await post(ann, "key")).data["messageId"] == second
        server.clock.advance(timedelta(days=1))
        await periodic.forget_keys(again.app.services)
        assert again.execute(sa.select(keys.c.user_id)) == []
    finally:
        await again.stop()


@pytest.mark.parametrize("key", ["", " ", "with space", "x" * 256, "schlüssel"])
async def test_a_bad_key_is_named_and_nothing_sent(ann: Person, ben: Person, key: str) -> None:
    refused = await post(ann, key)

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "Idempotency-Key")
    assert await thread(ben, 1) == []


# Without a key


HELLO = {"recipientId": 2, "messageContent": "Hello"}


async def test_who_asks_again_because_his_connection_ended_gets_the_message_of_the_first_time(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    held = await Held(server, 1).begun()
    await say_and_leave(server, ann, HELLO)
    again = asyncio.ensure_future(ann.post("/messages", HELLO))
    other = asyncio.ensure_future(ann.post("/messages", HELLO | {"messageContent": "Other"}))
    await held.let_go()

    assert (await again).status == 201
    assert (await other).status == 201
    assert sorted(await thread(ben, 1)) == ["Hello", "Other"]
    assert (await thread(ben, 1)).count("Hello") == 1


async def test_also_when_the_message_was_stored_before_he_asked_again(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    held = await Held(server, 1).begun()
    await say_and_leave(server, ann, HELLO)
    await held.let_go()

    async def stored() -> Any:
        return await thread(ben, 1) == ["Hello"]

    await eventually(stored)

    again = await ann.post("/messages", HELLO)
    assert (again.status, again.data["messageContent"]) == (201, "Hello")
    assert await thread(ben, 1) == ["Hello"]
    # That answer arrived, so the same words now are another message.
    assert (await ann.post("/messages", HELLO)).data["messageId"] != again.data["messageId"]
    assert await thread(ben, 1) == ["Hello", "Hello"]


async def test_also_when_the_first_connection_ended_as_soon_as_it_was_said(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    """Before anything is done about it: the words and the end of the connection come together."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(server.base_url.rpartition(":")[2]))
    head, blank, words = said(ann, HELLO).partition(b"\r\n\r\n")
    writer.write(head + blank)

    async def begun() -> Any:
        return server.app.patience._requests

    await eventually(begun)
    writer.write(words)
    writer.close()

    async def stored() -> Any:
        return await thread(ben, 1) == ["Hello"]

    await eventually(stored)

    assert (await ann.post("/messages", HELLO)).status == 201
    assert await thread(ben, 1) == ["Hello"]
    assert (await ann.post("/messages", HELLO)).status == 201
    assert await thread(ben, 1) == ["Hello", "Hello"]


async def test_equal_texts_whose_answers_arrived_are_two_messages(ann: Person, ben: Person) -> None:
    answers = await asyncio.gather(ann.post("/messages", HELLO), ann.post("/messages", HELLO))

    assert len({answer.data["messageId"] for answer in answers}) == 2


async def test_another_user_s_equal_words_are_his_own(
    server: RunningServer, ann: Person, ben: Person, chloe: Person
) -> None:
    held = await Held(server, 1).begun()
    await say_and_leave(server, ann, HELLO)
    await held.let_go()

    assert (await chloe.post("/messages", HELLO)).data["senderId"] == 3
    assert await thread(ben, 3) == ["Hello"]


async def test_a_first_time_that_failed_is_no_answer(server: RunningServer, ann: Person, ben: Person) -> None:
    held = await Held(server, 1).begun()
    await say_and_leave(server, ann, HELLO | {"postId": 99})
    again = asyncio.ensure_future(ann.post("/messages", HELLO | {"postId": 99}))
    await held.let_go()

    assert (await again).status == 404


async def test_who_goes_away_while_he_waits_for_his_first_time_is_remembered_too(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    """The first POST fails; the second, whose client is gone as well, is stored; the third gets that one."""
    about = HELLO | {"postId": 3}
    held = await Held(server, 1).begun()
    await say_and_leave(server, ann, about)
    add = sa.insert(posts).from_select(
        [column.key for column in posts.columns],
        sa.select(*(sa.literal(3) if column.key == "post_id" else column for column in posts.columns)).where(
            posts.c.post_id == 1
        ),
    )
    after_it = Held(server, 1, then=lambda work: work.session.connection.execute(add))
    await say_and_leave(server, ann, about)
    third = asyncio.ensure_future(ann.post("/messages", about))
    await held.let_go()
    await after_it.let_go()

    assert (await third).status == 201
    assert await thread(ben, 1) == ["Hello"]
