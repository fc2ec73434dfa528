"""The unit of work: one fails alone, nobody hears before the commit, and what the caller is told."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from regoods import app
from regoods.core import editions
from regoods.core.batches import Unit
from regoods.core.errors import Forbidden, ServiceUnavailable
from regoods.core.settings import Settings
from regoods.core.work import Work, writes_for_anyone
from regoods.core.work_queue import WRITE_BATCH
from regoods.features.messages import queries
from regoods.features.messages.actions import send
from regoods.features.messages.events import NewMessage
from tests.support.people import LIMIT, Answer, Person
from tests.support.server import RunningServer
from tests.support.volume import locked


def path_of(server: RunningServer) -> Path:
    return Path(str(server.app.database.url.database))


def seen_by_others(server: RunningServer) -> list[str]:
    """The contents that are committed, as another program sees them."""
    with closing(sqlite3.connect(path_of(server))) as connection:
        return [content for (content,) in connection.execute("SELECT MessageContent FROM Messages ORDER BY MessageID")]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits a twentieth of a second for a lock, not five."""
    monkeypatch.setattr(editions, "BUSY_TIMEOUT_MS", 50)


class Gate:
    """An action that waits, inside its transaction, until it is let through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _work: Work, _user_id: int) -> None:
        self.reached.set()
        assert self.opened.wait(LIMIT)

    async def is_reached(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, LIMIT)


def sending(content: str) -> Callable[[Work, int], Any]:
    return lambda work, user_id: send.function(work, user_id, NewMessage(recipient_id=2, message_content=content))


async def run(server: RunningServer, function: Callable[[Work, int], Any]) -> Any:
    return await server.app.services.work.run(writes_for_anyone(function), 1)


def contents(events: list[dict[str, Any]]) -> list[str]:
    return [event["message"]["messageContent"] for event in events]


def raise_a_surprise(work: Work, user_id: int) -> None:
    raise RuntimeError("the cause")


def raise_a_refusal(work: Work, user_id: int) -> None:
    raise Forbidden


def break_a_constraint(work: Work, user_id: int) -> None:
    queries.insert(
        work.session,
        **dict.fromkeys(("post_id", "message_content", "attachment_url", "parent_message_id")),
        sender_id=user_id,
        recipient_id=2,
        message_type="text",
        now=work.now,
    )


@pytest.mark.parametrize("fail", [raise_a_surprise, raise_a_refusal, break_a_constraint])
async def test_a_unit_that_fails_takes_only_itself_back(
    server: RunningServer, ben: Person, fail: Callable[[Work, int], None]
) -> None:
    at_ben = await ben.connect()
    seen: list[str] = []

    def send_and_fail(work: Work, user_id: int) -> None:
        sending("Taken back")(work, user_id)
        fail(work, user_id)

    results = await asyncio.gather(
        run(server, sending("One")),
        run(server, send_and_fail),
        run(server, lambda _work, _user_id: seen.extend(seen_by_others(server))),
        run(server, sending("Two")),
        return_exceptions=True,
    )

    assert seen == []  # all four were one transaction
    assert [isinstance(result, Exception) for result in results] == [False, True, False, False]
    assert seen_by_others(server) == ["One", "Two"]
    assert contents(await at_ben.quiet()) == ["One", "Two"]


async def test_nobody_hears_before_the_commit_and_then_all_in_order(server: RunningServer, ben: Person) -> None:
    at_ben = await ben.connect()
    gate = Gate()

    writing = asyncio.gather(run(server, sending("One")), run(server, sending("Two")), run(server, gate))
    await gate.is_reached()
    assert seen_by_others(server) == []
    assert await at_ben.quiet() == []
    waiting = asyncio.gather(*(run(server, sending(str(number))) for number in range(3, 9)))
    gate.opened.set()
    await writing
    await waiting

    assert contents(await at_ben.quiet()) == ["One", "Two", *map(str, range(3, 9))]
    assert seen_by_others(server) == ["One", "Two", *map(str, range(3, 9))]


async def test_the_events_of_one_unit_keep_their_order(server: RunningServer, ben: Person) -> None:
    at_ben = await ben.connect()

    def publish_three(work: Work, _user_id: int) -> None:
        for number in (1, 2, 3):
            work.publish((2,), b'{"type":"message_deleted","messageId":%d}' % number)

    await run(server, publish_three)

    assert [event["messageId"] for event in await at_ben.quiet()] == [1, 2, 3]


async def test_reads_do_not_wait_for_a_write(server: RunningServer, ann: Person, ben: Person) -> None:
    await ann.write(ben, "Before")
    gate = Gate()

    writing = asyncio.gather(run(server, sending("During")), run(server, gate))
    await gate.is_reached()
    thread = await ben.get("/messages/user/1")
    gate.opened.set()
    await writing

    assert [message["messageContent"] for message in thread.data] == ["Before"]
    assert len((await ben.get("/messages/user/1")).data) == 2


async def test_who_does_not_wait_for_his_answer_has_written_all_the_same(server: RunningServer, ben: Person) -> None:
    at_ben = await ben.connect()
    gate = Gate()
    holding = asyncio.ensure_future(run(server, gate))
    await gate.is_reached()

    impatient_caller = asyncio.ensure_future(run(server, sending("Bye")))
    neighbour = asyncio.ensure_future(run(server, sending("Still here")))
    await asyncio.wait([impatient_caller], timeout=0)
    impatient_caller.cancel()
    gate.opened.set()
    await asyncio.gather(holding, neighbour)

    assert contents(await at_ben.quiet()) == ["Bye", "Still here"]
    assert impatient_caller.cancelled()


async def test_an_event_that_cannot_be_pushed_does_not_undo_what_is_committed(
    server: RunningServer, ben: Person, caplog: pytest.LogCaptureFixture
) -> None:
    at_ben = await ben.connect()

    def send_beside_rubbish(work: Work, user_id: int) -> None:
        work.publish((2,), b'{"type":"test"}', echoes=[None])  # type: ignore[list-item]
        sending("Whole")(work, user_id)

    await run(server, send_beside_rubbish)

    assert contents(await at_ben.quiet()) == ["Whole"]
    assert seen_by_others(server) == ["Whole"]
    assert "could not be pushed" in caplog.text


def is_internal_error(answer: Answer) -> None:
    assert (answer.status, answer.error["code"]) == (500, "INTERNAL_ERROR")
    text = answer.raw.decode()
    for word in ("rubbish", "Traceback", "Error:", ".py", "isoformat"):
        assert word not in text
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"


async def test_an_unexpected_error_is_told_without_its_cause_and_logged_with_it(
    server: RunningServer, ann: Person, ben: Person, chloe: Person, caplog: pytest.LogCaptureFixture
) -> None:
    sent = await ann.write(ben, "Unreadable")
    await ann.write(chloe, "Readable")
    server.execute(
        sa.text("UPDATE Messages SET CreatedAt = 'rubbish' WHERE MessageID = :id").bindparams(id=sent["messageId"])
    )
    at_ann = await ann.connect()
    origin = {"Origin": "http://localhost:5173"}

    is_internal_error(await ann.get("/messages/user/2", headers=origin))
    is_internal_error(await ben.post(f"/messages/{sent['messageId']}/read", headers=origin))

    assert "rubbish" in caplog.text
    assert await at_ann.quiet() == []
    assert server.execute(sa.text("SELECT SUM(IsRead) FROM Messages"))[0][0] == 0
    assert len((await ann.get("/messages/user/3")).data) == 1
    assert (await ann.post("/messages", {"recipientId": 2, "messageContent": "Hello"})).status == 201


@pytest.mark.usefixtures("impatient")
async def test_while_another_program_locks_the_database_writers_are_told_to_come_back(
    server: RunningServer, ann: Person, ben: Person, caplog: pytest.LogCaptureFixture
) -> None:
    before = await ann.write(ben, "Before")
    message = f"/messages/{before['messageId']}"
    new = {"recipientId": 2, "messageContent": "During"}
    at_ann, at_ben = await ann.connect(), await ben.connect()

    with locked(path_of(server)):
        refused = [
            await ann.post("/messages", new, headers={"Origin": "http://localhost:5173"}),
            await ann.put(message, {"messageContent": "Changed"}),
            await ben.post(f"{message}/read"),
            await ben.post("/messages/conversations/1/read"),
            await ann.delete(message),
            *await asyncio.gather(*(ann.post("/messages", new) for _ in range(10))),
        ]
        assert (await ben.get("/messages/user/1")).data == [before]
        assert (await ben.get("/messages/unread-count")).data == {"count": 1}

    for answer in refused:
        assert (answer.status, answer.error["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert 1 <= int(answer.headers["Retry-After"]) <= 30
        assert "locked" not in answer.raw.decode()
    assert refused[0].headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert "Retry-After" in refused[0].headers["Access-Control-Expose-Headers"]
    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []
    assert any(record.levelno >= logging.ERROR and "locked" in record.getMessage() for record in caplog.records)

    after = await ann.write(ben, "After")

    assert await at_ben.next() == {"type": "message", "message": after}
    assert (await ben.get("/messages/user/1")).data == [before, after]


async def test_a_short_lock_is_waited_for(server: RunningServer, ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()

    with locked(path_of(server)):
        writing = asyncio.ensure_future(ann.write(ben, "Late"))
        assert await at_ben.quiet() == []

    assert (await writing)["messageContent"] == "Late"
    assert (await at_ben.next())["type"] == "message"


async def test_a_stop_does_not_wait_for_a_database_that_hangs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editions, "BUSY_TIMEOUT_MS", 400)
    monkeypatch.setattr(app, "DRAIN_REQUESTS_SECONDS", 0.1)
    server = RunningServer(settings)
    server.start()
    ann = server.person(1)
    with locked(path_of(server)):
        posts = [
            asyncio.ensure_future(ann.post("/messages", {"recipientId": 2, "messageContent": f"Number {number}"}))
            for number in range(10)
        ]
        waiting: list[asyncio.Future[Any]] = []
        for batch in range(20):
            waiting += [
                asyncio.ensure_future(run(server, sending(f"Number {number} of {batch}")))
                for number in range(WRITE_BATCH)
            ]
            for _ in range(3):  # turns of the loop: what comes in one turn is one batch
                await asyncio.sleep(0)
        lane = server.app.services.work._writer
        settle, ended = lane._settle, []

        def note(batch: Sequence[Unit]) -> None:
            if lane._stopping:
                ended.append(len(batch))
            settle(batch)

        monkeypatch.setattr(lane, "_settle", note)
        await server.stop()
        # The last one before the stop, whose end was still on its way, and the next one, with all that waited behind.
        assert len(ended) <= 2
    results = await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.gather(*posts, return_exceptions=True)

    assert {type(result) for result in results} == {ServiceUnavailable}
    assert seen_by_others(server) == []


def end_the_transaction(work: Work, _user_id: int) -> None:
    """As a full disk does; the batch cannot be committed any more."""
    work.session.rollback()


async def test_what_came_just_before_the_stop_is_answered_though_its_batch_fails(server: RunningServer) -> None:
    gate = Gate()
    first = asyncio.ensure_future(run(server, gate))
    await gate.is_reached()
    last = asyncio.ensure_future(run(server, end_the_transaction))
    stopping = asyncio.ensure_future(server.app.services.work.stop(LIMIT))
    for _ in range(3):  # turns of the loop: the last one and the end wait together now
        await asyncio.sleep(0)
    gate.opened.set()

    with pytest.raises(ServiceUnavailable):
        await asyncio.wait_for(last, LIMIT)
    await asyncio.wait_for(stopping, LIMIT)
    await first
