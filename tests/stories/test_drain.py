"""A release under load: what is told while it drains, what is answered still, and how soon who was there is back."""

import asyncio
import contextlib
import json
import re
import signal
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tornado.httpclient import HTTPClientError
from tornado.netutil import bind_sockets

from regoods import app
from regoods.core.feature import Feature, Services
from tests.support.follower import follow_all
from tests.support.nodes import holds, queued
from tests.support.people import LIMIT, Person, Socket
from tests.support.process import Start
from tests.support.raw_socket import dial_raw, eventually
from tests.support.server import RunningServer

GOING_AWAY = (1001, "Server is restarting")
SENDERS = 12
MORE_THAN_SOME_TURNS_ACCEPT = 700
"""Tornado accepts 128 connections in a turn of the loop."""

REDIAL_SECONDS = 3.0
MOST_DIALS = 5
"""The SPA's (contract, section 4)."""

LONGEST_ABSENCE = 10.0


@pytest.fixture
def start(database_url: str, start: Start) -> Start:
    """Starts servers on one database."""
    return partial(start, DATABASE_URL=database_url, RATE_LIMIT_WRITES_PER_MINUTE="0")


class Cut(Exception):
    """A connection ended where an answer was due."""


class Line:
    """A connection that is kept open, as a proxy keeps it, and closed only when the server has said so."""

    def __init__(self, person: Person) -> None:
        address = urlsplit(person.base_url)
        self._host, self._port = address.hostname, address.port
        self._head = f"Host: regoods\r\nAuthorization: Bearer {person.token()}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and body. Raises ConnectionError where nobody accepts, Cut where who accepted does not answer."""
        answered_before = self._streams is not None
        reader, writer = self._streams = self._streams or await asyncio.open_connection(self._host, self._port)
        data = b"" if body is None else json.dumps(body).encode()
        writer.write(
            f"{method} /api/v1{path} HTTP/1.1\r\n{self._head}Content-Length: {len(data)}\r\n\r\n".encode() + data
        )
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length
            answer = json.loads(await reader.readexactly(int(length[1])))
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            self.close()
            if answered_before or (isinstance(error, asyncio.IncompleteReadError) and error.partial):
                raise Cut(f"{method} {path}") from error
            # Of who comes in the very moment between the last look at the queue and the closing of the port.
            raise ConnectionRefusedError from error
        if b"Connection: close" in head:
            assert await asyncio.wait_for(reader.read(), LIMIT) == b""
            self.close()
        return int(head.split()[1]), answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Sender:
    """Sends without a pause until nobody accepts any more."""

    def __init__(self, sender: Person, recipient: Person) -> None:
        self.acknowledged: dict[int, str] = {}
        self.line = Line(sender)
        self._body = {"recipientId": recipient.user_id}
        self.ended = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        """Raises Cut, and for any answer but 201."""
        number = 0
        with contextlib.suppress(ConnectionError):
            while True:
                status, answer = await self.line.ask(
                    "POST", "/messages", self._body | {"messageContent": f"Number {number}"}
                )
                assert status == 201, answer
                self.acknowledged[answer["data"]["messageId"]] = answer["data"]["messageContent"]
                number += 1


async def test_under_load_nothing_is_lost_and_no_request_is_cut(start: Start) -> None:
    first = await start(DRAIN_DELAY="3000").started()
    ben = first.person(2)
    readers = await follow_all(first, [2])
    at_ben = await ben.connect()
    senders = [Sender(first.person(number), ben) for number in range(3, 3 + SENDERS)]
    await readers[2].until(lambda: readers[2].messages.total() > 5 * SENDERS)

    first.signal(signal.SIGTERM)

    async def is_draining() -> bool:
        ready = await ben.get("/health/ready", root="", token="")
        return ready.status == 503 and ready.body == {"status": "draining", "degraded": []}

    await eventually(is_draining)
    before = sum(len(sender.acknowledged) for sender in senders)
    refused = (await dial_raw(ben)).answer
    assert (refused.status, refused.error["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(refused.headers["Retry-After"]) > 0
    without_token = (await dial_raw(ben, b"", headers={"Sec-WebSocket-Protocol": "regoods"})).answer
    assert without_token.status == 503
    for sender in senders:
        await asyncio.wait_for(sender.ended, LIMIT)
    acknowledged = {key: text for sender in senders for key, text in sender.acknowledged.items()}
    assert len(acknowledged) > before  # calls were taken still
    assert await at_ben.closed() == GOING_AWAY
    assert await first.exit_code() == 0
    assert first.troubles == []

    await start(PORT=first.port).started()
    await readers[2].until(lambda: acknowledged.keys() <= readers[2].messages.keys())
    assert set(readers[2].messages.values()) == {1}
    await readers[2].stop()


@pytest.mark.editions("sqlite")
async def test_who_waits_to_be_accepted_is_answered(start: Start) -> None:
    process = await start().started()
    ann = process.person(1)
    process.signal(signal.SIGSTOP)
    asked = [asyncio.ensure_future(Line(ann).ask("GET", "/health")) for _ in range(MORE_THAN_SOME_TURNS_ACCEPT)]

    async def have_all_been_sent() -> bool:
        queued = Path(f"/proc/{process.process_id}/net/tcp").read_text()  # noqa: ASYNC240
        mine = rf"0100007F:{int(process.port):04X} 0100007F:\w+ 01 \w+:(?!00000000)"
        return len(re.findall(mine, queued)) >= len(asked)

    await eventually(have_all_been_sent)
    process.signal(signal.SIGTERM)
    process.signal(signal.SIGCONT)

    assert {status for status, _ in await asyncio.gather(*asked)} == {200}
    assert await process.exit_code() == 0


@pytest.mark.editions("sqlite")
async def test_what_has_come_on_a_silent_connection_is_answered(server: RunningServer, ann: Person) -> None:
    line = Line(ann)
    assert (await line.ask("GET", "/messages/unread-count"))[0] == 200
    await holds(lambda: not server.app.patience._lively())  # from now on nothing more is expected of it

    asked = asyncio.ensure_future(line.ask("GET", "/messages/unread-count"))
    await asyncio.sleep(0)  # it is sent, and the server has not looked yet
    await server.app.stop(server.http)

    assert (await asked)[0] == 200


@pytest.mark.editions("sqlite")
async def test_a_feature_whose_stop_hangs_or_fails_keeps_nobody_from_being_told(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(_services: Services) -> None:
        await asyncio.sleep(2 * LIMIT)

    async def fail(_services: Services) -> None:
        raise RuntimeError

    monkeypatch.setattr(app, "DRAIN_WORK_SECONDS", 0.5)
    server.app.features += [Feature(name="hanging", stop=hang), Feature(name="failing", stop=fail)]
    at_ann = await ann.connect()

    await asyncio.wait_for(server.app.stop(server.http), LIMIT)

    assert await at_ann.closed() == GOING_AWAY
    assert "hanging did not stop in time" in caplog.text
    assert "failing did not stop as it should" in caplog.text
    del server.app.features[-2:]  # it is stopped once more


@pytest.mark.editions("sqlite")
async def test_the_events_of_the_last_commits_come_before_the_end(start: Start, tmp_path: Path) -> None:
    process = await start().started()
    ann, ben = process.person(1), process.person(2)
    at_ben = await ben.connect()
    elsewhere = sqlite3.connect(tmp_path / "regoods.db", isolation_level=None)
    elsewhere.execute("BEGIN IMMEDIATE")
    line = Line(ann)
    sending = asyncio.ensure_future(line.ask("POST", "/messages", {"recipientId": 2, "messageContent": "The last"}))
    await queued(ben, 1)
    line.close()  # so nothing is in flight any more, and the writer still has it

    process.signal(signal.SIGTERM)
    await eventually(process.refuses)
    elsewhere.execute("ROLLBACK")
    elsewhere.close()

    assert (await at_ben.until("message"))["message"]["messageContent"] == "The last"
    assert await at_ben.closed() == GOING_AWAY
    assert await process.exit_code() == 0
    with contextlib.suppress(ConnectionError):
        await sending


class Spa:
    """Dials as the SPA does: 3 s after a close, five times at most, counting anew with each socket that opened."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self.absences: list[float] = []
        """Seconds from a close to the next socket that opened."""
        self.codes: list[int | None] = []
        self.opened = asyncio.Event()
        self.task = asyncio.ensure_future(self._live())

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        closed_at = None
        dials = 0
        while dials < MOST_DIALS:
            dials += 1
            tab: Socket | None = None
            with contextlib.suppress(OSError, HTTPClientError):
                tab = await self._person.dial()
            if tab is not None:
                dials = 0
                if closed_at is not None:
                    self.absences.append(loop.time() - closed_at)
                self.opened.set()
                self.codes.append(await until_closed(tab))
                closed_at = loop.time()
            await asyncio.sleep(REDIAL_SECONDS)

    async def open(self) -> None:
        """Wait until it is. Raises where it has given up."""
        waiting = asyncio.ensure_future(self.opened.wait())
        await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED, timeout=LIMIT)
        assert self.opened.is_set(), "the SPA gave up"
        self.opened.clear()


async def until_closed(tab: Socket) -> int | None:
    while await tab.connection.read_message() is not None:
        pass
    return tab.connection.close_code


@pytest.mark.editions("sqlite")
@pytest.mark.parametrize("handed_over", [False, True], ids=["port", "systemd's socket"])
async def test_who_dials_as_the_spa_does_is_back_within_ten_seconds(start: Start, handed_over: bool) -> None:
    listening = bind_sockets(0, "127.0.0.1")[0] if handed_over else None
    first = await start(listening=listening).started()
    tabs = [Spa(first.person(number)) for number in (1, 2, 3)]
    for tab in tabs:
        await tab.open()

    first.signal(signal.SIGTERM)
    assert await first.exit_code() == 0
    start(listening=listening, **({} if handed_over else {"PORT": first.port}))

    for tab in tabs:
        await tab.open()
        assert tab.codes == [1001]
        (absence,) = tab.absences
        assert absence < LONGEST_ABSENCE
        tab.task.cancel()
    if listening is not None:
        listening.close()


@pytest.mark.editions("sqlite")
async def test_with_systemd_s_socket_nobody_is_refused_while_it_is_started_anew(start: Start) -> None:
    listening = bind_sockets(0, "127.0.0.1")[0]
    first = start(listening=listening)
    base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    ann = Person(base_url, 1, first.environment["JWT_ACCESS_SECRET"])
    early = asyncio.ensure_future(Line(ann).ask("GET", "/messages/unread-count"))
    assert (await early)[0] == 200
    assert (await first.started()).base_url == base_url

    first.signal(signal.SIGTERM)
    assert await first.exit_code() == 0
    between = asyncio.ensure_future(Line(ann).ask("GET", "/messages/unread-count"))
    second = await start(listening=listening).started()

    assert (await between)[0] == 200
    second.signal(signal.SIGTERM)
    assert await second.exit_code() == 0
    listening.close()
