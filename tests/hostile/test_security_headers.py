"""The headers by which browsers keep an answer from being taken for, or taken into, something else: on every answer."""

import logging
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from regoods.app import FEATURES
from regoods.core.api import ApiHandler
from regoods.core.networks import parse_network
from regoods.core.settings import Settings
from tests.support.line import line
from tests.support.people import Answer, Person
from tests.support.pictures import END, FORM, form, photo
from tests.support.raw_socket import dial_raw
from tests.support.server import RunningServer

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW")
NOTHING = "default-src 'none'; frame-ancestors 'none'"
SAMPLES = {
    r"([^/]+)": "2",
    r"(|/socket)": "/socket",
    r"(?:/|/chat/)?": "/",
}
"""A text for each variable part of an address; of several choices it is the first."""


def paths() -> list[str]:
    """An address for each route there is."""
    found = []
    for feature in FEATURES:
        for pattern, _ in feature.routes:
            path = pattern
            for part, text in SAMPLES.items():
                path = path.replace(part, text)
            path = re.sub(r"\(\[0-9a-f\]\{40\}.*\)", "0" * 40 + ".png", path)
            path = re.sub(r"\(([^|)]*)\|[^)]*\)", r"\1", path).replace("\\", "")
            assert re.fullmatch(pattern, path), (pattern, path)
            found.append(path)
    return [*found, "/messages", "/nothing", "/"]


def has_security_headers(answer: Answer, what: str) -> None:
    headers: Mapping[str, str] = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff", what
    assert headers["Referrer-Policy"] == "no-referrer", what
    assert headers["Cross-Origin-Resource-Policy"] in ("same-origin", "cross-origin"), what
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy, what
    assert "unsafe" not in policy, what
    kind = headers.get("Content-Type", "")
    if kind.startswith("text/html"):
        assert "frame-ancestors 'none'" in policy, what
        assert "Permissions-Policy" in headers, what
    elif not kind.startswith("image/"):
        assert policy == NOTHING, what
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", what
    assert "Server" not in headers, what
    assert "Strict-Transport-Security" not in headers, what  # which came by plain HTTP


@pytest.mark.gen_test(timeout=120)
async def test_every_route_has_them_whatever_is_asked_of_it(server: RunningServer, ann: Person) -> None:
    answered = 0
    for path in paths():
        for method in METHODS:
            for token in ("", ann.token()):
                async with line(server) as wire:
                    await wire.ask(method, path, token, "Content-Length: 2\r\n", b"{}")
                    answer = await wire.answer(to_head=method == "HEAD")
                assert answer.status < 500, (method, path)
                has_security_headers(answer, f"{method} {path}: {answer.status}")
                answered += 1
    assert answered > 400


@pytest.mark.settings(rate_limit_writes_per_minute=7)
async def test_every_kind_of_failure_has_them(server: RunningServer, ann: Person, ben: Person, chloe: Person) -> None:
    sent, unreadable = await ann.write(ben), await ann.write(ben)
    broken = sa.text("UPDATE Messages SET CreatedAt = 'rubbish' WHERE MessageID = :id")
    server.execute(broken.bindparams(id=unreadable["messageId"]))
    answers = {
        "400": await ann.get("/messages/0"),
        "401": await ann.get("/messages/conversations", token="rubbish"),
        "403": await chloe.delete(f"/messages/{sent['messageId']}"),
        "404": await ann.get("/nothing"),
        "413": await ann.post("/messages", raw=b" " * (1024 * 1024 + 1)),
        "500": await ann.get(f"/messages/{unreadable['messageId']}"),
        "429": [await ben.post("/messages", {}) for _ in range(8)][-1],
        "426": (await dial_raw(ann, headers={"Sec-WebSocket-Version": "12"})).answer,
        "101": (await dial_raw(ann)).answer,
    }
    server.app.patience.draining = True
    answers["503"] = await ann.get("/health/ready", root="")
    for request in (b"rubbish\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\nHost: x\n\n"):
        async with line(server) as wire:
            await wire.say(request)
            answers[f"400 to {request!r}"] = await wire.answer()

    for what, answer in answers.items():
        assert answer.status == int(what[:3]), what
        has_security_headers(answer, what)


@pytest.mark.parametrize(
    ("headers", "token", "status"), [({"Origin": "https://evil.example"}, None, 403), ({}, "", 401)]
)
async def test_a_socket_refused_before_its_upgrade_has_them(
    ann: Person, headers: dict[str, str], token: str | None, status: int
) -> None:
    first, again = [(await dial_raw(ann, token, headers=headers)).answer for _ in range(2)]

    assert first.status in (101, status)
    assert again.status == status
    has_security_headers(first, "the first one")
    has_security_headers(again, "the same again")


async def test_a_picture_may_be_shown_by_any_page_and_is_never_one(
    server: RunningServer, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    uploaded = await ann.post("/messages/attachments", raw=form(photo()) + END, headers=FORM)
    path = uploaded.data["url"].removeprefix(server.base_url)

    shown = await ann.get(path, root="", token="")

    assert shown.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert shown.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    has_security_headers(shown, path)
    again = await ann.get(path, root="", token="", headers={"If-None-Match": "*", "If-Modified-Since": "x"})
    assert again.status in (200, 304)
    has_security_headers(again, "asked again")
    # Both times the client hung up as soon as it had the last byte.
    assert (await ann.get("/messages/unread-count")).status == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_no_handler_takes_them_away() -> None:
    """Each of ours begins with them: a handler beside `EnvelopeHandler` would not."""
    for feature in FEATURES:
        for path, handler in feature.routes:
            assert issubclass(handler, ApiHandler), path


TRUSTED: dict[str, Any] = {"trusted_proxies": (parse_network("127.0.0.1"),)}


async def strict_transport(person: Person, path: str = "/messages/unread-count", **headers: str) -> str | None:
    given: str | None = (await person.get(path, headers=headers)).headers.get("Strict-Transport-Security")
    return given


async def test_who_came_without_tls_is_not_told_to_use_it(ann: Person) -> None:
    assert await strict_transport(ann) is None
    assert await strict_transport(ann, **{"X-Forwarded-Proto": "https"}) is None  # a stranger's word


@pytest.mark.settings(**TRUSTED)
async def test_who_came_to_a_trusted_proxy_by_tls_is_told_to_go_on_so(ann: Person) -> None:
    assert await strict_transport(ann) is None
    assert await strict_transport(ann, **{"X-Forwarded-Proto": "http"}) is None
    for path in ("/messages/unread-count", "/nothing"):
        assert await strict_transport(ann, path, **{"X-Forwarded-Proto": "https"}) == "max-age=31536000"


# Pages


@pytest.mark.parametrize("path", ["/debug/chat", "/debug/api", "/debug/api/socket"])
async def test_a_page_runs_nothing_but_its_own_scripts(ann: Person, path: str) -> None:
    page, again = [await ann.get(path, root="", token="") for _ in range(2)]
    policies = [
        dict(part.strip().partition(" ")[::2] for part in each.headers["Content-Security-Policy"].split(";"))
        for each in (page, again)
    ]

    html = page.raw.decode()
    nonces = [set(re.findall(r"'nonce-([\w-]{20,})'", policy["script-src"])) for policy in policies]
    assert len(nonces[0]) == 1
    assert nonces[0].isdisjoint(nonces[1])
    for policy in policies:
        assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert policy["connect-src"] == "'self'"
        for word in ("unsafe-inline", "unsafe-eval", "*", "strict-dynamic"):
            assert word not in policy["script-src"] + policy["style-src"]
    own = nonces[0].pop()
    for tag in re.findall(r"<(?:script|style)[^>]*>", html):
        assert f'nonce="{own}"' in tag or re.search(r' src="/debug/', tag), tag
    assert not re.search(r"<[^>]+ (on\w+|style)=", html)


@pytest.mark.settings(**TRUSTED)
async def test_pages_are_of_development_alone(settings: Settings) -> None:
    running = RunningServer(msgspec.structs.replace(settings, app_env="production", debug_chat=False))
    running.start()
    try:
        ann = running.person(1)
        for path in ("/debug/chat", "/debug/api", "/debug/api/swagger-ui.js", "/debug/users"):
            answer = await ann.get(path, root="", token="")
            assert answer.status == 404
            has_security_headers(answer, path)
    finally:
        await running.stop()
