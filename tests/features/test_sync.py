"""Catching up: what a client missed is in its user's log, in order, once, as it was pushed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.core.work import Work, reads_for_anyone
from regoods.features.conversations.tables import messages
from regoods.features.messages.actions import edit
from regoods.features.messages.events import Edit
from regoods.features.sync import ADOPT_MS, actions, periodic
from regoods.features.sync.events import Unlogged
from regoods.features.sync.tables import cursors, events, logged
from tests.support.people import LIMIT, Person, Socket
from tests.support.raw_socket import eventually
from tests.support.server import START, RunningServer


async def missed(person: Person, since: int = 0, limit: int = 100) -> list[dict[str, Any]]:
    """Everything behind a number, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = (await person.get(f"/messages/sync?since={since}&limit={limit}")).data
        assert answer["complete"] is True
        found += answer["events"]
        if not answer["more"]:
            return found
        # What was written while it was asked makes `more` true of a page without events.
        since = found[-1]["seq"] if found else since


async def numbered(socket: Socket, count: int) -> list[dict[str, Any]]:
    return [await socket.next_numbered() for _ in range(count)]


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in found]


async def test_every_change_is_an_entry_of_all_who_hear_of_it(ann: Person, ben: Person, chloe: Person) -> None:
    at_ann, at_ben = await ann.connect(), await ben.connect()
    sent = await ann.write(ben, "Helo")
    path = f"/messages/{sent['messageId']}"
    await ann.put(path, {"messageContent": "Hello"})
    await ben.post(f"{path}/read")
    await ben.post(f"{path}/read")
    await ann.delete(path)
    await ann.put(path, {"messageContent": "Too late"})

    heard_by_ann, heard_by_ben = await numbered(at_ann, 4), await numbered(at_ben, 4)
    assert kinds(heard_by_ann) == ["message_sent", "message_edited", "message_read", "message_deleted"]
    assert kinds(heard_by_ben) == ["message", "message_edited", "message_read", "message_deleted"]
    for heard, person in ((heard_by_ann, ann), (heard_by_ben, ben)):
        assert [event["seq"] for event in heard] == [1, 2, 3, 4]
        assert await missed(person) == heard
        assert await missed(person, since=2) == heard[2:]
        assert await missed(person, since=4) == []
    assert await missed(chloe) == []


async def test_a_client_that_was_away_for_two_hundred_changes_gets_exactly_those(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    """The other tab, which stayed, is the witness."""
    first_tab = await ben.connect()
    before = await ann.write(ben, "Before the gap")
    reached = (await first_tab.next_numbered())["seq"]
    first_tab.close()
    witness = await ben.connect()

    for number in range(50):
        sent = await ann.write(ben, f"Number {number}")
        path = f"/messages/{sent['messageId']}"
        assert (await ann.put(path, {"messageContent": f"Number {number}, edited"})).status == 200
        assert (await ben.post(f"{path}/read")).status == 200
        assert (await ann.delete(path)).status == 200
    assert (await ben.post(f"/messages/{before['messageId']}/read")).status == 200

    back = await ben.connect()
    assert back.latest == reached + 201
    caught_up = await missed(ben, since=reached, limit=30)
    assert caught_up == await numbered(witness, 201)
    assert [event["seq"] for event in caught_up] == list(range(reached + 1, reached + 202))
    assert kinds(caught_up)[:-1] == ["message", "message_edited", "message_read", "message_deleted"] * 50


async def test_a_conversation_read_is_one_entry_whose_receipts_repeat_its_number(ann: Person, ben: Person) -> None:
    ids = [(await ann.write(ben))["messageId"] for _ in range(3)]
    at_ann = await ann.connect()
    assert at_ann.latest == 3

    await ben.post("/messages/conversations/1/read")

    heard = await numbered(at_ann, 4)
    assert kinds(heard) == ["message_read"] * 3 + ["conversation_read"]
    assert [event["messageId"] for event in heard[:3]] == ids
    assert {event["seq"] for event in heard} == {4}
    assert await missed(ann, since=3) == heard[3:]


async def test_what_is_no_change_is_no_entry(ann: Person, ben: Person) -> None:
    await ann.write(ben)
    at_ann = await ann.connect()
    at_ben = await ben.connect()

    at_ben.send({"type": "typing", "conversationId": 1})
    assert "seq" not in await at_ann.next_numbered()
    at_ben.send({"type": "rubbish"})
    assert "seq" not in await at_ben.next_numbered()
    at_ben.send({"type": "ping"})
    assert await at_ben.next_numbered() == {"type": "pong"}
    assert (await ben.post("/messages", {"recipientId": 1, "messageContent": " "})).status == 400
    assert (await ben.post("/messages/conversations/1/read")).data["count"] == 1
    assert (await ben.post("/messages/conversations/1/read")).data["count"] == 0

    assert [event["seq"] for event in await missed(ann)] == [1, 2]


async def test_an_action_that_fails_after_it_published_leaves_no_gap(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    sent = await ann.write(ben)
    run = server.app.services.work.run

    def break_off(work: Any, user_id: int) -> None:
        edit.function(work, user_id, sent["messageId"], Edit(message_content="Never"))
        raise RuntimeError

    broken = [run(actions.writes_for_anyone(break_off), 1) for _ in range(3)]
    results = await asyncio.gather(*broken, ann.write(ben, "Next"), return_exceptions=True)

    assert [type(result) for result in results[:3]] == [RuntimeError] * 3
    found = await missed(ben)
    assert (kinds(found), [event["seq"] for event in found]) == (["message", "message"], [1, 2])


async def test_numbers_have_no_gap_and_no_double_while_many_write_at_once(server: RunningServer, ben: Person) -> None:
    """Readers meanwhile never see a number before those below it."""
    others = [server.person(user_id) for user_id in (1, 3, 4, 5, 6)]
    reached, seen = 0, []

    async def follow() -> None:
        nonlocal reached
        while len(seen) < 100:
            answer = (await ben.get(f"/messages/sync?since={reached}&limit=7")).data
            seen.extend(event["seq"] for event in answer["events"])
            reached = seen[-1] if seen else 0

    async def write(person: Person) -> None:
        for number in range(10):
            await asyncio.gather(person.write(ben, str(number)), ben.write(person, str(number)))

    await asyncio.wait_for(asyncio.gather(follow(), *(write(person) for person in others)), LIMIT)

    assert seen == list(range(1, 101))
    for person in others:
        assert [event["seq"] for event in await missed(person)] == list(range(1, 21))


async def test_a_message_between_the_look_into_the_log_and_the_registration_is_not_missed(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    admission = server.app.socket_class.admission
    admit = admission.admit

    async def admit_slowly(*arguments: Any) -> Any:
        admitted = await admit(*arguments)
        await ann.write(ben, "Just now")
        return admitted

    monkeypatch.setattr(admission, "admit", admit_slowly)
    at_ben = await ben.connect()

    assert at_ben.latest == 1
    assert kinds(await missed(ben)) == ["message"]


async def test_the_numbers_go_on_after_a_restart(server: RunningServer, ann: Person, ben: Person) -> None:
    await ann.write(ben)
    await server.stop()
    again = RunningServer(server.settings, server.clock)
    again.start()
    try:
        ben = again.person(2)
        await again.person(1).write(ben)
        assert [event["seq"] for event in await missed(ben)] == [1, 2]
        assert (await ben.connect()).latest == 2
    finally:
        await again.stop()


async def test_the_first_mark_is_set_once(server: RunningServer, ben: Person) -> None:
    """Whoever looked before another set it must not pass over what came since."""
    await periodic.adopt(server.app.services)
    stored_by_another(server, 1, 2, "News")
    await server.app.services.work.run(actions.set_first_mark, 0)

    async def there() -> Any:
        return await missed(ben)

    assert [event["message"]["messageContent"] for event in await eventually(there)] == ["News"]


def test_the_mark_moves_no_more_often_than_it_may() -> None:
    newest = periodic.Newest()

    assert [newest.settled(number, 0.0) for number in (1, 2, 3)] == [1, None, None]


async def test_what_is_older_than_thirty_days_is_gone_and_the_client_is_told(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    for _ in range(3):
        await ann.write(ben, "Old")
    server.clock.advance(timedelta(days=29))
    await ann.write(ben, "Newer")
    server.clock.advance(timedelta(days=1, minutes=1))
    assert server.execute(sa.select(sa.func.count()).select_from(events))[0][0] == 8

    await periodic.sweep(server.app.services)

    assert server.execute(sa.select(sa.func.count()).select_from(events))[0][0] == 2
    answer = (await ben.get("/messages/sync?since=2")).data
    assert (answer["complete"], answer["latest"], answer["more"]) == (False, 4, False)
    answer = (await ben.get("/messages/sync?since=3")).data
    assert (answer["complete"], [event["seq"] for event in answer["events"]]) == (True, [4])
    server.clock.advance(timedelta(days=30))
    await periodic.sweep(server.app.services)
    answer = (await ben.get("/messages/sync?since=3")).data
    assert answer == {"events": [], "latest": 4, "more": False, "complete": False}
    assert (await ben.get("/messages/sync?since=4")).data["complete"] is True
    await ann.write(ben, "The numbers go on")
    assert [event["seq"] for event in await missed(ben, since=4)] == [5]


async def test_a_number_of_another_life_is_not_complete(ann: Person, ben: Person) -> None:
    await ann.write(ben)

    answer = (await ben.get("/messages/sync?since=7")).data

    assert answer == {"events": [], "latest": 1, "more": False, "complete": False}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "since"),
        ("since=", "since"),
        ("since=-1", "since"),
        ("since=1.5", "since"),
        ("since=2147483648", "since"),
        ("since=99999999999999999999", "since"),
        ("since=0&limit=0", "limit"),
        ("since=0&limit=101", "limit"),
        ("since=0&limit=x", "limit"),
    ],
)
async def test_bad_numbers_are_named(ann: Person, query: str, field: str) -> None:
    refused = await ann.get(f"/messages/sync?{query}")

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", field)


async def test_nobody_syncs_without_a_token(ann: Person) -> None:
    assert (await ann.get("/messages/sync?since=0", token="")).status == 401


# Other programs


def stored_by_another(server: RunningServer, sender: int, recipient: int, content: str, **more: Any) -> None:
    server.execute(
        sa.insert(messages).values(
            sender_id=sender, recipient_id=recipient, message_content=content, created_at=START, **more
        )
    )


def note_walks(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """What each walk finds that ends from now on."""
    walks: list[list[int]] = []
    find = actions.find_unlogged.function

    def find_and_note(work: Work, user_id: int) -> Unlogged:
        found = find(work, user_id)
        walks.append(found.missing)
        return found

    monkeypatch.setattr(actions, "find_unlogged", reads_for_anyone(find_and_note))
    return walks


async def test_a_message_stored_by_another_program_is_pushed_and_logged_once(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_ann, at_ben = await ann.connect(), await ben.connect()
    await ann.write(ben, "Ours")
    walks = note_walks(monkeypatch)
    # The first walk only sets the mark: what was there before this server is no news.
    await periodic.adopt(server.app.services)

    walks.clear()
    stored_by_another(server, 1, 2, "From the old API 🚲", message_type="letter")
    heard = [await numbered(socket, 2) for socket in (at_ben, at_ann)]
    # A walk a second, and if not the one that was under way, then the next finds it: within 2 s, but for what a busy
    # machine adds.
    assert ADOPT_MS <= 1_000
    assert [bool(found) for found in walks].index(True) <= 1

    assert [kinds(one) for one in heard] == [["message", "message"], ["message_sent", "message_sent"]]
    for one in heard:
        assert [event["seq"] for event in one] == [1, 2]
        assert one[1]["message"]["messageContent"] == "From the old API 🚲"
        assert one[1]["message"]["messageType"] == "text"
    await ann.write(ben, "Ours again")
    for _ in range(3):
        await periodic.adopt(server.app.services)
    assert [event["seq"] for event in await missed(ben)] == [1, 2, 3]
    assert [event["seq"] for event in await missed(ann)] == [1, 2, 3]


async def test_what_another_program_stored_while_no_server_ran_is_found(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    stored_by_another(server, 1, 2, "Before our time")
    await periodic.adopt(server.app.services)
    await ann.write(ben, "Ours")
    await server.stop()
    with server.app.database.engine.begin() as connection:
        connection.execute(
            sa.insert(messages).values(sender_id=1, recipient_id=2, message_content="Meanwhile", created_at=START)
        )

    again = RunningServer(server.settings, server.clock)
    again.start()
    try:
        ben = again.person(2)

        async def two() -> Any:
            return len(await missed(ben)) == 2

        assert await eventually(two)
        assert [event["message"]["messageContent"] for event in await missed(ben)] == ["Ours", "Meanwhile"]
    finally:
        await again.stop()


async def test_deleted_ones_of_another_program_are_passed_over(server: RunningServer, ben: Person) -> None:
    await periodic.adopt(server.app.services)
    stored_by_another(server, 1, 2, "Gone", is_deleted=True)
    stored_by_another(server, 1, 2, "There")

    async def there() -> Any:
        return await missed(ben)

    found = await eventually(there)
    assert [event["message"]["messageContent"] for event in found] == ["There"]


async def test_one_that_cannot_be_read_keeps_no_other_back(
    server: RunningServer, ben: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await periodic.adopt(server.app.services)
    find = actions.find

    def find_but_one(session: Any, message_id: int) -> Any:
        row = find(session, message_id)
        return row if row is None or row.message_content != "Broken" else row._replace(created_at="no time")

    monkeypatch.setattr(actions, "find", find_but_one)
    stored_by_another(server, 1, 2, "Broken")
    stored_by_another(server, 1, 2, "Whole")

    async def there() -> Any:
        return await missed(ben)

    async def all_taken_in() -> bool:
        return not (await server.app.services.work.run(actions.find_unlogged, 0)).missing

    assert [event["message"]["messageContent"] for event in await eventually(there)] == ["Whole"]
    # Both are committed before it is said of one, and that one is counted as logged after that.
    await eventually(all_taken_in)
    assert "cannot be pushed" in caplog.text
    assert "Broken" not in caplog.text
    before = caplog.text.count("cannot be pushed")
    await periodic.adopt(server.app.services)
    assert caplog.text.count("cannot be pushed") == before


async def test_thousands_of_another_program_are_taken_in_in_one_go(server: RunningServer, ben: Person) -> None:
    await periodic.adopt(server.app.services)
    row = {"sender_id": 1, "recipient_id": 2, "created_at": START}
    with server.app.database.engine.begin() as connection:
        connection.execute(sa.insert(messages), [row | {"message_content": str(number)} for number in range(1_000)])

    # One walk takes all, not each as many as are taken at once; the server's own may help, and each is counted once.
    await periodic.adopt(server.app.services)

    found = await missed(ben, since=990)
    assert [event["message"]["messageContent"] for event in found] == [str(number) for number in range(990, 1_000)]


async def test_the_mark_follows_so_that_little_is_looked_through(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "MARK_SECONDS", 0.0)
    monkeypatch.setattr("regoods.features.sync.queries.LATE_SECONDS", 0.0)
    await periodic.adopt(server.app.services)
    last = [await ann.write(ben) for _ in range(5)][-1]

    async def moved() -> Any:
        await periodic.adopt(server.app.services)
        return server.execute(sa.select(logged.c.message_id)) == [] and mark_of(server) == last["messageId"]

    assert await eventually(moved)


async def test_the_mark_follows_another_program_that_never_pauses(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "MARK_SECONDS", 0.0)
    monkeypatch.setattr("regoods.features.sync.queries.LATE_SECONDS", 0.0)
    await periodic.adopt(server.app.services)
    before = mark_of(server)

    for _ in range(3):
        await ann.write(ben)
        stored_by_another(server, 1, 2, "Again")
        await periodic.adopt(server.app.services)

    assert mark_of(server) > before


def mark_of(server: RunningServer) -> int:
    return int(server.execute(sa.select(cursors.c.latest).where(cursors.c.user_id == 0))[0][0])


async def test_the_mark_never_moves_back(server: RunningServer, ann: Person, ben: Person) -> None:
    """Two processes move it, each at its own pace."""
    await periodic.adopt(server.app.services)
    ids = [(await ann.write(ben))["messageId"] for _ in range(3)]

    for to in (ids[2], ids[0]):
        await server.app.services.work.run(actions.move_mark, 0, to)
    for _ in range(2):
        await periodic.adopt(server.app.services)

    assert mark_of(server) == ids[2]
    assert kinds(await missed(ben)) == ["message"] * 3


@pytest.mark.editions("postgresql", "mssql")
async def test_a_very_late_commit_makes_nothing_told_twice(
    server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process of ours hung between taking an id and its commit, until the mark had passed."""
    monkeypatch.setattr(periodic, "MARK_SECONDS", 0.0)
    monkeypatch.setattr("regoods.features.sync.queries.LATE_SECONDS", 0.0)
    await periodic.adopt(server.app.services)
    late = {"sender_id": 1, "recipient_id": 2, "message_content": "Late", "created_at": START}
    with server.app.database.engine.begin() as hanging:
        (late_id,) = hanging.execute(sa.insert(messages).values(late)).inserted_primary_key or ()
        hanging.execute(sa.insert(logged).values(message_id=late_id))
        sent = [(await ann.write(ben))["messageId"] for _ in range(3)]

        async def passed() -> Any:
            await periodic.adopt(server.app.services)
            return mark_of(server) >= sent[-1]

        assert await eventually(passed)

    for _ in range(3):
        await periodic.adopt(server.app.services)
    assert kinds(await missed(ben)) == ["message"] * 3
    await ann.write(ben)
    assert kinds(await missed(ben)) == ["message"] * 4
