"""The connection to the database server breaks in the middle of a commit: nobody knows whether it was done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
import sqlalchemy as sa

from regoods.core.settings import Settings
from regoods.features.conversations.tables import messages
from tests.support.cut import Cut
from tests.support.people import Person
from tests.support.server import RunningServer

pytestmark = pytest.mark.editions("postgresql")

WORDS = "Is the bike still there?"
SEND = {"recipientId": 2, "messageContent": WORDS}


@asynccontextmanager
async def cut_off(settings: Settings) -> AsyncIterator[tuple[RunningServer, Cut]]:
    cut = Cut(settings.database_url)
    with cut.open() as url:
        server = RunningServer(msgspec.structs.replace(settings, database_url=url))
        server.start(migrated=True)
        try:
            yield server, cut
        finally:
            await server.stop()


def stored(server: RunningServer) -> list[str]:
    return [row[0] for row in server.execute(sa.select(messages.c.message_content).order_by(messages.c.message_id))]


async def refused(ann: Person, **headers: str) -> None:
    answer = await ann.post("/messages", SEND, headers=headers)
    assert (answer.status, answer.error["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["Retry-After"]


async def test_a_message_whose_commit_was_done_unheard_reaches_its_reader(settings: Settings) -> None:
    async with cut_off(settings) as (server, cut):
        ann, ben = server.person(1), server.person(2)
        at_ben = await ben.connect()
        cut.arm(WORDS, "behind")

        await refused(ann)

        event = await at_ben.next_numbered()
        assert (event["type"], event["seq"]) == ("message", 1)
        assert event["message"]["messageContent"] == WORDS
        await ann.write(ben, "Hello?")
        assert (await at_ben.next_numbered())["seq"] == 2
        assert stored(server) == [WORDS, "Hello?"]


async def test_also_when_the_server_was_away_for_a_while(settings: Settings) -> None:
    async with cut_off(settings) as (server, cut):
        ann, ben = server.person(1), server.person(2)
        at_ben = await ben.connect()
        cut.arm(WORDS, "behind")
        cut.away = True

        await refused(ann)
        await refused(ann)
        cut.away = False

        assert (await at_ben.next())["message"]["messageContent"] == WORDS


@pytest.mark.parametrize("where", ["before", "behind"])
@pytest.mark.parametrize("key", ["", "b2f9-17"])
async def test_who_sends_it_again_has_sent_it_once(settings: Settings, where: str, key: str) -> None:
    headers = {"Idempotency-Key": key} if key else {}
    async with cut_off(settings) as (server, cut):
        ann, ben = server.person(1), server.person(2)
        at_ben = await ben.connect()
        cut.arm(WORDS, where)  # type: ignore[arg-type]
        await refused(ann, **headers)

        again = await ann.post("/messages", SEND, headers=headers)

        assert again.status == 201
        event = await at_ben.next()
        assert event["message"] == again.data
        await ann.write(ben, "And the lamp?")
        assert (await at_ben.next())["message"]["messageContent"] == "And the lamp?"
        assert stored(server) == [WORDS, "And the lamp?"]


async def test_the_same_words_once_more_are_another_message(settings: Settings) -> None:
    async with cut_off(settings) as (server, cut):
        ann, ben = server.person(1), server.person(2)
        cut.arm(WORDS, "behind")
        await refused(ann)
        first = await ann.write(ben, WORDS)

        second = await ann.write(ben, WORDS)

        assert second["messageId"] != first["messageId"]
        assert stored(server) == [WORDS, WORDS]
