"""The server is started by somebody who has just cloned it, by an operator, and by one who got something wrong."""

import asyncio
import re
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from regoods.core.settings import Settings
from run import announce, where_it_listens
from tests.support.people import LIMIT, Person
from tests.support.process import SECRET, TOKEN, ServerProcess, Start
from tests.support.raw_socket import dial_raw, text

PRODUCTION = {"APP_ENV": "production"}


async def complaint(process: ServerProcess) -> str:
    """The one line with which a process ended that could not start."""
    assert await process.exit_code() == 2
    assert process.lines == []
    (line,) = process.errors.splitlines()
    return line


async def ask(person: Person, method: str, path: str) -> int:
    return (await person.call(method, path, None if method == "GET" else {"userId": 2}, root="", token="")).status


async def say(process: ServerProcess, request: str) -> bytes:
    """What comes back to a request that no HTTP client would make."""
    address = urlsplit(process.base_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request.encode())
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), LIMIT)
    writer.close()
    return answer


async def test_a_first_start_prints_all_that_two_people_need(start: Start) -> None:
    process = start(PORT="0")
    base_url = await process.line(r"(http://127\.0\.0\.1:\d+)")
    page = await process.line(r"(http://\S+/debug/chat)")
    tokens = [await process.line(TOKEN), await process.line(TOKEN)]

    assert page == f"{base_url}/debug/chat"
    first, second = Person(base_url, 1, ""), Person(base_url, 2, "")
    process.people += [first, second]
    answer = await first.get("/debug/chat", root="", token="")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    at_first, at_second = await first.dial(tokens[0]), await second.dial(tokens[1])
    assert await at_first.next() == {"type": "connected", "userId": 1, "latest": 0}
    assert await at_second.next() == {"type": "connected", "userId": 2, "latest": 0}
    body = {"recipientId": 2, "messageContent": "Hello"}
    sent = (await first.post("/messages", body, token=tokens[0])).data
    assert (await at_second.next())["message"] == sent
    assert (await second.get("/messages/conversations", token=tokens[1])).data[0]["lastMessage"] == "Hello"


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "http://127.0.0.1:3000"), ("::1", "http://[::1]:3000")], ids=["IPv4", "IPv6"]
)
def test_the_address_of_the_page_can_be_clicked_on(capsys: pytest.CaptureFixture[str], host: str, address: str) -> None:
    announce(Settings(), where_it_listens(Settings(), host, 3000), "sqlite:///regoods.db", 1)

    assert f" {address}/debug/chat " in capsys.readouterr().out


@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
async def test_a_start_says_where_there_are_no_sockets(start: Start, on: bool) -> None:
    process = await start(WS_ENABLED=str(on).lower()).started()
    process.signal(signal.SIGTERM)
    assert await process.exit_code() == 0

    said = [line for line in process.lines if "WS_ENABLED" in line]
    assert said == ([] if on else ["Sockets:    none (WS_ENABLED=false): REST alone\n"])


async def test_a_second_start_is_quick_and_adds_nothing(start: Start) -> None:
    first = await start().started()
    before = (await first.person(1).get("/messages/conversations")).data
    first.signal(signal.SIGTERM)
    assert await first.exit_code() == 0

    second = await start().started()

    assert second.processor_seconds < 3
    after = (await second.person(1).get("/messages/conversations")).data
    assert before
    assert after == before


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WS_HEARTBEAT_INTERVAL", "499", "500"),
        ("ALLOWED_ORIGINS", "localhost:3000", "https://"),
        ("ATTACHMENTS_URL", "ftp://files.example", "s3://bucket/prefix"),
        ("ATTACHMENTS_URL", "file:///proc/attachments", "where one may write"),
        ("ATTACHMENTS_URL", "file://data/attachments", "file:///"),
    ],
)
async def test_a_wrong_setting_is_one_line(start: Start, name: str, value: str, allowed: str) -> None:
    line = await complaint(start(**{name: value}))

    assert line.startswith(name)
    assert allowed in line


async def test_a_store_that_does_not_answer_is_one_line(start: Start) -> None:
    nobody = {"AWS_ENDPOINT": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}

    line = await complaint(start(ATTACHMENTS_URL="s3://bucket", AWS_REGION="x", **nobody))

    assert line.startswith("ATTACHMENTS_URL")


async def test_production_does_not_start_without_a_secret(start: Start) -> None:
    line = await complaint(start(**PRODUCTION, JWT_ACCESS_SECRET=""))

    assert line.startswith("JWT_ACCESS_SECRET")
    assert "32" in line


async def test_a_port_in_use_is_one_line(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        line = await complaint(start(PORT=str(port)))

    assert line.startswith(f"PORT={port}")


async def test_a_printed_token_works(start: Start) -> None:
    process = await start().started()
    printer = start("token", "--user", "2")

    assert await printer.exit_code() == 0
    (token,) = printer.lines

    assert printer.errors == ""
    ben = process.person(2)
    at_ben = await ben.dial(token.strip())
    assert await at_ben.next() == {"type": "connected", "userId": 2, "latest": 0}
    assert (await ben.get("/messages/unread-count", token=token.strip())).status == 200


async def test_a_token_of_nobody_is_printed_with_a_word_about_it(start: Start, tmp_path: Path) -> None:
    server = await start().started()
    server.signal(signal.SIGTERM)
    assert await server.exit_code() == 0
    with closing(sqlite3.connect(tmp_path / "regoods.db")) as file, file:
        file.execute("UPDATE Users SET IsActive = 0 WHERE UserID = 3")

    words = {}
    for user_id in (2, 3, 999):
        printer = start("token", "--user", str(user_id))
        assert await printer.exit_code() == 0
        assert [bool(re.search(TOKEN, line)) for line in printer.lines] == [True]
        words[user_id] = printer.errors

    refused = "servers on it answer 401 INVALID_TOKEN to this token"
    on = f"sqlite:///{tmp_path}/regoods.db"
    assert words == {
        2: "",
        3: f"User 3 is deactivated in {on}: {refused}.\n",
        999: f"There is no user 999 in {on}: {refused}.\n",
    }


async def test_a_token_is_printed_where_no_database_can_be_asked(start: Start, tmp_path: Path) -> None:
    async def words(**environment: str) -> str:
        printer = start("token", "--user", "999", **environment)
        assert await printer.exit_code() == 0
        assert [bool(re.search(TOKEN, line)) for line in printer.lines] == [True]
        return printer.errors

    assert await words() == ""
    assert not (tmp_path / "regoods.db").exists()
    (tmp_path / "regoods.db").write_bytes(b"")
    assert "Whether there is a user 999 cannot be said: " in await words()
    assert (tmp_path / "regoods.db").read_bytes() == b""
    away = await words(DATABASE_URL="postgresql+psycopg://regoods:hunter2@127.0.0.1:9/regoods")
    assert "Whether there is a user 999 cannot be said: DATABASE_URL cannot be used" in away
    assert "hunter2" not in away


async def test_production_prints_no_token(start: Start) -> None:
    line = await complaint(start("token", "--user", "2", **PRODUCTION))

    assert not re.search(TOKEN, line)


@pytest.mark.parametrize("arguments", [("token", "--user", "two"), ("token", "--user", "0"), ("nonsense",)])
async def test_a_wrong_command_is_told_how_to_do_it(start: Start, arguments: tuple[str, ...]) -> None:
    process = start(*arguments)

    assert await process.exit_code() == 2
    assert process.errors.startswith("usage: run.py")
    assert process.lines == []


@pytest.mark.parametrize("environment", [{"DEBUG_CHAT": "false"}, PRODUCTION], ids=["switched off", "production"])
async def test_no_page_and_no_token_for_the_asking(start: Start, environment: dict[str, str]) -> None:
    if environment == PRODUCTION:
        assert await start("migrate", **PRODUCTION).exit_code() == 0
    process = await start(**environment).started()
    ann = process.person(1)

    for method, path in (("GET", "/debug/chat"), ("GET", "/debug/users"), ("POST", "/debug/token")):
        assert await ask(ann, method, path) == 404
    process.signal(signal.SIGTERM)
    assert await process.exit_code() == 0
    printed = "".join(process.lines)
    assert "/debug" not in printed
    assert bool(re.search(TOKEN, printed)) is (environment != PRODUCTION)


async def test_no_token_is_in_anything_the_process_prints(start: Start) -> None:
    process = await start(LOG_LEVEL="debug").started()
    demo = [await process.line(TOKEN), await process.line(TOKEN)]
    ann, stranger = process.person(1), process.person(999)
    tokens = [*demo, ann.token(), stranger.token(), f"{ann.token()}x"]

    for token in tokens:
        await ann.get("/messages/conversations", token=token)
        await ann.get(f"/nothing?token={token}", token=token)
        await ann.post("/messages", {"recipientId": 2, "messageContent": token}, token=token)
        for options in ({}, {"path": "/nothing"}, {"upgrade": False}, {"headers": {"Origin": "https://evil.example"}}):
            raw = await dial_raw(ann, token, **options)  # type: ignore[arg-type]
            if raw.answer.status == 101:
                await raw.send(text({"type": token}), b"\x83\x80abcd")
                await raw.closed()
            raw.close()
    for broken in ("no colon", "Host: two", "Content-Length: x", "Transfer-Encoding: y", "\0: z", "Upgrade: websocket"):
        await say(process, f"GET /messages?token={tokens[2]} HTTP/1.1\r\n{broken}\r\n\r\n")
    await say(process, f"GET /messages?token={tokens[2]}\r\n\r\n")
    await say(process, f"GET /api/v1/messages/unread-count HTTP/1.1\r\nAuthorization: Bearer {tokens[2]}\x01\r\n\r\n")
    process.signal(signal.SIGTERM)
    assert await process.exit_code() == 0

    assert "/api/v1/messages/conversations" in process.errors
    printed = "".join(process.lines)
    for token in tokens:
        signature = token.rpartition(".")[2]
        assert signature not in process.errors
        assert printed.count(signature) == (token in demo)
    assert SECRET not in printed + process.errors
