"""Who is typing: to the partner and to nobody else, whoever the frame says it is from."""

from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from cachetools import TTLCache

from regoods.features.typing import events
from tests.support.clock import Watch
from tests.support.nodes import holds
from tests.support.people import Person, Socket
from tests.support.server import RunningServer

ANN_AND_BEN = 2**32 + 2 * 2 + 1
BEN_AND_CHLOE = 2**32 + 3 * 3 + 2
ANN_AND_CHLOE = 2**32 + 3 * 3 + 1


def typing(**fields: Any) -> dict[str, Any]:
    return {"type": "typing", **fields}


async def refused(socket: Socket, frame: dict[str, Any]) -> str:
    """The code of the one error a frame is answered with."""
    socket.send(frame)
    (error,) = await socket.quiet()
    assert error["type"] == "error"
    return str(error["code"])


@pytest.mark.parametrize(
    ("frame", "seen_as"),
    [
        (typing(conversationId=2), 1),
        (typing(conversationId=ANN_AND_BEN), ANN_AND_BEN),
        (typing(conversationId=2, recipientId=2), 1),
        (typing(conversationId=ANN_AND_BEN, recipientId=2), ANN_AND_BEN),
        (typing(conversationId=2, userId=1), 1),
        (typing(conversationId=2, userId=3), 1),
        (typing(conversationId=2, userId="3; --", more={"x": [1]}), 1),
    ],
)
async def test_the_partner_sees_who_types(
    ann: Person, ben: Person, chloe: Person, frame: dict[str, Any], seen_as: int
) -> None:
    await ann.write(ben)
    await ann.write(chloe)
    at_ann, at_chloe = await ann.connect(), await chloe.connect()
    tabs = [await ben.connect(), await ben.connect()]

    at_ann.send(frame)

    for tab in tabs:
        assert await tab.next() == {"type": "typing", "conversationId": seen_as, "userId": 1}
    assert await at_ann.quiet() == []
    assert await at_chloe.quiet() == []


async def test_the_recipient_counts_where_he_is_given(ann: Person, ben: Person, chloe: Person) -> None:
    await ann.write(ben)
    await ann.write(chloe)
    at_ann, at_ben, at_chloe = await ann.connect(), await ben.connect(), await chloe.connect()

    at_ann.send(typing(conversationId=3, recipientId=2))

    assert await at_ben.next() == {"type": "typing", "conversationId": 1, "userId": 1}
    assert await at_chloe.quiet() == []


async def test_typing_is_written_nowhere(server: RunningServer, ann: Person, ben: Person) -> None:
    sent = await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()
    before = server.message_row(sent["messageId"])

    at_ann.send(typing(conversationId=2))

    assert (await at_ben.next())["type"] == "typing"
    assert server.message_row(sent["messageId"]) == before


@pytest.mark.parametrize("number", [BEN_AND_CHLOE, 2**32, 2**31, 2**32 + 2, 2**53 - 1, 0, -1, 2**53, 2**63, 2**64])
async def test_a_conversation_one_is_not_in_is_an_error(ann: Person, ben: Person, chloe: Person, number: int) -> None:
    await ben.write(chloe)
    at_ann, at_ben, at_chloe = await ann.connect(), await ben.connect(), await chloe.connect()

    assert await refused(at_ann, typing(conversationId=number)) == "VALIDATION_ERROR"

    assert await at_ben.quiet() == []
    assert await at_chloe.quiet() == []


@pytest.mark.parametrize("frame", [typing(conversationId=1), typing(conversationId=2, recipientId=1)])
async def test_nobody_types_to_himself(ann: Person, ben: Person, frame: dict[str, Any]) -> None:
    await ann.write(ben)

    assert await refused(await ann.connect(), frame) == "VALIDATION_ERROR"


@pytest.mark.parametrize(
    "frame",
    [
        typing(),
        typing(recipientId=2),
        typing(conversationId=None),
        typing(conversationId="2"),
        typing(conversationId=2.5),
        typing(conversationId=True),
        typing(conversationId=[2]),
        typing(conversationId=2, recipientId="2"),
        typing(conversationId=2, recipientId=True),
        typing(conversationId=2, recipientId=0),
        typing(conversationId=2, recipientId=2**31),
    ],
    ids=str,
)
async def test_a_frame_with_a_bad_field_is_an_error_that_names_it(
    ann: Person, ben: Person, frame: dict[str, Any]
) -> None:
    await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    at_ann.send(frame)

    (error,) = await at_ann.quiet()
    assert (error["type"], error["code"]) == ("error", "VALIDATION_ERROR")
    assert "conversationId" in error["message"] or "recipientId" in error["message"]
    assert await at_ben.quiet() == []


@pytest.mark.parametrize("partner", [2, 999, 2**31 - 1])
async def test_without_a_conversation_nothing_happens(ann: Person, ben: Person, chloe: Person, partner: int) -> None:
    await ann.write(chloe)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    at_ann.send(typing(conversationId=partner))
    at_ann.send(typing(conversationId=partner, recipientId=partner))

    await ann.get("/messages/unread-count")  # the look-up before it has had its turn
    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []


async def test_an_answer_is_as_good_as_a_first_message(ann: Person, ben: Person) -> None:
    await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    at_ben.send(typing(conversationId=1))  # he has never written himself

    assert (await at_ann.next())["userId"] == 2


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Times the seconds of a server that is started afterwards."""
    watch = Watch()
    monkeypatch.setattr(events, "TTLCache", partial(TTLCache, timer=watch))
    return watch


async def test_at_most_one_a_second_goes_out_and_the_first_at_once(
    watch: Watch, server: RunningServer, ann: Person, ben: Person
) -> None:
    await ann.write(ben)
    tabs, at_ben = [await ann.connect(), await ann.connect()], await ben.connect()
    begun = watch.now

    for tab in tabs * 5:
        tab.send(typing(conversationId=2))
        tab.send(typing(conversationId=ANN_AND_BEN, recipientId=2))
    assert (await at_ben.next())["type"] == "typing"
    for tab in tabs:
        assert await tab.quiet() == []
    # Those that came before the first one's look-up was done have looked up the same, and go out in no later second.
    await holds(lambda: not server.app.services.work.waiting["reads"])
    for seconds in (0, 0.5, 0.999):
        watch.now = begun + seconds
        for tab in tabs:
            tab.send(typing(conversationId=2))
            assert await tab.quiet() == []  # no error for those that are dropped
        assert await at_ben.quiet() == []

    watch.now = begun + 1
    for tab in tabs:
        tab.send(typing(conversationId=2))
        assert await tab.quiet() == []
    # It was there before the answer to what its typist sent next.
    assert await at_ben.quiet() == [{"type": "typing", "conversationId": 1, "userId": 1}]


async def test_each_typist_and_partner_has_a_second_of_his_own(ann: Person, ben: Person, chloe: Person) -> None:
    await ann.write(ben)
    await ann.write(chloe)
    at_ann, at_ben, at_chloe = await ann.connect(), await ben.connect(), await chloe.connect()

    at_ann.send(typing(conversationId=2))
    at_ann.send(typing(conversationId=ANN_AND_CHLOE))
    at_ben.send(typing(conversationId=1))

    assert await at_ben.next() == {"type": "typing", "conversationId": 1, "userId": 1}
    assert await at_chloe.next() == {"type": "typing", "conversationId": ANN_AND_CHLOE, "userId": 1}
    assert await at_ann.next() == {"type": "typing", "conversationId": 2, "userId": 2}


async def test_typing_to_who_is_offline_is_no_error(ann: Person, ben: Person) -> None:
    await ann.write(ben)
    at_ann = await ann.connect()

    at_ann.send(typing(conversationId=2))

    assert await at_ann.quiet() == []


async def test_a_trouble_of_ours_is_an_error_that_hides_its_cause(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()
    server.execute(sa.text('ALTER TABLE "Messages" RENAME TO "Elsewhere"'))

    at_ann.send(typing(conversationId=2))

    error = await at_ann.next()
    assert (error["type"], error["code"]) in [("error", "SERVICE_UNAVAILABLE"), ("error", "INTERNAL_ERROR")]
    assert "Messages" not in error["message"]
    assert "table" not in error["message"]
    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []
