"""Faults on purpose: each is felt by any client of its user and by nobody else, and ends by itself."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from regoods.core.tokens import mint
from regoods.realtime import connection, disturbance
from regoods.realtime.expiry import Expiry
from tests.support.nodes import holds
from tests.support.people import LIMIT, Answer, Person, Socket
from tests.support.raw_socket import TEXT, RawSocket, connect_raw, eventually, text
from tests.support.server import RunningServer

pytestmark = pytest.mark.editions("sqlite")

FAULTS = "/debug/faults"
SMALL = 4096
"""Bytes the slow client's kernel takes."""


async def disturb(person: Person, **how: int) -> dict[str, Any]:
    answer = await person.put(FAULTS, {"userId": person.user_id} | how, root="", token="")
    assert answer.status == 200, answer.raw
    state: dict[str, Any] = answer.data
    return state


async def state_of(person: Person) -> dict[str, Any]:
    state: dict[str, Any] = (await person.get(f"{FAULTS}?userId={person.user_id}", root="", token="")).data
    return state


async def fault(person: Person, name: str, **how: Any) -> Answer:
    return await person.post(f"{FAULTS}/{name}", {"userId": person.user_id} | how, root="", token="")


async def write_some(sender: Person, recipient: Person, count: int) -> None:
    for number in range(1, count + 1):
        await sender.write(recipient, str(number))


async def texts(socket: Socket | RawSocket, count: int) -> list[str]:
    """What the next so many events say."""
    return [
        (await socket.event() if isinstance(socket, RawSocket) else await socket.next())["message"]["messageContent"]
        for _ in range(count)
    ]


def older_token(person: Person) -> str:
    """As `Person.token`, of a minute ago."""
    return mint(person.secret, person.user_id, "", datetime.now(UTC) - timedelta(minutes=1))


@pytest.mark.twins
async def test_every_second_event_is_dropped_and_the_gap_tells(ann: Person, ben: Person) -> None:
    at_ann, at_ben, other_tab = await ann.connect(), await ben.connect(), await ben.connect()

    await disturb(ben, dropEvery=2)
    await write_some(ann, ben, 5)

    for tab in (at_ben, other_tab):
        assert await texts(tab, 3) == ["1", "3", "5"]
        assert tab.numbers == [1, 3, 5]
        assert await tab.quiet() == []
    assert await texts(at_ann, 5) == ["1", "2", "3", "4", "5"]
    state = await state_of(ben)
    assert (state["events"], state["dropped"], state["held"], state["sockets"]) == (5, 2, 0, 2)
    missed = (await ben.get("/messages/sync?since=1&limit=1")).data["events"]
    assert [event["message"]["messageContent"] for event in missed] == ["2"]


async def test_events_are_doubled_and_overtaken(ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturbance, "OVERTAKEN_SECONDS", 2 * LIMIT)
    at_ben = await ben.connect()

    await disturb(ben, duplicateEvery=2)
    await write_some(ann, ben, 3)
    assert await texts(at_ben, 4) == ["1", "2", "2", "3"]

    state = await disturb(ben, reorderEvery=2)
    assert (state["duplicateEvery"], state["reorderEvery"], state["events"]) == (0, 2, 0)
    await write_some(ann, ben, 5)
    assert await texts(at_ben, 5) == ["1", "3", "2", "5", "4"]

    # Of those that are not dropped; an event that none follows comes all the same.
    await disturb(ben, dropEvery=2, duplicateEvery=2, reorderEvery=1)
    await write_some(ann, ben, 4)
    monkeypatch.setattr(disturbance, "OVERTAKEN_SECONDS", 0.1)
    await ann.write(ben, "5")
    assert await texts(at_ben, 4) == ["3", "3", "1", "5"]


async def test_events_are_late_and_in_order_and_what_the_socket_says_is_not(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    at_ben = await ben.connect()
    clock = asyncio.get_running_loop().time

    await disturb(ben, delayMs=400)
    begun = clock()
    await write_some(ann, ben, 1)
    assert await texts(at_ben, 1) == ["1"]
    assert clock() - begun >= 0.4

    await disturb(ben, delayMs=60_000)
    await write_some(ann, ben, 3)
    assert await at_ben.quiet() == []  # the answer to a ping is not late
    assert (await state_of(ben))["held"] == 3
    assert (await ben.connect()).latest == 4  # nor is the greeting, which knows of what is held
    calmed = (await ben.delete(f"{FAULTS}?userId=2", root="", token="")).data
    assert (calmed["secondsLeft"], calmed["delayMs"], calmed["held"]) == (0, 0, 0)
    assert await texts(at_ben, 3) == ["1", "2", "3"]
    await ann.write(ben, "4")
    assert await texts(at_ben, 1) == ["4"]


async def test_it_ends_by_itself(ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()
    state = await disturb(ben, dropEvery=1, seconds=1)
    assert state["secondsLeft"] == 1

    async def is_over() -> bool:
        return not (await state_of(ben))["secondsLeft"]

    await eventually(is_over)
    await ann.write(ben, "comes")
    assert await texts(at_ben, 1) == ["comes"]


async def test_what_is_in_no_log_is_an_event_as_well(ann: Person, ben: Person) -> None:
    await ann.write(ben)
    at_ben = await ben.connect()
    at_ann = await ann.connect()
    assert (await at_ben.next_presence())[:2] == (1, True)
    await disturb(ben, dropEvery=1)

    at_ann.send({"type": "typing", "conversationId": 2})
    await at_ann.quiet()

    async def is_dropped() -> bool:
        return bool((await state_of(ben))["dropped"])

    await eventually(is_dropped)
    assert await at_ben.quiet() == []


async def test_a_reset_comes_without_a_close_frame(server: RunningServer, ann: Person, ben: Person) -> None:
    at_ann, at_ben = await connect_raw(ann), await connect_raw(ben)

    assert (await fault(ben, "kill", how="reset")).data == {"userId": 2, "sockets": 1}

    with pytest.raises(ConnectionResetError):
        await at_ben.next()
    assert server.app.metrics.closed_by_code == {"1006": 1}
    assert await at_ann.quiet() == []
    assert (await ann.write(ben))["recipientId"] == 2


async def test_a_close_has_the_code_and_reason_that_were_asked_for(ann: Person, ben: Person) -> None:
    first, second = await ben.connect(), await ben.connect()
    assert (await fault(ben, "kill", how="close", code=4008, reason="Reads too slowly")).data["sockets"] == 2
    assert await first.closed() == await second.closed() == (4008, "Reads too slowly")

    third = await ben.connect()
    await fault(ben, "kill", how="close")
    assert (await third.closed())[0] == 1001


async def test_silence_leaves_the_connection_open_and_answers_nothing(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    at_ann, silent = await connect_raw(ann), await connect_raw(ben)

    await fault(ben, "kill", how="silent")
    await silent.send(text({"type": "ping"}))
    await ann.write(ben)
    assert [event["type"] for event in await at_ann.quiet()] == ["message_sent"]

    assert not server.app.registry.is_online(2)
    assert (await ben.connect()).latest == 1
    with pytest.raises(TimeoutError):  # all that he could have been told before that is here
        await asyncio.wait_for(silent.reader.read(1), 0.1)
    silent.close()

    async def is_forgotten() -> bool:
        assert server.app.faults is not None
        return not server.app.faults._silent

    await eventually(is_forgotten)


async def test_who_was_left_in_silence_is_cut_off_at_the_end(server: RunningServer, ben: Person) -> None:
    server.app.heartbeat.stop()
    silent = await connect_raw(ben)
    await fault(ben, "kill", how="silent")

    assert server.app.faults is not None
    server.app.faults.stop()

    assert await silent.ended() == b""


async def test_an_expired_token_is_told_then_refused_everywhere(ann: Person, ben: Person) -> None:
    token = older_token(ben)
    at_ben, at_ann = await connect_raw(ben, token=token), await ann.connect()
    assert (await ben.get("/messages/unread-count", token=token)).status == 200

    assert (await fault(ben, "expire-token", seconds=0)).data == {"userId": 2, "sockets": 1}

    assert (await at_ben.event())["type"] == "token_expiring"
    assert await at_ben.closed() == (1008, "Token expired")
    refused = await ben.get("/messages/unread-count", token=token)
    assert (refused.status, refused.error["code"]) == (401, "INVALID_TOKEN")
    again = await ben.dial(token=token)
    assert await again.closed() == (1008, "Invalid token")
    with pytest.raises(HTTPClientError, match="401"):
        await ben.dial(token=token)
    await ben.connect()
    assert (await ben.get("/messages/unread-count")).status == 200
    assert (await ann.get("/messages/unread-count", token=older_token(ann))).status == 200
    assert await at_ann.quiet() == []


async def test_a_token_renewed_in_time_keeps_the_socket(ben: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is to happen in a second happens when the test says so, that the renewal is in time on a busy machine, too.
    due: list[tuple[Any, ...]] = []
    close = Expiry._close_unless_renewed
    monkeypatch.setattr(Expiry, "_close_unless_renewed", lambda *at_its_end: due.append(at_its_end))
    renewed, other = [await ben.dial(token=older_token(ben)) for _ in range(2)]
    for tab in (renewed, other):
        assert (await tab.next())["type"] == "connected"

    await fault(ben, "expire-token", seconds=1)
    for tab in (renewed, other):
        assert (await tab.next())["type"] == "token_expiring"
    renewed.send({"type": "auth", "token": older_token(ben)})
    assert (await renewed.next())["code"] == "INVALID_TOKEN"
    renewed.send({"type": "auth", "token": ben.token()})
    assert (await renewed.next())["type"] == "authenticated"

    await holds(lambda: len(due) == 2)
    for at_its_end in due:
        close(*at_its_end)
    assert await other.closed() == (1008, "Token expired")
    assert await renewed.quiet() == []


async def test_who_does_not_read_what_is_filled_in_is_let_go(
    server: RunningServer, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SLOW_SECONDS", 0.5)
    slow = await connect_raw(ben, receive_buffer=SMALL)
    assert (await fault(ben, "fill")).data["sockets"] == 1

    async def is_gone() -> bool:
        return not server.app.registry.is_online(2)

    await eventually(is_gone)
    assert await slow.closed() == (4008, "Reads too slowly")


async def test_who_reads_what_is_filled_in_stays(server: RunningServer, ann: Person, ben: Person) -> None:
    reader = await connect_raw(ben)
    size = 16 * 1024 * 1024
    await fault(ben, "fill", bytes=size)

    got = 0
    while got < size:
        frame = await reader.next()
        if frame.opcode == TEXT:
            assert json.loads(frame.payload) == {"type": "pong"}
            got += len(frame.payload) + 4

    sent = await ann.write(ben)
    assert await reader.event() == {"type": "message", "message": sent}


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "", {"dropEvery": 2}, "userId"),
        ("PUT", "", {"userId": True, "dropEvery": 2}, "userId"),
        ("PUT", "", {"userId": 2, "dropEvery": -1}, "dropEvery"),
        ("PUT", "", {"userId": 2, "dropEvery": 1001}, "dropEvery"),
        ("PUT", "", {"userId": 2, "delayMs": 60_001}, "delayMs"),
        ("PUT", "", {"userId": 2, "duplicateEvery": 0.5}, "duplicateEvery"),
        ("PUT", "", {"userId": 2, "reorderEvery": "2"}, "reorderEvery"),
        ("PUT", "", {"userId": 2, "seconds": 0}, "seconds"),
        ("PUT", "", {"userId": 2, "seconds": 3601}, "seconds"),
        ("GET", "?userId=0", None, "userId"),
        ("GET", "", None, "userId"),
        ("DELETE", "?userId=two", None, "userId"),
        ("POST", "/kill", {"userId": 2}, "how"),
        ("POST", "/kill", {"userId": 2, "how": "gently"}, "how"),
        ("POST", "/kill", {"userId": 2, "how": "close", "code": 1006}, "code"),
        ("POST", "/kill", {"userId": 2, "how": "close", "code": 5000}, "code"),
        ("POST", "/kill", {"userId": 2, "how": "close", "reason": "界" * 31}, "reason"),
        ("POST", "/expire-token", {"userId": 2, "seconds": 61}, "seconds"),
        ("POST", "/fill", {"userId": 2, "bytes": 64 * 1024 * 1024 + 1}, "bytes"),
    ],
)
async def test_what_is_wrong_is_named(ann: Person, method: str, path: str, body: Any, field: str) -> None:
    answer = await ann.call(method, FAULTS + path, body, root="", token="")

    assert (answer.status, answer.error["code"], answer.field) == (400, "VALIDATION_ERROR", field)


async def test_without_a_socket_there_is_nothing_to_kill_or_fill(ben: Person) -> None:
    for answer in (await fault(ben, "kill", how="reset"), await fault(ben, "fill")):
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")
        assert "no open socket" in answer.error["message"]
    assert (await fault(ben, "expire-token")).data["sockets"] == 0


CALLS = (
    ("GET", "?userId=2", None),
    ("PUT", "", {"userId": 2, "dropEvery": 1}),
    ("DELETE", "?userId=2", None),
    ("POST", "/kill", {"userId": 2, "how": "reset"}),
    ("POST", "/expire-token", {"userId": 2}),
    ("POST", "/fill", {"userId": 2}),
)


async def nothing_is_there(server: RunningServer, ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()
    for method, path, body in CALLS:
        answer = await ann.call(method, FAULTS + path, body, root="", token="")
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")
        assert answer.error["message"] == "There is nothing at this address."
    sent = await ann.write(ben)
    assert await at_ben.next() == {"type": "message", "message": sent}
    assert server.app.faults is None
    assert server.app.bus.faults is None


@pytest.mark.settings(app_env="production", debug_chat=True)
async def test_production_has_none_of_it(server: RunningServer, ann: Person, ben: Person) -> None:
    await nothing_is_there(server, ann, ben)


@pytest.mark.settings(debug_chat=False)
async def test_switched_off_there_is_none_of_it(server: RunningServer, ann: Person, ben: Person) -> None:
    await nothing_is_there(server, ann, ben)
