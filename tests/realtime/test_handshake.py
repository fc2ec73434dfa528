"""Who gets a socket, from which page, and how a refusal is said so that the SPA's reconnect loop ends."""

import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_network
from typing import Any

import jwt
import pytest
import sqlalchemy as sa
from cachetools import TTLCache

from regoods.core.errors import InvalidToken
from regoods.core.tokens import mint
from regoods.realtime import refusals
from regoods.realtime.admission import Refused
from tests.support.clock import Ahead, Watch
from tests.support.people import Answer, Person
from tests.support.raw_socket import (
    ACCEPT,
    CLOSE,
    TEXT,
    closing,
    connect_raw,
    dial_raw,
    frame,
    text,
)
from tests.support.server import RunningServer

SPA = "http://localhost:5173"
STRANGER = "https://evil.example.com"
OTHER_SECRET = "somebody-elses-secret-" * 2
LOCAL = (ip_network("127.0.0.1"),)


async def close_of(person: Person, token: str | bytes | None = None, **options: Any) -> tuple[int | None, str]:
    """Code and reason with which a refused socket is closed after its upgrade."""
    raw = await dial_raw(person, token, **options)
    assert raw.answer.status == 101, raw.answer.raw
    closed = await raw.closed()
    await raw.send(closing(closed[0]))
    assert await raw.ended() == b""
    return closed


async def answer_to(person: Person, token: str | bytes | None = None, **options: Any) -> Answer:
    """The answer before an upgrade that does not come."""
    answer = (await dial_raw(person, token, **options)).answer
    assert answer.status != 101
    return answer


async def opens(person: Person, token: str | None = None, **options: Any) -> bool:
    raw = await dial_raw(person, token, **options)
    return raw.answer.status == 101 and await raw.event() == {
        "type": "connected",
        "userId": person.user_id,
        "latest": 0,
    }


# A good handshake


async def test_a_good_token_opens_a_socket_that_says_whose_it_is(server: RunningServer, ben: Person) -> None:
    raw = await dial_raw(ben)

    assert raw.answer.status == 101
    assert raw.answer.headers["Upgrade"].lower() == "websocket"
    assert raw.answer.headers["Connection"].lower() == "upgrade"
    assert raw.answer.headers["Sec-WebSocket-Accept"] == ACCEPT
    assert await raw.event() == {"type": "connected", "userId": 2, "latest": 0}
    assert server.app.registry.is_online(2)


async def test_the_user_is_the_tokens_whatever_else_the_address_says(ben: Person) -> None:
    raw = await dial_raw(ben, path="/messages", headers={"X-User-Id": "1"})
    assert (await raw.event())["userId"] == 2

    raw = await dial_raw(ben, b"", path=f"/messages?userId=1&token={ben.token()}&userId=3")
    assert (await raw.event())["userId"] == 2


async def test_what_a_client_offers_beside_is_not_taken_up(ann: Person) -> None:
    offered = {"Sec-WebSocket-Extensions": "permessage-deflate", "Sec-WebSocket-Protocol": "chat"}

    raw = await connect_raw(ann, headers=offered)

    assert not offered.keys() & raw.answer.headers.keys()
    await raw.send(text({"type": "ping"}))
    assert await raw.event() == {"type": "pong"}


@pytest.mark.parametrize("sent_early", [1, 40, 900])
async def test_what_comes_together_with_the_handshake_is_not_lost(ann: Person, sent_early: int) -> None:
    raw = await connect_raw(ann, early=frame(TEXT, '{"type":"ping"}'.ljust(200)) * sent_early)

    for _ in range(sent_early):
        assert await raw.event() == {"type": "pong"}
    assert await raw.quiet() == []


async def test_a_frame_may_begin_with_the_handshake_and_end_later(ann: Person) -> None:
    whole = text({"type": "ping"})

    raw = await connect_raw(ann, early=whole + whole[:5])

    assert await raw.event() == {"type": "pong"}
    await raw.send(whole[5:])
    assert await raw.event() == {"type": "pong"}


async def test_a_client_may_leave_together_with_its_handshake(server: RunningServer, ann: Person) -> None:
    raw = await connect_raw(ann, early=closing(1000))

    assert await raw.closed() == (1000, "")
    assert await raw.ended() == b""
    assert not server.app.registry.is_online(1)


async def test_an_open_socket_outlives_its_token(clock: Ahead, ann: Person) -> None:
    short = ann.token(timedelta(minutes=10))
    at_ann = await ann.dial(short)
    assert (await at_ann.next())["type"] == "connected"

    clock.seconds = 600

    assert await close_of(ann, short) == (1008, "Invalid token")
    assert await at_ann.quiet() == []


# Refused tokens


def bad_tokens(person: Person) -> dict[str, str]:
    now = datetime.now(UTC)
    secret, claims = person.secret, {"userId": 1, "email": "user1@example.com", "exp": now + timedelta(minutes=15)}
    return {
        "rubbish": "rubbish",
        "of another issuer": mint(OTHER_SECRET, 1, "user1@example.com", now),
        "expired": person.token(timedelta(seconds=-1)),
        "of an unknown user": mint(secret, 999, "user999@example.com", now),
        "unsigned": jwt.encode(claims, None, algorithm="none"),
        "by another algorithm": jwt.encode(claims, secret * 2, algorithm="HS512"),
        "without exp": jwt.encode({"userId": 1}, secret, algorithm="HS256"),
        "without userId": jwt.encode({"exp": claims["exp"]}, secret, algorithm="HS256"),
        "of true": jwt.encode(claims | {"userId": True}, secret, algorithm="HS256"),
        "of text": jwt.encode(claims | {"userId": "1"}, secret, algorithm="HS256"),
        "not yet valid": jwt.encode(claims | {"nbf": now + timedelta(minutes=1)}, secret, algorithm="HS256"),
        "of a negative number": jwt.encode(claims | {"userId": -1}, secret, algorithm="HS256"),
        "of zero": jwt.encode(claims | {"userId": 0}, secret, algorithm="HS256"),
        "too large for an INT": jwt.encode(claims | {"userId": 2**31}, secret, algorithm="HS256"),
        "no ASCII": "t\u00f6ken",
        "very long": "x" * 8000,
    }


@pytest.mark.parametrize("kind", list(bad_tokens(Person("", 1, "-" * 64))))
async def test_a_bad_token_is_told_once_and_then_kept_out(server: RunningServer, ann: Person, kind: str) -> None:
    token = bad_tokens(ann)[kind]

    assert await close_of(ann, token) == (1008, "Invalid token")

    for _ in range(3):
        again = await answer_to(ann, token)
        assert (again.status, again.error["code"]) == (401, "INVALID_TOKEN")
    assert len(server.app.registry) == 0
    assert await opens(ann)


async def test_a_token_of_an_inactive_user_is_refused_like_a_bad_one(server: RunningServer, chloe: Person) -> None:
    server.deactivate(3)
    token = chloe.token()

    assert await close_of(chloe, token) == (1008, "Invalid token")

    again = await answer_to(chloe, token)
    assert (again.status, again.error["code"]) == (401, "INVALID_TOKEN")


async def test_a_refused_token_stays_out_though_its_user_has_become_active(
    server: RunningServer, chloe: Person
) -> None:
    server.deactivate(3)
    token = chloe.token()
    await close_of(chloe, token)

    server.execute(sa.text('UPDATE "Users" SET "IsActive" = 1'))

    assert (await answer_to(chloe, token)).status == 401
    assert await opens(chloe, chloe.token(timedelta(minutes=10)))


@pytest.mark.parametrize("empty", [b"", ""], ids=["no token", "an empty token"])
async def test_without_a_token_one_is_told_once_and_then_kept_out(ann: Person, empty: str | bytes) -> None:
    assert await close_of(ann, empty) == (1008, "Token required")

    for other in (empty, b"", ""):
        again = await answer_to(ann, other)
        assert (again.status, again.error["code"]) == (401, "UNAUTHORIZED")


async def test_a_header_is_no_token(ann: Person) -> None:
    assert await close_of(ann, b"", headers={"Authorization": f"Bearer {ann.token()}"}) == (1008, "Token required")


async def test_a_refusal_keeps_out_nobody_else(ann: Person, ben: Person) -> None:
    for token in ("rubbish", ""):
        await close_of(ann, token)
        assert (await answer_to(ann, token)).status == 401

    assert await opens(ann)
    assert await opens(ben)
    assert await close_of(ben, "other rubbish") == (1008, "Invalid token")
    assert (await answer_to(ben, "rubbish")).status == 401  # the same token, whoever brings it


async def test_the_spa_reads_why_it_is_kept_out(ann: Person) -> None:
    await close_of(ann, "rubbish")

    again = await answer_to(ann, "rubbish", headers={"Origin": SPA})

    assert again.status == 401
    assert again.headers["Access-Control-Allow-Origin"] == SPA
    assert again.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("behind", ["\0", "\0\0\0\0", "\n", "\r\n\r\n", " ", "\t", "\x7f"])
async def test_a_control_character_beside_a_good_token_spoils_it(ann: Person, behind: str) -> None:
    assert await close_of(ann, ann.token() + behind) == (1008, "Invalid token")
    assert await close_of(ann, behind + ann.token()) == (1008, "Invalid token")


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Times what a server remembers that is started afterwards."""
    watch = Watch()
    monkeypatch.setattr(refusals, "TTLCache", partial(TTLCache, timer=watch))
    return watch


async def test_after_a_minute_a_refusal_is_forgotten(watch: Watch, ann: Person) -> None:
    await close_of(ann, "rubbish")
    watch.now += 59
    assert (await answer_to(ann, "rubbish")).status == 401

    watch.now += 1
    assert await close_of(ann, "rubbish") == (1008, "Invalid token")


async def test_what_is_remembered_is_bounded_and_holds_no_token(server: RunningServer, ann: Person) -> None:
    doorkeeper = server.app.socket_class.admission
    expired = ann.token(timedelta(seconds=-1))
    await close_of(ann, expired)
    for part in (expired, expired.rpartition(".")[2]):
        assert part not in repr([vars(one) for one in (doorkeeper, vars(server.app)["_community"].refusals)])

    for number in range(refusals.REMEMBERED):
        with pytest.raises(Refused):
            await doorkeeper.admit([b"%d" % number], "127.0.0.1")

    with pytest.raises(InvalidToken):
        await doorkeeper.admit([b"%d" % number], "127.0.0.1")
    assert await close_of(ann, expired) == (1008, "Invalid token")  # the oldest was forgotten


async def test_refusals_are_counted(ann: Person) -> None:
    await close_of(ann, "")
    await close_of(ann, "rubbish")
    await answer_to(ann, "rubbish")

    stats = (await ann.get("/health/websocket-stats", root="")).body

    assert stats["refused"] == {"Token required": 1, "Invalid token": 2}
    assert (stats["connectionErrors"], stats["activeConnections"]) == (3, 0)


async def test_a_refused_client_that_does_not_leave_holds_nobody_up(ann: Person, ben: Person) -> None:
    refused = await dial_raw(ann, "rubbish")
    assert (await refused.until(CLOSE)).payload

    at_ben = await ben.connect()
    await ann.write(ben)

    assert (await at_ben.next())["type"] == "message"


# Addresses and proxies


@pytest.mark.settings(trusted_proxies=LOCAL)
async def test_behind_a_trusted_proxy_each_client_has_his_own_address(ann: Person) -> None:
    first, second = {"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "203.0.113.2"}
    assert await close_of(ann, "", headers=first) == (1008, "Token required")
    assert (await answer_to(ann, "", headers=first)).status == 401

    assert await close_of(ann, "", headers=second) == (1008, "Token required")
    forged = {"X-Forwarded-For": "198.51.100.7, 203.0.113.2"}
    assert (await answer_to(ann, "", headers=forged)).status == 401


async def test_nobody_else_is_believed_about_his_address(ann: Person) -> None:
    assert await close_of(ann, "", headers={"X-Forwarded-For": "203.0.113.1"}) == (1008, "Token required")

    assert (await answer_to(ann, "", headers={"X-Forwarded-For": "203.0.113.2"})).status == 401
    assert (await answer_to(ann, "", headers={"X-Real-Ip": "203.0.113.3"})).status == 401


# Origins


@pytest.mark.parametrize("origin", [SPA, "http://localhost:3000"])
async def test_the_spas_origins_may_open_sockets(ann: Person, origin: str) -> None:
    assert await opens(ann, headers={"Origin": origin})


async def test_our_own_origin_may_and_so_may_who_has_none(ann: Person) -> None:
    assert await opens(ann, headers={"Origin": ann.base_url})
    assert await opens(ann)
    named = {"Host": "chat.example.com", "Origin": "http://chat.example.com"}
    assert await opens(ann, headers=named)


@pytest.mark.parametrize(
    "origin",
    [
        STRANGER,
        "null",
        "",
        "http://localhost",
        "http://localhost:5174",
        "https://localhost:5173",
        f"{SPA}.evil.example.com",
        f"{SPA}/",
        f"{SPA}, {STRANGER}",
        "https://127.0.0.1",
    ],
)
async def test_a_page_of_another_origin_may_not(server: RunningServer, ann: Person, origin: str) -> None:
    answer = await answer_to(ann, headers={"Origin": origin})

    assert (answer.status, answer.error["code"]) == (403, "FORBIDDEN")
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert len(server.app.registry) == 0


async def test_our_own_address_by_another_scheme_is_another_origin(ann: Person) -> None:
    assert (await answer_to(ann, headers={"Origin": ann.base_url.replace("http:", "https:")})).status == 403


@pytest.mark.settings(trusted_proxies=LOCAL)
async def test_a_trusted_proxy_says_which_scheme_the_page_has(ann: Person) -> None:
    headers = {"Host": "chat.example.com", "Origin": "https://chat.example.com"}
    assert (await answer_to(ann, headers=headers)).status == 403
    assert await opens(ann, headers=headers | {"X-Forwarded-Proto": "https"})


async def test_nobody_else_says_which_scheme_the_page_has(ann: Person) -> None:
    headers = {"Origin": ann.base_url.replace("http:", "https:"), "X-Forwarded-Proto": "https"}
    assert (await answer_to(ann, headers=headers)).status == 403


@pytest.mark.settings(allowed_origins=("https://regoods.example.com",))
async def test_the_settings_say_which_origins_may(ann: Person) -> None:
    assert await opens(ann, headers={"Origin": "https://regoods.example.com"})
    assert (await answer_to(ann, headers={"Origin": SPA})).status == 403


async def test_a_strangers_page_learns_nothing_of_a_token(ann: Person) -> None:
    good = await answer_to(ann, headers={"Origin": STRANGER})
    bad = await answer_to(ann, "rubbish", headers={"Origin": STRANGER})

    assert (good.status, good.raw) == (bad.status, bad.raw)
    assert await close_of(ann, "rubbish") == (1008, "Invalid token")  # and was not remembered


# What is no handshake


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "h2c"},
        {"Connection": "keep-alive"},
        {"Sec-WebSocket-Key": ""},
        {"Sec-WebSocket-Version": ""},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_half_a_handshake_is_a_bad_request(ann: Person, headers: dict[str, str]) -> None:
    answer = await answer_to(ann, headers=headers)

    assert (answer.status, answer.error["code"]) == (400, "BAD_REQUEST")
    assert await opens(ann)


async def test_a_plain_get_is_told_what_speaks_here(ann: Person) -> None:
    answer = await answer_to(ann, upgrade=False)

    assert (answer.status, answer.error["code"]) == (400, "BAD_REQUEST")
    assert "WebSocket" in answer.body["message"]


async def test_another_version_is_told_which_one_we_speak(ann: Person) -> None:
    answer = await answer_to(ann, headers={"Sec-WebSocket-Version": "99"})

    assert (answer.status, answer.error["code"]) == (426, "BAD_REQUEST")
    assert "13" in answer.headers["Sec-WebSocket-Version"]  # RFC 6455, section 4.4


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("upgrade", [True, False])
async def test_other_methods_are_not_found(ann: Person, method: str, upgrade: bool) -> None:
    answer = await answer_to(ann, method=method, upgrade=upgrade)

    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


@pytest.mark.parametrize("path", ["/", "/message", "/messages/", "/ws"])
async def test_elsewhere_nobody_shakes_hands(ann: Person, path: str) -> None:
    answer = await answer_to(ann, path=path)

    assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


@pytest.mark.settings(ws_enabled=False)
async def test_switched_off_there_are_no_sockets_and_rest_goes_on(ann: Person, ben: Person) -> None:
    for token in (ann.token(), "rubbish", ""):
        answer = await answer_to(ann, token)
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")

    await ann.write(ben)
    assert (await ben.get("/messages/unread-count")).data == {"count": 1}


# Troubles of our own


async def test_a_trouble_of_ours_is_no_bad_token(
    server: RunningServer, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    token = ann.token()
    server.execute(sa.text('ALTER TABLE "Users" RENAME TO "Elsewhere"'))

    for _ in range(2):  # not remembered
        assert await close_of(ann, token) == (1011, "Authentication failed")

    # Of thousands who come back every few seconds each would say it again.
    (said,) = caplog.records
    assert (said.getMessage(), said.exc_info) == ("the database refused: no such table: Users", None)
    server.execute(sa.text('ALTER TABLE "Elsewhere" RENAME TO "Users"'))
    assert await opens(ann, token)


async def test_no_token_stands_in_a_log(
    server: RunningServer, ann: Person, caplog: pytest.LogCaptureFixture, logged: list[Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    good, expired, spoiled = ann.token(), ann.token(timedelta(seconds=-1)), ann.token(timedelta(minutes=5)) + "\n"
    tokens = [good, expired, spoiled.strip()]

    raw = await connect_raw(ann, token=good)
    await raw.send(text({"type": "nonsense", "token": good}), frame(0x3, good))
    assert (await raw.event())["type"] == "error"
    assert (await raw.closed())[0] == 1002
    await close_of(ann, spoiled)
    await close_of(ann, expired)
    await answer_to(ann, expired)
    await answer_to(ann, good, headers={"Origin": STRANGER})
    await answer_to(ann, good, upgrade=False)
    await answer_to(ann, good, method="POST")
    await answer_to(ann, good, headers={"Sec-WebSocket-Version": "99"})
    server.execute(sa.text('DROP TABLE "Users"'))
    await close_of(ann, good)

    said = f"{caplog.text}{logged}"
    assert "/messages" in said
    for token in tokens:
        assert token not in said
        assert token.rpartition(".")[2] not in said
