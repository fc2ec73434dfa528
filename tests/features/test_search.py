"""Searching: one's own messages by a part of their text, by whichever way the server goes to find them."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from tornado.ioloop import IOLoop

from regoods.core.settings import Settings
from regoods.core.work import Work, reads_for_anyone
from regoods.features.conversations.tables import clears, messages
from regoods.features.search import actions, periodic, queries
from regoods.features.search.tables import edits
from tests.support.people import Person
from tests.support.server import START, RunningServer, serving

EARLIER = START - timedelta(days=3)


@pytest.fixture(params=["his own messages", "the index"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Few messages are read; with many the index is asked. Here one is many."""
    if request.param == "the index":
        monkeypatch.setattr(actions, "FEW", 1)
        monkeypatch.setattr(actions, "FEW_ON_SERVERS", 1)
    return str(request.param)


async def texts(person: Person, query: str, more: str = "") -> list[str]:
    answer = await person.get(f"/messages/search?query={quote(query)}{more}")
    return [message["messageContent"] for message in answer.data]


def store(server: RunningServer, *contents: str, **values: Any) -> None:
    """As another program does."""
    row = {"sender_id": 1, "recipient_id": 2, "created_at": EARLIER} | values
    with server.app.database.engine.begin() as connection:
        connection.execute(sa.insert(messages), [row | {"message_content": content} for content in contents])


async def indexed(server: RunningServer) -> None:
    """Wait until the index has everything; the other editions' have it at once."""

    async def is_done() -> bool:
        return not await server.app.services.work.run(actions.is_behind, 0)

    if server.app.database.embedded:
        while not await is_done():
            await periodic.keep_up(server.app.services)


async def test_a_message_is_found_at_once_and_when_it_is_indexed(
    server: RunningServer, ann: Person, ben: Person, chloe: Person
) -> None:
    written = await ann.write(ben, "Is the Road Bike still there?", postId=1)
    await ann.write(chloe, "Hello Chloé")

    for _ in range(2):
        answer = await ben.get("/messages/search?query=road%20bike")
        assert answer.data == [written]
        assert answer.body["pagination"] == {"total": 1, "page": 1, "limit": 20, "pages": 1}
        assert await texts(ann, "ROAD") == ["Is the Road Bike still there?"]
        assert await texts(ann, "oad bik") == ["Is the Road Bike still there?"]
        assert await texts(ann, "rod") == []
        assert await texts(chloe, "road") == []
        await indexed(server)


async def test_any_script_whatever_its_case(server: RunningServer, ann: Person, ben: Person) -> None:
    pairs = {
        "Ärger mit dem GRÖßEN Rad": "ärger MIT dem grössen",
        "СКОЛЬКО стоит велосипед?": "сколько СТОИТ",
        "Πόσο κάνει ο ΔΡΟΜΟΣ ΜΑΣ": "δρόμος μας".replace("ό", "ο"),
        "İSTANBUL'da Yılmaz": "istanbul'DA YILMAZ",
        "自行车还在吗，多少钱？": "还在吗",
        "Hat 🚲🚲🚲 gekauft": "🚲🚲🚲 GEKAUFT",
        "سعر الدراجة كم؟": "الدراجة",
        "ԲԱՐԵՎ ձեզ, ՀԵԾԱՆԻՎ": "հեծանիվ",
        "Ｆｕｌｌ ＷＩＤＴＨ": "ｗｉｄｔｈ",
    }
    for content in pairs:
        await ann.write(ben, content)

    for _ in range(2):
        for content, query in pairs.items():
            assert await texts(ben, query) == [content], query
            assert await texts(ben, content) == [content], content
        await indexed(server)


async def test_wildcards_quotes_and_operators_are_literal(server: RunningServer, ann: Person, ben: Person) -> None:
    literal = ["100% wool", "a_b_c", "[new] bike", 'say "hi" now', "it's 'ok'", "a*b AND c", "back\\slash", "wow!!!"]
    literal += ["100x wool", "axbxc", "n bike", "NEAR(a b)", "a:b^c", "-minus +plus"]
    for content in literal:
        await ann.write(ben, content)

    for _ in range(2):
        for query, found in {
            "100% w": ["100% wool"],
            "a_b_c": ["a_b_c"],
            "[new]": ["[new] bike"],
            '"hi"': ['say "hi" now'],
            "'ok'": ["it's 'ok'"],
            "b AND c": ["a*b AND c"],
            "k\\s": ["back\\slash"],
            "!!!": ["wow!!!"],
            "NEAR(": ["NEAR(a b)"],
            "b^c": ["a:b^c"],
            "-minus +": ["-minus +plus"],
            "%": ["100% wool"],
            "_": ["a_b_c"],
            "[": ["[new] bike"],
            "%%%": [],
            "___": [],
            "\u0307": [],
        }.items():
            assert await texts(ben, query) == found, query
        await indexed(server)


async def test_a_query_may_go_over_several_words(server: RunningServer, ann: Person, ben: Person) -> None:
    store(server, "Is a  b there?", "a b", "ab", "bicycle b", " The red bike ", "The red b", "thered bike")
    store(server, "Was kostet das Straßen Rad, ς ι?", "自行车 还在", "line\nbreak bike", "x  y")

    for _ in range(2):
        for query, found in {
            "a b": ["a b"],
            "A  B": ["Is a  b there?"],
            "x  y": ["x  y"],
            "red b": ["thered bike", "The red b", " The red bike "],
            "the red bike": [" The red bike "],
            "e red bik": [" The red bike "],
            "red bike x": [],
            "hered": ["thered bike"],
            "ered bike": ["thered bike"],
            "d bike": ["thered bike", " The red bike "],
            "STRASSEN RAD, σ": ["Was kostet das Straßen Rad, ς ι?"],
            "车 还": ["自行车 还在"],
            "line\nbreak b": ["line\nbreak bike"],
            "\u0307 a b": ["a b"] if server.app.database.embedded else [],
        }.items():
            assert await texts(ann, query) == found, query
        await indexed(server)


@pytest.mark.parametrize("his", [1, 40])
async def test_who_has_many_of_all_messages_finds_only_his(
    server: RunningServer, ann: Person, chloe: Person, monkeypatch: pytest.MonkeyPatch, his: int
) -> None:
    """The index is then asked for the text alone."""
    monkeypatch.setattr(actions, "HIT", 0)
    for number in range(40):
        store(server, f"bicycle {number}", sender_id=1 if number % 40 < his else 3)
    store(server, "a bicycle of Ann's", recipient_id=4)
    store(server, "a bicycle of Chloé's", sender_id=3)
    await indexed(server)

    assert await texts(ann, "a bicycle") == ["a bicycle of Ann's"]
    assert await texts(chloe, "a bicycle") == ["a bicycle of Chloé's"]
    assert len(await texts(ann, "bicycle", "&limit=100")) == his + 1
    assert len(await texts(ann, "bicycle", "&limit=100&userId=2")) == his


async def test_the_newest_come_first_in_pages(server: RunningServer, ann: Person, ben: Person, chloe: Person) -> None:
    store(server, *(f"bike {number}" for number in range(30)))
    await indexed(server)
    store(server, "Bike 30", sender_id=2, recipient_id=1)
    await ann.write(chloe, "bike 31")

    first = await ann.get("/messages/search?query=bike&limit=10")
    assert first.body["pagination"] == {"total": 32, "page": 1, "limit": 10, "pages": 4}
    assert [one["messageContent"][5:] for one in first.data] == [str(number) for number in range(31, 21, -1)]
    assert await texts(ann, "bike", "&limit=10&offset=30") == ["bike 1", "bike 0"]
    assert await texts(ann, "bike", "&limit=10&offset=32") == []
    assert await texts(ann, "bike", f"&offset={2**31 - 1}") == []
    assert len(await texts(ann, "bike")) == 20


async def test_with_one_partner_only(server: RunningServer, ann: Person, ben: Person, chloe: Person) -> None:
    await ann.write(ben, "bike for Ben")
    await chloe.write(ann, "bike of Chloé")
    await chloe.write(ben, "bike for neither")

    for _ in range(2):
        assert await texts(ann, "bike", "&userId=2") == ["bike for Ben"]
        assert await texts(ann, "bike", "&userId=3") == ["bike of Chloé"]
        assert await texts(ann, "IK", "&userId=3") == ["bike of Chloé"]
        assert await texts(ann, "bike", "&userId=4") == await texts(ann, "bike", "&userId=1") == []
        await indexed(server)


async def test_what_is_deleted_or_cleared_is_not_found(server: RunningServer, ann: Person, ben: Person) -> None:
    first, second, third = [await ann.write(ben, f"bike {number}") for number in (1, 2, 3)]
    await indexed(server)
    row = {"user_id": 2, "partner_id": 1, "cleared_up_to": first["messageId"], "cleared_at": START}
    server.execute(sa.insert(clears).values(**row))
    await ann.delete(f"/messages/{third['messageId']}")

    assert await texts(ben, "bike") == await texts(ben, "bike", "&userId=1") == ["bike 2"]
    assert await texts(ann, "bike") == await texts(ann, "bike", "&userId=2") == ["bike 2", "bike 1"]

    server.execute(sa.delete(messages).where(messages.c.message_id == second["messageId"]))
    assert await texts(ben, "bike") == []


@pytest.mark.parametrize("before_the_edit", [True, False])
async def test_an_edit_changes_what_is_found(
    server: RunningServer, ann: Person, ben: Person, before_the_edit: bool
) -> None:
    server.rest()  # the server's own round might index the other one before it is mended
    message = await ann.write(ben, "The red bicycle")
    other = await ann.write(ben, "The old bicycle")
    if before_the_edit:
        await indexed(server)
    await ann.put(f"/messages/{message['messageId']}", {"messageContent": "The GREEN tricycle"})
    statement = sa.update(messages).where(messages.c.message_id == other["messageId"])
    server.execute(statement.values(message_content="Mended by another program"))

    for _ in range(2):
        assert await texts(ben, "bicycle") == await texts(ben, "red") == []
        assert await texts(ben, "green") == ["The GREEN tricycle"]
        # Whose edit of what is indexed the embedded index does not hear of; it misses, and does not lie.
        if not (before_the_edit and server.app.database.embedded):
            assert await texts(ben, "another PROGRAM") == ["Mended by another program"]
        await indexed(server)
    if server.app.database.embedded:
        assert server.execute(sa.select(edits)) == []


async def test_what_another_program_stored_is_found(server: RunningServer, ben: Person) -> None:
    odd = "A NUL \0 inside" if server.app.database.embedded else "Nothing inside"
    store(server, "From before", odd, "  ", "")

    for _ in range(2):
        assert await texts(ben, "from BEFORE") == ["From before"]
        assert await texts(ben, "INSIDE") == [odd]
        await indexed(server)


async def test_messages_to_oneself_are_found_once(server: RunningServer, ann: Person) -> None:
    store(server, "A note to myself", recipient_id=1)

    for _ in range(2):
        assert await texts(ann, "note") == await texts(ann, "note", "&userId=1") == ["A note to myself"]
        await indexed(server)


async def test_one_or_two_characters_are_looked_for_in_the_newest(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "NEWEST", 3)
    store(server, *(f"{number}q" for number in range(5)))
    await indexed(server)

    assert await texts(ann, "Q") == ["4q", "3q", "2q"]
    assert await texts(ann, "0q") == []


async def test_the_total_stops_at_a_thousand(server: RunningServer, ann: Person) -> None:
    store(server, *(f"bike {number}" for number in range(1_005)))

    for _ in range(2):
        answer = await ann.get("/messages/search?query=bike&limit=100&offset=900")
        assert answer.body["pagination"] == {"total": 1000, "page": 10, "limit": 100, "pages": 10}
        assert [one["messageContent"] for one in answer.data] == [f"bike {number}" for number in range(104, 4, -1)]
        assert await texts(ann, "bike", "&offset=1000") == []
        await indexed(server)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "query"),
        ("query=", "query"),
        ("query=%20%09%EF%BB%BF", "query"),
        ("query=a%00b", "query"),
        ("query=%ff%fe", "query"),
        ("query=" + 501 * "a", "query"),
        ("query=" + 251 * "%F0%9F%9A%B2", "query"),
        ("query=bike&limit=0", "limit"),
        ("query=bike&limit=101", "limit"),
        ("query=bike&limit=x", "limit"),
        ("query=bike&offset=-1", "offset"),
        ("query=bike&userId=0", "userId"),
        ("query=bike&userId=me", "userId"),
        ("query=bike&userId=", "userId"),
    ],
)
async def test_bad_input_names_its_field(server: RunningServer, ann: Person, query: str, field: str) -> None:
    answer = await ann.get(f"/messages/search?{query}")

    assert (answer.status, answer.error["code"], answer.field) == (400, "VALIDATION_ERROR", field)


async def test_the_longest_query_and_an_unknown_user(server: RunningServer, ann: Person, ben: Person) -> None:
    await ann.write(ben, "🚲" * 2_500)

    for _ in range(2):
        assert len(await texts(ben, "🚲" * 250)) == 1
        await indexed(server)
    unknown = await ann.get("/messages/search?query=bike&userId=99")
    assert (unknown.status, unknown.error["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert (await ann.get("/messages/search?query=bike", token="")).status == 401
    assert (await ann.call("PUT", "/messages/search", {})).error["code"] == "RESOURCE_NOT_FOUND"


@pytest.mark.editions("sqlite")
async def test_old_messages_are_indexed_in_slices_while_search_goes_on(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.rest()
    monkeypatch.setattr(actions, "SLICE", 10)
    store(server, *(f"bike {number}" for number in range(35)))
    work = server.app.services.work
    tops = []
    while await work.run(actions.is_behind, 0):
        await work.run(actions.follow, 0)
        tops.append(await work.run(indexed_to, 0))
        assert len(await texts(ben, "BIKE", "&limit=100")) == 35
        assert await texts(ben, "bike 7") == ["bike 7"]
    assert tops == [10, 20, 30, 35]


@reads_for_anyone
def indexed_to(work: Work, _user_id: int) -> int:
    return queries.indexed_to(work.session)


@pytest.fixture
def other(io_loop: IOLoop, settings: Settings, server: RunningServer) -> Iterator[RunningServer]:
    with serving(io_loop, RunningServer(settings)) as other:
        yield other


async def test_two_servers_share_the_index(
    server: RunningServer, other: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "SLICE", 5)
    store(server, *(f"bike {number}" for number in range(60)))
    if server.app.database.embedded:
        works = (server.app.services.work, other.app.services.work)
        await asyncio.gather(*(work.run(actions.follow, 0) for _ in range(8) for work in works))
        assert await works[0].run(indexed_to, 0) == 60
    message = await ann.write(other.person(2), "bike 60")
    assert len(await texts(other.person(2), "bike", "&limit=100")) == 61
    await ann.put(f"/messages/{message['messageId']}", {"messageContent": "a boat"})
    await indexed(other)
    assert await texts(ann, "boat") == await texts(other.person(1), "boat") == ["a boat"]
