"""A connection to the database server breaks between a COMMIT and its answer: what was stored is told, and once."""

import asyncio
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from regoods.features.conversations.tables import messages
from regoods.features.sync.tables import events
from tests.support.cut import Cut
from tests.support.databases import DatabaseServer, MariaDbServer, PostgresServer, database_of, shown
from tests.support.people import LIMIT, Person, Socket
from tests.support.server import RunningServer

HELLO = {"recipientId": 2, "messageContent": "Hello"}


@pytest.fixture(params=["postgres", "mariadb"])
def database_server(request: pytest.FixtureRequest) -> DatabaseServer:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


@pytest.fixture
def cut(database_server: PostgresServer | MariaDbServer) -> Iterator[Cut]:
    proxy = Cut(database_server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def database_url(database_server: DatabaseServer, cut: Cut) -> Iterator[str]:
    url = database_server.fresh()
    if isinstance(database_server, MariaDbServer):
        yield shown(database_server.url_of(database_of(url), port=cut.port))
    else:
        yield shown(database_server.url_of(database_of(url)).set(port=cut.port))
    database_server.take_back(url)


def stored(server: RunningServer) -> list[str]:
    return [row[0] for row in server.execute(sa.select(messages.c.message_content).order_by(messages.c.message_id))]


async def only_one(at_ben: Socket) -> int:
    """The id of the one message that comes."""
    event = await at_ben.next()
    assert event["type"] == "message"
    assert await at_ben.quiet() == []
    return int(event["message"]["messageId"])


async def cut_off(server: RunningServer, cut: Cut, ann: Person, key: dict[str, str]) -> None:
    cut.commit_of("Hello", away=True)
    answer = await ann.call("POST", "/messages", HELLO, headers=key)
    assert (answer.status, answer.error["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert cut.cut.is_set()


async def test_the_database_is_there_at_once(server: RunningServer, cut: Cut) -> None:
    """The sender does not notice."""
    ann, ben = server.person(1), server.person(2)
    at_ben = await ben.connect()
    cut.commit_of("Hello")

    sent = await ann.write(ben, "Hello")

    assert cut.cut.is_set()
    assert await only_one(at_ben) == sent["messageId"]
    assert stored(server) == ["Hello"]


async def test_the_server_gets_to_the_commit_late(server: RunningServer, cut: Cut) -> None:
    """What is not there yet when it is looked for may still come: the look waits for it; nothing is stored twice."""
    ann, ben = server.person(1), server.person(2)
    at_ben = await ben.connect()
    cut.commit_of("Hello", late_seconds=0.5)

    sent = await ann.write(ben, "Hello")

    assert cut.cut.is_set()
    assert await only_one(at_ben) == sent["messageId"]
    assert stored(server) == ["Hello"]
    assert [row[0] for row in server.execute(sa.select(events.c.seq).where(events.c.user_id == 2))] == [1]


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "one"}], ids=["without a key", "with a key"])
async def test_the_database_is_away_for_a_while(server: RunningServer, cut: Cut, key: dict[str, str]) -> None:
    """The sender is told to ask again; the partner hears of what was stored over the socket that he has."""
    ann, ben = server.person(1), server.person(2)
    at_ben = await ben.connect()
    await cut_off(server, cut, ann, key)
    assert await at_ben.quiet() == []

    cut.back()

    heard = await asyncio.wait_for(only_one(at_ben), LIMIT)
    again = await ann.call("POST", "/messages", HELLO, headers=key)
    assert (again.status, again.data["messageId"]) == (201, heard)
    assert await at_ben.quiet() == []
    assert stored(server) == ["Hello"]


async def test_who_asks_again_before_the_database_is_back_waits_for_it(server: RunningServer, cut: Cut) -> None:
    ann, ben = server.person(1), server.person(2)
    at_ben = await ben.connect()
    await cut_off(server, cut, ann, {})

    again = asyncio.ensure_future(ann.call("POST", "/messages", HELLO))
    await at_ben.quiet()
    cut.back()

    answer = await again
    assert answer.status == 201
    assert await only_one(at_ben) == answer.data["messageId"]
    assert stored(server) == ["Hello"]
    assert (await ann.call("POST", "/messages", HELLO)).status == 201
    assert stored(server) == ["Hello", "Hello"]  # he has his answer: the same words are another message
