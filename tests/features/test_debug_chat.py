"""The development page and its calls: whole, self-contained, and gone where DEBUG_CHAT is off."""

import re
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import sqlalchemy as sa

from regoods.app import make_app
from regoods.core.settings import ROOT, Settings, parse_settings
from regoods.core.wire import iso
from regoods.features.conversations.tables import messages
from regoods.features.posts.tables import posts
from regoods.features.users.tables import users
from tests.support.people import Person
from tests.support.server import RunningServer

CALLS = (("GET", "/debug/chat"), ("GET", "/debug/users"), ("POST", "/debug/token"))


async def test_the_page_needs_nothing_from_elsewhere(ann: Person) -> None:
    answer = await ann.get("/debug/chat", root="", token="")

    page = answer.raw.decode()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.lower().startswith("<!doctype html>")
    assert not re.search(r"""<(?:link|script|img|iframe)[^>]+(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    assert not re.search(r"@import|url\(\s*[\"']?https?:", page)


async def test_the_page_runs_only_its_own_script(ann: Person) -> None:
    first = await ann.get("/debug/chat", root="", token="")
    second = await ann.get("/debug/chat", root="", token="")

    nonces = [
        re.search(r"script-src 'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
        for answer in (first, second)
    ]
    assert nonces[0]
    assert nonces[1]
    assert nonces[0][1] != nonces[1][1]
    scripts = re.findall(r"<script\b[^>]*>", first.raw.decode())
    assert scripts
    assert all(f'nonce="{nonces[0][1]}"' in script for script in scripts)
    assert "default-src 'none'" in first.headers["Content-Security-Policy"]


def test_the_page_sets_text_only_as_text() -> None:
    page = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.*"))

    assert "textContent" in page
    for sink in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"):
        assert sink not in page
    assert not re.search(r"<[^>]+\son[a-z]+\s*=", page)


async def test_a_demo_user_is_picked_and_gets_a_token_that_works(server: RunningServer, ann: Person) -> None:
    people = (await ann.get("/debug/users", root="", token="")).data
    assert people[:2] == [{"userId": 1, "fullName": "Ann Archer"}, {"userId": 2, "fullName": "Ben Baker"}]

    server.clock.advance(datetime.now(UTC) - server.clock.now())
    token = (await ann.post("/debug/token", {"userId": 2}, root="", token="")).data

    assert token["userId"] == 2
    assert token["expiresAt"] == iso(server.clock.now() + timedelta(minutes=15))
    sent = await ann.post("/messages", {"recipientId": 1, "messageContent": "Hello"}, token=token["token"])
    assert sent.data["senderId"] == 2


async def test_no_token_for_whom_there_is_not_or_who_is_inactive(server: RunningServer, ann: Person) -> None:
    server.deactivate(3)

    for user_id in (999, 3):
        answer = await ann.post("/debug/token", {"userId": user_id}, root="", token="")
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert 3 not in [person["userId"] for person in (await ann.get("/debug/users", root="", token="")).data]


@pytest.mark.parametrize("user_id", [0, -1, 2**31, 2**63, "abc", True, 1.5, None, "5"])
async def test_a_token_is_for_a_user_id(ann: Person, user_id: object) -> None:
    refused = await ann.post("/debug/token", {"userId": user_id}, root="", token="")

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "userId")


@pytest.mark.settings(debug_chat=False)
@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_switched_off_there_is_nothing(ann: Person, method: str, path: str) -> None:
    answer = await ann.call(method, path, {"userId": 2}, root="", token="")

    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


@pytest.mark.settings(app_env="production", debug_chat=True)
async def test_production_mints_no_tokens_even_where_the_page_is_switched_on(ann: Person) -> None:
    answer = await ann.post("/debug/token", {"userId": 2}, root="", token="")

    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


def test_production_switches_it_off_by_default() -> None:
    assert parse_settings({}).debug_chat is True
    assert parse_settings({"APP_ENV": "production", "JWT_ACCESS_SECRET": "s" * 32}).debug_chat is False


@pytest.mark.settings(demo_data=True)
async def test_demo_data_is_made_once(server: RunningServer, ann: Person) -> None:
    def rows() -> list[int]:
        return [
            server.execute(sa.select(sa.func.count()).select_from(table))[0][0] for table in (users, posts, messages)
        ]

    before = rows()
    assert before[0] == 20
    assert min(before) > 0
    assert (await ann.get("/messages/conversations")).data

    server.app.prepare_database()

    assert rows() == before


@pytest.mark.settings(demo_data=True, demo_users=2)
async def test_two_demo_users_are_enough(ann: Person) -> None:
    assert len((await ann.get("/debug/users", root="", token="")).data) == 2
    previews = (await ann.get("/messages/conversations")).data
    assert [preview["userId"] for preview in previews] == [2]


async def test_demo_data_never_mixes_with_real_users(settings: Settings, server: RunningServer) -> None:
    with_demo_data = make_app(msgspec.structs.replace(settings, demo_data=True), server.clock)

    with_demo_data.prepare_database()
    with_demo_data.database.close()

    assert len(server.execute(sa.select(users.c.user_id))) == 6
    assert server.execute(sa.select(messages.c.message_id)) == []
