"""What an operator reads in the lines of real servers, and what he never reads there."""

import asyncio
import json
import os
import re
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from regoods import migrations
from regoods.core.database import Database
from regoods.core.settings import ROOT
from tests.support.nodes import joined
from tests.support.people import LIMIT
from tests.support.process import ServerProcess
from tests.support.redis import RedisServer

JSON = {"LOG_FORMAT": "json", "LOG_LEVEL": "debug"}
WORDS = "violet-umbrella-seventeen"
"""In each text that is written here; nothing else has them."""


async def ended(*processes: ServerProcess) -> None:
    for process in processes:
        process.signal(signal.SIGTERM)
        assert await process.exit_code() == 0


@pytest.mark.gen_test(timeout=120)
async def test_a_message_is_followed_by_one_id_from_the_request_to_the_delivery_on_another_node(
    tmp_path: Path, redis: RedisServer
) -> None:
    processes: list[ServerProcess] = []
    try:
        for _ in range(2):
            processes.append(await ServerProcess(tmp_path, REDIS_URL=redis.url, **JSON).started())
        one, two = processes
        ann, ben = one.person(1), two.person(2)
        for person in (ann, ben):
            await joined(person)
        at_ann = await ann.connect()
        at_ben = await ben.connect()
        new = {"recipientId": 2, "messageContent": WORDS}
        sent = (await ann.post("/messages", new, headers={"X-Request-Id": "follow-me"})).data
        await at_ben.until("message")
        read = await ben.post(f"/messages/{sent['messageId']}/read", headers={"X-Request-Id": "read-it"})
        assert read.status == 200
        await at_ann.until("message_read")
        at_ben.close()
        await ended(*processes)
    finally:
        for process in processes:
            await process.clean_up()

    message = {"requestId": "follow-me", "userId": 1, "messageId": sent["messageId"], "recipientId": 2}
    (request,) = [line for line in one.logged("request") if line["requestId"] == "follow-me"]
    assert {"userId": 1, "method": "POST", "path": "/api/v1/messages", "status": 201}.items() <= request.items()
    (told,), (echo,) = one.logged("message_broadcast"), one.logged("message_sent_broadcast")
    assert (message | {"level": "info", "sockets": 0}).items() <= told.items()
    assert (message | {"level": "debug", "sockets": 1}).items() <= echo.items()
    (relayed,) = two.logged("message_relayed")
    assert (message | {"level": "info", "sockets": 1}).items() <= relayed.items()
    (receipt,) = two.logged("message_read_broadcast")
    assert (message | {"requestId": "read-it", "userId": 2, "sockets": 1}).items() <= receipt.items()
    (seen,) = one.logged("message_read_relayed")
    assert {"requestId": "read-it", "userId": 2, "recipientId": 1, "sockets": 1}.items() <= seen.items()

    (opened,), (closed,) = two.logged("socket_opened"), two.logged("socket_closed")
    assert opened["userId"] == closed["userId"] == 2
    handshakes = [line for line in two.logged("request") if line["path"] == "/messages"]
    assert [line["requestId"] for line in handshakes] == [opened["requestId"]]
    assert closed["seconds"] >= 0
    assert closed["code"] in (1000, 1001, 1005, 1006)
    for process in processes:
        for line in map(json.loads, process.errors.splitlines()):
            assert list(line)[:3] == ["timestamp", "level", "type"]
            assert datetime.strptime(line["timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ")


async def test_a_refused_socket_says_why(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path, LOG_FORMAT="json")
    try:
        await process.started()
        socket = await process.person(1).dial(token="none")
        assert await socket.closed() == (1008, "Invalid token")
        await ended(process)
    finally:
        await process.clean_up()

    (refused,) = process.logged("socket_refused")
    assert refused["reason"] == "Invalid token"
    assert refused["requestId"]
    assert process.logged("socket_opened") == []


@pytest.mark.parametrize(
    ("app_env", "log_format", "is_json"),
    [
        ("development", "", False),
        ("development", "json", True),
        ("production", "", True),
        ("production", "text", False),
    ],
)
async def test_how_lines_look(tmp_path: Path, app_env: str, log_format: str, is_json: bool) -> None:
    database = Database(f"sqlite:///{tmp_path}/regoods.db", ROOT)
    migrations.upgrade(database)
    database.close()
    process = ServerProcess(tmp_path, APP_ENV=app_env, LOG_FORMAT=log_format)
    try:
        await process.started()
        assert (await process.person(1).get("/nothing", token="")).status == 404
        await ended(process)
    finally:
        await process.clean_up()

    (line,) = process.errors.splitlines()
    assert line.startswith("{") == is_json
    assert "\x1b" not in line
    assert ("INFO request" in line) != is_json
    assert "/api/v1/nothing" in line


def spoil(url: str) -> None:
    """Let the database refuse texts with a certain word, and say, as it does, which row it was."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(
                sa.text("ALTER TABLE messages ADD CHECK (message_content NOT LIKE '%refuse%') NOT VALID")
            )
        else:
            for what in ("INSERT", "UPDATE"):
                connection.execute(
                    sa.text(
                        f'CREATE TRIGGER refuse_{what} BEFORE {what} ON "Messages" WHEN NEW."MessageContent" '
                        "LIKE '%refuse%' BEGIN SELECT RAISE(ABORT, 'no such text'); END"
                    )
                )
    engine.dispose()


@pytest.mark.gen_test(timeout=120)
@pytest.mark.editions("sqlite", "postgresql")
@pytest.mark.parametrize("log_format", ["json", "text"])
async def test_no_text_of_a_message_is_ever_logged(
    tmp_path: Path, new_database: Callable[[str], str], log_format: str
) -> None:
    url = new_database("regoods")
    process = ServerProcess(tmp_path, DATABASE_URL=url, DEMO_DATA="true", LOG_FORMAT=log_format, LOG_LEVEL="debug")
    try:
        await process.started()
        ann, ben = process.person(1), process.person(2)
        at_ben = await ben.connect()
        sent = await ann.write(ben, f"{WORDS} sent")
        assert (await ann.put(f"/messages/{sent['messageId']}", {"messageContent": f"{WORDS} edited"})).status == 200
        assert (await at_ben.until("message_edited"))["message"]["messageContent"] == f"{WORDS} edited"
        assert (await ann.get(f"/messages/search?query={WORDS}")).status == 200
        at_ben.send({"type": "message", "messageContent": WORDS})
        at_ben.send({"type": WORDS})
        bad: list[Any] = [{"recipientId": WORDS, "messageContent": WORDS}, {"recipientId": 99, "messageContent": WORDS}]
        for body in bad:
            assert (await ann.post("/messages", body)).status in (400, 404)

        spoil(url)
        refused = [
            await ann.post("/messages", {"recipientId": 2, "messageContent": f"{WORDS} refuse\n{WORDS}"}),
            await ann.put(f"/messages/{sent['messageId']}", {"messageContent": f"{WORDS} refuse"}),
        ]
        assert {answer.status for answer in refused} == {500}
        await ended(process)
    finally:
        await process.clean_up()

    assert "Traceback" in process.errors
    assert "IntegrityError" in process.errors
    for answer in refused:
        assert answer.headers["X-Request-Id"] in process.errors
    assert WORDS not in process.errors


async def test_a_terminal_gets_colour(tmp_path: Path) -> None:
    screen, terminal = os.openpty()
    process = ServerProcess(tmp_path, stderr=terminal)
    try:
        await process.started()
        assert (await process.person(1).get("/nothing", token="")).status == 404
        text = ""
        while "/api/v1/nothing" not in text:
            text += (await asyncio.wait_for(asyncio.to_thread(os.read, screen, 4096), LIMIT)).decode()
        assert re.search(r"\x1b\[32mINFO\x1b\[0m \x1b\[1mrequest\x1b\[0m ", text)
        await ended(process)
    finally:
        await process.clean_up()
        os.close(terminal)
        os.close(screen)
