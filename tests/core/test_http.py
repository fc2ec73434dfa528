"""What every REST answer has: a caller, an envelope, CORS headers, a bound on its body, a rate, and a clean log."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError

from regoods import app
from regoods.core import patience
from regoods.core.settings import Settings
from tests.support.line import Line, line
from tests.support.nodes import holds
from tests.support.people import LIMIT, Answer, Person
from tests.support.server import RunningServer

MIB = 1024 * 1024
SPA = "http://localhost:5173"
STRANGER = "https://evil.example.com"


async def still_answers(person: Person) -> None:
    assert (await person.get("/messages/unread-count")).status == 200


def listed(answer: Answer, header: str) -> set[str]:
    return {item.strip().lower() for item in answer.headers[header].split(",")}


def token_with(person: Person, **claims: Any) -> str:
    now = int(datetime.now(UTC).timestamp())
    return jwt.encode({"userId": 1, "email": "e", "iat": now, "exp": now + 900} | claims, person.secret, "HS256")


# Who calls


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YW5uOnNlY3JldA==", "Token x.y.z", "Bearer a b"])
async def test_without_a_bearer_token_nobody_is_let_in(ann: Person, header: str) -> None:
    headers = {"Authorization": header} if header else {}

    refused = await ann.get("/messages/unread-count", token="", headers=headers)

    assert (refused.status, refused.error["code"]) == (401, "UNAUTHORIZED")


async def test_a_bad_or_expired_token_is_invalid(ann: Person) -> None:
    good = ann.token()
    forged = jwt.encode({"userId": 1, "exp": 2**33}, "another-secret-of-the-right-length-for-sure", "HS256")
    tokens = ["rubbish", good[:-3], good + "x", forged, ann.token(timedelta(seconds=-1)), "caf\u00e9"]
    tokens += [token_with(ann, userId=user_id) for user_id in (0, -1, 2**31, True, "1", None)]
    later = int(datetime.now(UTC).timestamp()) + 60
    tokens += [
        token_with(ann, nbf=later),
        jwt.encode({"userId": 1}, ann.secret, "HS256"),
        jwt.encode({"userId": 1, "exp": later}, ann.secret * 2, "HS512"),
        jwt.encode({"userId": 1, "exp": later}, None, "none"),
    ]

    for token in tokens:
        refused = await ann.get("/messages/unread-count", token=token)
        assert (refused.status, refused.error["code"]) == (401, "INVALID_TOKEN"), token

    assert (await ann.get("/messages/unread-count", token=good)).status == 200


async def test_a_token_in_the_query_is_no_credential(ann: Person) -> None:
    refused = await ann.get(f"/messages/unread-count?token={ann.token()}", token="")

    assert (refused.status, refused.error["code"]) == (401, "UNAUTHORIZED")


# The envelope


async def test_a_success_is_wrapped(ann: Person) -> None:
    answer = await ann.get("/messages/unread-count")

    assert answer.body == {"success": True, "data": {"count": 0}}
    assert answer.headers["Content-Type"].startswith("application/json")


async def test_a_failure_says_what_is_wrong_twice(ann: Person) -> None:
    answer = await ann.post("/messages", {"recipientId": 1, "messageContent": "Hello"})

    message = answer.body["message"]
    assert answer.body == {
        "success": False,
        "message": message,
        "error": {
            "code": "VALIDATION_ERROR",
            "message": message,
            "details": [{"field": "recipientId", "message": message}],
            "statusCode": 400,
        },
    }
    assert answer.headers["Content-Type"].startswith("application/json")


async def test_a_failure_without_details_leaves_them_out(ann: Person) -> None:
    assert set((await ann.get("/nothing")).error) == {"code", "message", "statusCode"}


async def test_answers_do_not_name_the_software(ann: Person) -> None:
    for path in ("/messages/unread-count", "/nothing"):
        assert "Server" not in (await ann.get(path)).headers


# Unknown routes and methods


@pytest.mark.parametrize(
    "path", ["/", "/api/v1", "/api/v1/messages/", "/api/v2/messages", "/favicon.ico", "/api/v1/%ff"]
)
async def test_an_unknown_route_is_not_found(ann: Person, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
        answer = await ann.call(method, path, {"x": 1} if method[0] == "P" else None, root="", token="")
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND"), method


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/messages"),
        ("PUT", "/api/v1/messages"),
        ("PATCH", "/api/v1/messages/1"),
        ("POST", "/api/v1/messages/1"),
        ("POST", "/api/v1/messages/unread-count"),
        ("GET", "/api/v1/messages/1/read"),
        ("DELETE", "/api/v1/messages/user/2"),
        ("POST", "/api/v1/health"),
        ("DELETE", "/health/websocket-stats"),
        ("POST", "/messages"),
        ("PUT", "/messages"),
        ("PROPFIND", "/api/v1/messages"),
        ("TRACE", "/api/v1/messages"),
        ("BREW", "/health"),
        ("get", "/health"),
        ("BREW", "/nothing"),
        ("BREW", "/messages"),
    ],
)
async def test_an_unknown_method_is_not_found_either(
    server: RunningServer, ann: Person, method: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    for body in (b"", b'{"messageContent": "Hello"}'):
        async with line(server) as wire:
            await wire.ask(method, path, ann.token(), f"Origin: {SPA}\r\nContent-Length: {len(body)}\r\n", body)
            answer = await wire.answer()

        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")
        assert answer.headers["Access-Control-Allow-Origin"] == SPA
    await still_answers(ann)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("path", ["/health", "/api/v1/messages/unread-count", "/nothing"])
async def test_head_is_not_found_and_has_no_body(server: RunningServer, ann: Person, path: str) -> None:
    async with line(server) as wire:
        await wire.ask("HEAD", path, ann.token(), "Connection: close\r\n")
        assert (await wire.answer(to_head=True)).status == 404
        assert await wire.ended() == b""
    await still_answers(ann)


@pytest.mark.settings(ws_enabled=False)
async def test_with_sockets_switched_off_their_address_is_not_there(ann: Person) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await ann.dial()

    assert refused.value.code == 404
    assert refused.value.response is not None
    answer = Answer(404, refused.value.response.headers, refused.value.response.body)
    assert answer.error["code"] == "RESOURCE_NOT_FOUND"


# CORS


@pytest.mark.parametrize("origin", ["http://localhost:3000", SPA])
@pytest.mark.parametrize("path", ["/messages", "/messages/1", "/messages/conversations", "/not/there/yet"])
async def test_a_preflight_allows_what_the_spa_sends(ann: Person, origin: str, path: str) -> None:
    answer = await ann.call(
        "OPTIONS",
        path,
        token="",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "authorization,content-type,x-request-start",
        },
    )

    assert answer.status in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert listed(answer, "Access-Control-Allow-Headers") >= {
        "authorization",
        "content-type",
        "x-request-start",
        "idempotency-key",
    }
    assert listed(answer, "Access-Control-Allow-Methods") >= {"get", "post", "put", "delete", "options"}
    assert answer.headers["Access-Control-Max-Age"] == "7200"
    assert "origin" in listed(answer, "Vary")


@pytest.mark.parametrize("origin", [STRANGER, "null", "http://localhost:30000", "http://localhost", SPA + ".evil.com"])
async def test_another_origin_is_allowed_nothing(ann: Person, origin: str) -> None:
    for method in ("OPTIONS", "GET"):
        answer = await ann.call(method, "/messages/conversations", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.settings(allowed_origins=("https://regoods.com",))
async def test_allowed_origins_are_what_the_settings_say(ann: Person) -> None:
    ours = await ann.get("/messages/conversations", headers={"Origin": "https://regoods.com"})
    former = await ann.get("/messages/conversations", headers={"Origin": SPA})

    assert ours.headers["Access-Control-Allow-Origin"] == "https://regoods.com"
    assert "Access-Control-Allow-Origin" not in former.headers


async def test_answers_let_the_spa_read_its_limits(ann: Person) -> None:
    for path in ("/messages/conversations", "/nothing"):
        exposed = listed(await ann.get(path, headers={"Origin": SPA}), "Access-Control-Expose-Headers")
        assert exposed >= {
            "retry-after",
            "ratelimit-limit",
            "ratelimit-remaining",
            "ratelimit-reset",
            "x-request-id",
        }


@pytest.mark.settings(rate_limit_writes_per_minute=6)
async def test_errors_carry_the_cors_headers_too(server: RunningServer, ann: Person, chloe: Person) -> None:
    origin = {"Origin": SPA}
    new = {"recipientId": 2, "messageContent": "Hello"}
    answers = [
        await ann.get("/messages/conversations", token="", headers=origin),
        await ann.get("/messages/conversations", token="rubbish", headers=origin),
        await ann.get("/nothing", headers=origin),
        await ann.call("PATCH", "/messages/1", raw=b"{}", headers=origin),
        await ann.get("/messages/conversations?limit=0", headers=origin),
        await ann.post("/messages", raw=b"{", headers=origin),
        await ann.post("/messages", raw=b" " * (MIB + 1), headers=origin),
        await ann.post("/messages", new | {"messageType": "system"}, headers=origin),
        await ann.delete("/messages/999", headers=origin),
    ]
    answers += [await chloe.post("/messages", new, headers=origin) for _ in range(7)][-1:]

    assert [answer.status for answer in answers] == [401, 401, 404, 404, 400, 400, 413, 403, 404, 429]
    for answer in answers:
        assert answer.error["statusCode"] == answer.status
        assert answer.headers["Access-Control-Allow-Origin"] == SPA


# Large bodies


async def test_a_body_of_one_mebibyte_is_still_read(ann: Person) -> None:
    new = b'{"recipientId": 2, "messageContent": "Hello"}'

    assert (await ann.post("/messages", raw=new.ljust(MIB))).status == 201
    refused = await ann.post("/messages", raw=new.ljust(MIB + 1))

    assert (refused.status, refused.error["code"], refused.field) == (413, "VALIDATION_ERROR", "body")


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/messages"), ("PUT", "/api/v1/messages/1")])
async def test_a_larger_body_is_refused_and_the_connection_goes_on(
    server: RunningServer, ann: Person, method: str, path: str
) -> None:
    async with line(server) as wire:
        await wire.ask(method, path, ann.token(), f"Content-Length: {2 * MIB}\r\n", b"x" * 2 * MIB)
        refused = await wire.answer()
        assert (refused.status, refused.error["code"], refused.field) == (413, "VALIDATION_ERROR", "body")

        await wire.ask("GET", "/api/v1/messages/unread-count", ann.token())
        assert (await wire.answer()).data == {"count": 0}


async def test_a_larger_body_in_chunks_is_refused_and_the_connection_goes_on(
    server: RunningServer, ann: Person
) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with line(server) as wire:
        await wire.ask("POST", "/api/v1/messages", ann.token(), "Transfer-Encoding: chunked\r\n")
        await wire.say(chunk * 17 + b"0\r\n\r\n")
        refused = await wire.answer()
        assert (refused.status, refused.error["code"], refused.field) == (413, "VALIDATION_ERROR", "body")

        await wire.ask("GET", "/api/v1/messages/unread-count", ann.token())
        assert (await wire.answer()).data == {"count": 0}


async def test_a_small_body_in_chunks_is_a_body(server: RunningServer, ann: Person) -> None:
    parts = (b'{"recipientId":', b' 2, "messageContent": ', b'"In parts"}', b"")
    async with line(server) as wire:
        await wire.ask("POST", "/api/v1/messages", ann.token(), "Transfer-Encoding: chunked\r\n")
        for part in parts:
            await wire.say(b"%x\r\n%b\r\n" % (len(part), part))

        assert (await wire.answer()).data["messageContent"] == "In parts"


async def test_a_gigantic_body_is_refused_before_it_comes(server: RunningServer, ann: Person) -> None:
    async with line(server) as wire:
        await wire.ask("POST", "/api/v1/messages", ann.token(), f"Content-Length: {10**10}\r\n")
        refused = await wire.answer()

        assert (refused.status, refused.error["code"], refused.field) == (413, "VALIDATION_ERROR", "body")
        assert await wire.ended() == b""
    await still_answers(ann)


async def test_a_body_that_never_ends_is_cut_off(server: RunningServer, ann: Person) -> None:
    chunk = b"100000\r\n" + b"x" * MIB + b"\r\n"

    async def send_far_too_much(wire: Line) -> None:
        for _ in range(100):
            await wire.say(chunk)

    async with line(server) as wire:
        await wire.ask("POST", "/api/v1/messages", ann.token(), "Transfer-Encoding: chunked\r\n")
        with pytest.raises(ConnectionError):
            await send_far_too_much(wire)
    await still_answers(ann)


async def test_a_refusal_leaves_the_connection_usable(server: RunningServer, ann: Person) -> None:
    async with line(server) as wire:
        for path, token, code in (
            ("/api/v1/nothing", ann.token(), "RESOURCE_NOT_FOUND"),
            ("/api/v1/messages", "rubbish", "INVALID_TOKEN"),
            ("/api/v1/messages", ann.token(), "VALIDATION_ERROR"),
        ):
            await wire.ask("POST", path, token, f"Content-Length: {MIB}\r\n", b"x" * MIB)
            assert (await wire.answer()).error["code"] == code
        await wire.ask("GET", "/api/v1/messages/unread-count", "rubbish")
        assert (await wire.answer()).status == 401
        await wire.ask("GET", "/api/v1/messages/unread-count", ann.token())
        assert (await wire.answer()).status == 200


async def test_a_body_that_never_comes_ends_the_connection(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with line(server) as waiting, line(server) as wire:
        await waiting.ask("POST", "/api/v1/messages", ann.token(), "Content-Length: 100\r\n", b'{"recipientId"')
        await holds(lambda: server.app.patience._requests)
        server.app.patience.sweep()
        await still_answers(ann)
        # For this alone: the server sweeps, too, and nobody would have the time to ask.
        with monkeypatch.context() as impatient:
            impatient.setattr(patience, "BODY_SECONDS", -1)
            server.app.patience.sweep()
            assert await waiting.ended() == b""
            impatient.setattr(patience, "IDLE_SECONDS", -1)
            server.app.patience.sweep()
            assert await wire.ended() == b""
    await still_answers(ann)


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moments stand for half a minute and a minute, looked at every five seconds."""
    assert (patience.BODY_SECONDS, patience.IDLE_SECONDS, app.PATIENCE_MS) == (30, 65, 5_000)
    monkeypatch.setattr(app, "PATIENCE_MS", 100)
    monkeypatch.setattr(patience, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(patience, "IDLE_SECONDS", 0.3)


async def test_a_server_looks_by_itself_for_who_takes_too_long(
    little_patience: None, server: RunningServer, ann: Person
) -> None:
    async with line(server) as in_head, line(server) as in_body, line(server) as silent:
        await in_head.say(b"GET /health HTTP/1.1\r\nHost:")
        await in_body.ask("POST", "/api/v1/messages", ann.token(), "Content-Length: 100\r\n", b'{"recipientId"')

        for wire in (in_head, in_body, silent):
            assert await wire.ended() == b""


async def test_who_sends_a_body_nobody_wants_gets_to_see_the_answer(ann: Person) -> None:
    for _ in range(10):
        refused = await ann.post("/messages", raw=b"x" * MIB, token="rubbish")
        assert (refused.status, refused.error["code"]) == (401, "INVALID_TOKEN")


async def test_a_form_is_no_json(ann: Person) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x"):
        refused = await ann.post("/messages", raw=b"--x\r\nrecipientId=2&%ff", headers={"Content-Type": kind})
        assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "body")


async def test_who_hangs_up_in_the_middle_of_a_body_is_not_waited_for(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "DRAIN_REQUESTS_SECONDS", 10 * LIMIT)
    server = RunningServer(settings)
    server.start()
    ann = server.person(1)
    async with line(server) as wire:
        await wire.ask("POST", "/api/v1/messages", ann.token(), "Content-Length: 100\r\n", b'{"recipientId"')
        await holds(lambda: server.app.patience._requests)
    await still_answers(ann)

    await asyncio.wait_for(server.stop(), LIMIT)

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


# What is no HTTP


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"rubbish\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /health\r\n\r\n",
        b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rubbish\r\n\r\n",
        b"POST /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=lambda request_bytes: request_bytes[:80].decode("latin-1"),
)
async def test_malformed_http_ends_only_its_own_connection(
    server: RunningServer, ann: Person, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with line(server) as wire:
        await wire.say(request_bytes)
        reply = await wire.ended()

    assert reply == b"" or reply.startswith(b"HTTP/1.1 4")
    assert b"Traceback" not in reply
    await still_answers(ann)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


# How often


@pytest.mark.settings(rate_limit_writes_per_minute=2)
async def test_writes_have_a_limit_of_their_own(ann: Person, ben: Person, chloe: Person) -> None:
    new = {"recipientId": 2, "messageContent": "Hello"}
    at_ben = await ben.connect()

    answers = [await ann.post("/messages", new) for _ in range(3)]

    assert [answer.status for answer in answers] == [201, 201, 429]
    assert [answer.headers["RateLimit-Limit"] for answer in answers] == ["2", "2", "2"]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert all(1 <= int(answer.headers["RateLimit-Reset"]) <= 60 for answer in answers)
    assert answers[2].error["code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert "Retry-After" not in answers[1].headers
    assert [event["type"] for event in await at_ben.quiet()] == ["message", "message"]
    assert (await ann.delete("/messages/1")).status == 429
    assert (await ann.get("/messages/conversations")).status == 200
    assert (await chloe.post("/messages", new)).status == 201


@pytest.mark.settings(rate_limit_reads_per_minute=2)
async def test_reads_have_a_limit_of_their_own(ann: Person, ben: Person) -> None:
    answers = [
        await ann.get(path) for path in ("/messages/conversations", "/messages/unread-count?x", "/messages/user/2")
    ]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[2].error["code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
    assert (await ann.post("/messages", {"recipientId": 2, "messageContent": "Hello"})).status == 201
    assert (await ben.get("/messages/conversations")).status == 200


@pytest.mark.settings(rate_limit_writes_per_minute=1, rate_limit_reads_per_minute=1)
async def test_what_is_refused_for_another_reason_counts_and_preflights_do_not(ann: Person) -> None:
    for _ in range(3):
        assert (await ann.call("OPTIONS", "/messages", headers={"Origin": SPA})).status in (200, 204)
    refused = await ann.post("/messages", raw=b"{")

    assert (refused.status, refused.headers["RateLimit-Remaining"]) == (400, "0")
    assert (await ann.post("/messages", raw=b"{")).status == 429


@pytest.mark.settings(rate_limit_writes_per_minute=0, rate_limit_reads_per_minute=0)
async def test_a_limit_of_zero_is_none(ann: Person) -> None:
    answers = [await ann.get("/messages/conversations"), await ann.post("/messages", raw=b"{")]

    for answer in answers:
        assert not [name for name in answer.headers if name.lower().startswith("ratelimit")]


# The log


async def test_no_token_ever_stands_in_a_log(
    server: RunningServer, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = [ann.token(), ann.token(timedelta(seconds=-60)), ann.token(timedelta(minutes=5)) + "tail"]

    for token in tokens:
        await ann.get("/messages/conversations", token=token)
        await ann.get(f"/messages/conversations?token={token}", token=token)
        await ann.get(f"/nothing?token={token}", token=token)
        await ann.post("/messages", raw=b"{", token=token)
        for path in ("/messages", "/nothing", "/messages?token=x&"):
            try:
                socket = await ann.dial(token, path=path)
                socket.send_bytes(b"rubbish")
                socket.close()
                await socket.closed()
            except (HTTPClientError, WebSocketClosedError):
                pass  # refused, before the upgrade or right after it
    async with line(server) as wire:
        await wire.ask("GET", f"/messages?token={tokens[0]}", headers="no colon\r\n")
        await wire.ended()

    # What Tornado says. Our own lines are those of a whole process: tests/stories/test_tokens_stay_unsaid.py.
    assert "Malformed HTTP message" in caplog.text
    for token in tokens:
        assert token not in caplog.text
        assert token.rpartition(".")[2] not in caplog.text


async def test_a_length_of_thousands_of_digits_is_the_clients_fault(
    server: RunningServer, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    async with line(server) as wire:
        await wire.ask("POST", "/api/v1/messages", ann.token(), f"Content-Length: {'9' * 5000}\r\n")
        assert (await wire.ended()).startswith(b"HTTP/1.1 4")

    await still_answers(ann)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
