"""The server is stopped, killed, started anew: nobody loses what was acknowledged, and clients come back."""

import asyncio
import json
import re
import signal
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import HTTPClientError

from regoods.app import DRAIN_SOCKETS_SECONDS
from tests.support.nodes import queued
from tests.support.people import LIMIT, Person
from tests.support.process import Start
from tests.support.raw_socket import CLOSE, closing, connect_raw, dial_raw, eventually

GOING_AWAY = (1001, "Server is restarting")


@pytest.fixture
def start(database_url: str, start: Start) -> Start:
    """Starts servers on one database."""
    return partial(start, DATABASE_URL=database_url)


async def contents(reader: Person, partner: Person) -> list[str]:
    return [message["messageContent"] for message in (await reader.get(f"/messages/user/{partner.user_id}")).data]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_chat_goes_on_after_a_restart(start: Start, number: signal.Signals) -> None:
    first = await start().started()
    ann, ben = first.person(1), first.person(2)
    at_ann, at_ben = await ann.connect(), await ben.connect()
    before = await ann.write(ben, "Before the restart 🚲")
    assert await at_ben.next() == {"type": "message", "message": before}
    begun = time.monotonic()

    first.signal(number)

    assert (await at_ann.until("message_sent"))["message"] == before
    assert await at_ann.closed() == GOING_AWAY
    assert await at_ben.closed() == GOING_AWAY
    assert await first.exit_code() == 0
    assert time.monotonic() - begun < 10
    assert first.troubles == []  # nothing to alarm an operator

    second = await start(PORT=first.port).started()
    assert second.base_url == first.base_url
    at_ann, at_ben = await ann.connect(), await ben.connect()
    after = await ben.write(ann, "And after it")
    assert await at_ann.next() == {"type": "message", "message": after}
    assert await at_ben.next() == {"type": "message_sent", "message": after}
    assert after["messageId"] > before["messageId"]
    assert (await contents(ann, ben))[-2:] == ["Before the restart 🚲", "And after it"]
    assert (await ben.get("/messages/conversations")).data[0]["lastMessage"] == "And after it"


async def test_a_request_in_flight_is_answered_and_its_event_sent(start: Start) -> None:
    process = await start().started()
    ann, ben = process.person(1), process.person(2)
    at_ben = await ben.connect()
    body = json.dumps({"recipientId": 2, "messageContent": "Just in time"}).encode()
    address = urlsplit(process.base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        f"POST /api/v1/messages HTTP/1.1\r\nHost: regoods\r\nAuthorization: Bearer {ann.token()}\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    assert b" 100 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
    writer.write(body[:10])

    process.signal(signal.SIGTERM)
    await eventually(process.refuses)
    writer.write(body[10:])

    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
    answer = json.loads(await asyncio.wait_for(reader.read(), LIMIT))
    assert b" 201 " in head.splitlines()[0]
    assert await at_ben.next() == {"type": "message", "message": answer["data"]}
    assert await at_ben.closed() == GOING_AWAY
    assert await process.exit_code() == 0
    again = await start(PORT=process.port).started()
    assert (await contents(again.person(2), again.person(1)))[-1] == "Just in time"
    writer.close()


@pytest.mark.editions("sqlite")
async def test_what_waits_for_the_database_is_answered_too(start: Start, tmp_path: Path) -> None:
    process = await start().started()
    ann, ben = process.person(1), process.person(2)
    at_ben = await ben.connect()
    elsewhere = sqlite3.connect(tmp_path / "regoods.db", isolation_level=None)
    elsewhere.execute("BEGIN IMMEDIATE")
    writing = [asyncio.ensure_future(ann.write(ben, f"Number {number}")) for number in range(5)]
    await queued(ann, 5)
    process.signal(signal.SIGTERM)
    await eventually(process.refuses)
    elsewhere.execute("ROLLBACK")
    elsewhere.close()

    sent = await asyncio.gather(*writing)
    for _ in sent:
        assert (await at_ben.next())["message"] in sent
    assert await at_ben.closed() == GOING_AWAY
    assert await process.exit_code() == 0


async def test_clients_that_do_not_listen_hold_no_stop_up(start: Start) -> None:
    process = await start().started()
    ann, ben = process.person(1), process.person(2)
    deaf = await connect_raw(ann)  # never answers a close frame
    refused = await dial_raw(ben, "rubbish")
    assert await refused.closed() == (1008, "Invalid token")
    half = await dial_raw(ben)
    await half.send(b"\x81\xfe")  # half a frame
    address = urlsplit(process.base_url)
    _, idle = await asyncio.open_connection(address.hostname, address.port)
    _, slow = await asyncio.open_connection(address.hostname, address.port)
    slow.write(f"POST /api/v1/messages HTTP/1.1\r\nAuthorization: Bearer {ann.token()}\r\n".encode())
    begun = time.monotonic()

    process.signal(signal.SIGTERM)

    assert await deaf.closed() == GOING_AWAY
    assert await process.exit_code() == 0
    assert time.monotonic() - begun < 10
    idle.close()
    slow.close()


@pytest.mark.editions("sqlite")
async def test_a_proxy_s_connection_is_used_up_or_closed_before_the_work_ends(start: Start) -> None:
    process = await start().started()
    ann = process.person(1)
    deaf = await connect_raw(process.person(2))  # holds the stop up, for it never answers a close frame
    address = urlsplit(process.base_url)
    kept = [await asyncio.open_connection(address.hostname, address.port) for _ in range(2)]
    head = f"Host: regoods\r\nAuthorization: Bearer {ann.token()}"
    ask = f"GET /api/v1/messages/unread-count HTTP/1.1\r\n{head}\r\n\r\n".encode()

    async def answer(reader: asyncio.StreamReader) -> bytes:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
        length = re.search(rb"Content-Length: (\d+)", head)
        assert length
        return head + await reader.readexactly(int(length[1]))

    for reader, writer in kept:
        writer.write(ask)
        assert b" 200 OK" in await answer(reader)

    process.signal(signal.SIGTERM)
    await eventually(process.refuses)

    (used, using), (silent, _) = kept
    using.write(ask)
    last = await answer(used)
    assert b" 200 OK" in last
    assert b"Connection: close" in last
    assert await deaf.closed() == GOING_AWAY
    # A request from now on would find no thread to work for it: there is no connection it could come on.
    # It was closed before that frame was sent; half of the time in which the server waits for the deaf one tells it.
    assert await asyncio.wait_for(silent.read(), DRAIN_SOCKETS_SECONDS / 2) == b""
    assert await process.exit_code() == 0
    for _, writer in kept:
        writer.close()


async def test_who_dials_while_the_server_stops_is_not_left_hanging(start: Start) -> None:
    process = await start().started()
    ann = process.person(1)
    at_ann = await connect_raw(ann)

    process.signal(signal.SIGTERM)

    assert await at_ann.closed() == GOING_AWAY
    with pytest.raises(ConnectionError):
        await dial_raw(ann)
    await at_ann.send(closing(1001))
    assert await at_ann.ended() == b""
    assert await process.exit_code() == 0


async def test_a_second_signal_does_no_harm(start: Start) -> None:
    process = await start().started()
    raw = await connect_raw(process.person(1))

    process.signal(signal.SIGTERM)
    assert (await raw.until(CLOSE)).payload[:2] == b"\x03\xe9"
    process.signal(signal.SIGTERM)
    process.signal(signal.SIGINT)
    await raw.send(closing(1001))

    assert await process.exit_code() == 0


async def test_a_kill_loses_no_message_that_was_acknowledged(start: Start) -> None:
    first = await start(RATE_LIMIT_WRITES_PER_MINUTE="0").started()
    ann, ben = first.person(1), first.person(2)
    at_ben = await ben.connect()
    acknowledged: dict[int, str] = {}
    enough = asyncio.Event()

    async def write_without_end(name: str) -> None:
        number = 0
        while True:
            message = await ann.write(ben, f"{name} {number}")
            acknowledged[message["messageId"]] = message["messageContent"]
            number += 1
            if len(acknowledged) > 60:
                enough.set()

    writing = [asyncio.ensure_future(write_without_end(name)) for name in "abcd"]
    await asyncio.wait_for(enough.wait(), LIMIT)
    first.kill()
    for each in await asyncio.gather(*writing, return_exceptions=True):
        assert isinstance(each, OSError | HTTPClientError), each

    second = await start(PORT=first.port).started()
    stored: dict[int, str] = {}
    for offset in range(0, len(acknowledged) + 20, 100):
        page: list[dict[str, Any]] = (await ben.get(f"/messages/user/1?limit=100&offset={offset}")).data
        stored |= {message["messageId"]: message["messageContent"] for message in page}
    assert acknowledged.items() <= stored.items()
    while (event := await at_ben.connection.read_message()) is not None:
        told = json.loads(event)["message"]  # nobody was told of what did not last
        assert stored[told["messageId"]] == told["messageContent"]

    again = await ben.connect()
    sent = await ann.write(ben, "Still there")
    assert sent["messageId"] > max(stored)
    assert await again.next() == {"type": "message", "message": sent}
    second.signal(signal.SIGTERM)
    assert await second.exit_code() == 0
