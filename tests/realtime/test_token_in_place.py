"""Tokens beside the query: among the subprotocols, in a first frame, renewed in place, and at their end."""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from regoods.realtime import expiry, newcomers, places
from regoods.realtime.connection import Connection
from tests.support.clock import Ahead
from tests.support.contract import check_event
from tests.support.nodes import holds
from tests.support.people import LIMIT, Person
from tests.support.raw_socket import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Frame,
    RawSocket,
    closing,
    connect_raw,
    dial_raw,
    frame,
    text,
)
from tests.support.server import RunningServer

SPEAKS = {"Sec-WebSocket-Protocol": "regoods"}
EXPIRED, REQUIRED, INVALID = (1008, "Token expired"), (1008, "Token required"), (1008, "Invalid token")
ENFORCED = pytest.mark.settings(ws_enforce_token_expiry=True)


def among_protocols(token: str) -> dict[str, str]:
    return {"Sec-WebSocket-Protocol": f"regoods, bearer.{token}"}


def until(person: Person, moment: float, user_id: int | None = None) -> str:
    """A token that ends at this moment of Unix time."""
    claims = {"userId": user_id or person.user_id, "email": "user@example.com", "iat": 0, "exp": moment}
    return jwt.encode(claims, person.secret, "HS256")


def shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def knock(person: Person, *, early: bytes = b"") -> RawSocket:
    """A socket that has not said whose it is."""
    raw = await dial_raw(person, b"", headers=SPEAKS, early=early)
    assert raw.answer.status == 101, raw.answer.raw
    return raw


async def greeted(raw: RawSocket, person: Person) -> dict[str, Any]:
    """What `authenticated` said, after `connected`."""
    greeting = await raw.event()
    assert (greeting["type"], greeting["userId"]) == ("connected", person.user_id)
    event: dict[str, Any] = await raw.event()
    assert event["type"] == "authenticated"
    check_event(event)
    return event


# Among the subprotocols


async def test_a_token_among_the_subprotocols_opens_a_socket_and_is_not_said_again(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    token = ann.token()

    raw = await connect_raw(ann, token=b"", headers=among_protocols(token))

    assert raw.answer.headers["Sec-WebSocket-Protocol"] == "regoods"
    assert token not in str(raw.answer.headers)
    await ben.write(ann)
    assert (await raw.event())["type"] == "message"


async def test_the_order_of_the_names_is_the_clients(ann: Person) -> None:
    headers = {"Sec-WebSocket-Protocol": f"chat,bearer.{ann.token()} ,regoods"}
    raw = await connect_raw(ann, token=b"", headers=headers)
    assert raw.answer.headers["Sec-WebSocket-Protocol"] == "regoods"


async def test_a_bad_token_among_them_is_refused_as_in_the_query(ann: Person) -> None:
    expired = ann.token(timedelta(seconds=-1))

    raw = await dial_raw(ann, b"", headers=among_protocols(expired))
    assert raw.answer.status == 101
    assert await raw.closed() == INVALID

    for again in (
        await dial_raw(ann, b"", headers=among_protocols(expired)),
        await dial_raw(ann, expired),
    ):
        assert (again.answer.status, again.answer.error["code"]) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("offered", ["chat", "", "bearer.{token}", "regoods2, bearer.{token}", "Regoods"])
async def test_without_our_name_a_socket_without_a_token_is_refused_as_ever(ann: Person, offered: str) -> None:
    headers = {"Sec-WebSocket-Protocol": offered.format(token=ann.token())}

    raw = await dial_raw(ann, b"", headers=headers)
    assert await raw.closed() == REQUIRED
    assert "Sec-WebSocket-Protocol" not in raw.answer.headers

    assert (await dial_raw(ann, b"", headers=headers)).answer.status == 401


async def test_a_token_in_the_query_counts_before_one_among_the_subprotocols(ann: Person, ben: Person) -> None:
    raw = await dial_raw(ben, headers=among_protocols(ann.token()))
    assert (await raw.event())["userId"] == 2


async def test_a_strangers_page_may_not_by_this_way_either(ann: Person) -> None:
    for headers in (SPEAKS, among_protocols(ann.token())):
        raw = await dial_raw(ann, b"", headers=headers | {"Origin": "https://evil.example.com"})
        assert raw.answer.status == 403


# The first frame


async def test_a_first_frame_says_whose_socket_it_is(server: RunningServer, ann: Person, ben: Person) -> None:
    raw = await knock(ann)
    assert len(server.app.registry) == 0
    ends = int(time.time()) + 500

    await raw.send(text({"type": "auth", "token": until(ann, ends)}))

    assert await greeted(raw, ann) == {"type": "authenticated", "expiresAt": shown(ends)}
    assert server.app.registry.is_online(1)
    await ben.write(ann)
    assert (await raw.event())["type"] == "message"
    await raw.send(text({"type": "ping"}))
    assert await raw.event() == {"type": "pong"}
    await raw.send(closing(1000))
    assert await raw.closed() == (1000, "")
    await holds(lambda: not server.app.registry.is_online(1))


@pytest.mark.parametrize("split", [0, 1, 30])
async def test_it_may_come_with_the_handshake_and_others_behind_it(ann: Person, split: int) -> None:
    whole = text({"type": "auth", "token": ann.token()}) + text({"type": "ping"}) * 3
    raw = await knock(ann, early=whole[: len(whole) - split])
    await raw.send(whole[len(whole) - split :])

    events = [await raw.event() for _ in range(5)]

    kinds = [event["type"] for event in events]
    assert kinds[0] == "connected"
    assert sorted(kinds[1:]) == ["authenticated", "pong", "pong", "pong"]


async def test_before_it_protocol_pings_are_answered_and_nothing_is_told(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    raw = await knock(ann)
    await raw.send(frame(PONG), frame(PING, b"there?"))

    await ben.write(ann)

    received = await raw.next()
    assert (received.opcode, received.payload) == (PONG, b"there?")
    await raw.send(text({"type": "auth", "token": ann.token()}))
    await greeted(raw, ann)


@pytest.mark.parametrize(
    "first",
    [
        text({"type": "ping"}),
        text({"type": "auth"}),
        text({"type": "auth", "token": ""}),
        text({"type": "auth", "token": 5}),
        text({"type": "typing", "conversationId": 2, "token": "x"}),
        text([]),
        frame(TEXT, "nonsense"),
        frame(BINARY, b'{"type":"auth","token":"x"}'),
    ],
)
async def test_any_other_first_frame_is_the_last(server: RunningServer, ann: Person, first: bytes) -> None:
    raw = await knock(ann)
    await raw.send(first, text({"type": "auth", "token": ann.token()}))

    assert await raw.closed() == REQUIRED
    await raw.send(closing(1008))
    assert await raw.ended() == b""
    assert len(server.app.registry) == 0
    await holds(lambda: not server.app.newcomers.here)


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (frame(TEXT, "x", masked=False), 1002),
        (frame(TEXT, b"\xff"), 1007),
        (frame(TEXT, b"", announced=20_000), 1009),
        (frame(0x3, b""), 1002),
        (frame(CLOSE, b"\x00\x05"), 1002),
    ],
)
async def test_a_newcomer_is_held_to_the_protocol(
    ann: Person, first: bytes, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    raw = await knock(ann)
    await raw.send(first)
    assert (await raw.closed())[0] == code
    await raw.send(text({"type": "auth", "token": ann.token()}))  # too late
    raw.writer.write_eof()
    assert await raw.ended() == b""
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_newcomer_cannot_keep_the_loop_busy(ann: Person) -> None:
    raw = await dial_raw(ann, b"", headers=SPEAKS)

    await raw.send(frame(PING) * 10_000)

    answered = 0
    while (answer := await raw.next()).opcode == PONG:
        answered += 1
    assert answered <= 64
    assert answer == Frame(CLOSE, b"\x03\xf0Token required")


async def test_a_newcomer_who_reads_no_pong_is_let_go(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newcomers, "AUTH_SECONDS", 60)
    monkeypatch.setattr(newcomers, "MOST_FRAMES", 10_000)  # who lets some time go by sends as many
    raw = await dial_raw(ann, b"", headers=SPEAKS, receive_buffer=4096)

    with contextlib.suppress(ConnectionError):  # he is cut while he sends
        for _ in range(100):  # 13 MB, beyond any kernel's buffers
            await raw.send(frame(PING, b"x" * 125) * 1000)
            if not server.app.newcomers.here:
                break

    await holds(lambda: not server.app.newcomers.here)
    assert not server.app.metrics.refused  # and not for what it said


async def test_a_newcomer_may_leave(server: RunningServer, ann: Person) -> None:
    for reply, raw in (((1000, ""), await knock(ann)), ((None, ""), await knock(ann))):
        await raw.send(closing(reply[0]))
        assert await raw.closed() == reply
        assert await raw.ended() == b""
    (await knock(ann)).close()
    await holds(lambda: not server.app.newcomers.here)


async def test_a_bad_token_in_it_closes_each_time(server: RunningServer, ann: Person) -> None:
    server.deactivate(3)
    good = server.person(3).token()
    for token in ("rubbish", ann.token(timedelta(seconds=-1)), "t\u00f6ken", good):
        for _ in range(2):  # the second time it is known
            raw = await knock(ann)
            await raw.send(text({"type": "auth", "token": token}))
            assert await raw.closed() == INVALID
    assert len(server.app.registry) == 0


async def test_it_counts_against_a_users_sockets(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "PROBE_SECONDS", 10 * LIMIT)  # all answer, however late a busy machine lets them
    for _ in range(5):
        await ann.connect()
    for _ in range(2):
        raw = await knock(ann)
        await raw.send(text({"type": "auth", "token": ann.token()}))
        assert await raw.closed() == (1008, "Too many connections")


async def test_who_says_nothing_is_let_go(server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    assert newcomers.AUTH_SECONDS == 10
    monkeypatch.setattr(newcomers, "AUTH_SECONDS", 0.3)
    monkeypatch.setattr(newcomers, "CLOSE_SECONDS", 0.3)
    begun = time.monotonic()
    raw = await knock(ann, early=frame(PING))  # which is no token

    assert (await raw.next()).opcode == PONG
    assert await raw.closed() == REQUIRED
    assert time.monotonic() - begun >= 0.3
    assert await raw.ended() == b""  # though it never answered
    await holds(lambda: not server.app.newcomers.here)
    assert (await ann.get("/health/websocket-stats", root="")).body["refused"] == {"Token required": 1}


async def test_newcomers_of_an_address_cannot_pile_up(server: RunningServer, ann: Person) -> None:
    waiting = [await knock(ann) for _ in range(newcomers.MOST_AN_ADDRESS)]

    one_more = await dial_raw(ann, b"", headers=SPEAKS)

    assert (one_more.answer.status, one_more.answer.error["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert one_more.answer.headers["Retry-After"] == "10"
    await connect_raw(ann)  # who brings his token is no newcomer
    await connect_raw(ann, token=b"", headers=among_protocols(ann.token()))

    waiting[0].close()
    await waiting[1].send(text({"type": "auth", "token": ann.token()}))
    await greeted(waiting[1], ann)
    await holds(lambda: len(server.app.newcomers.here) == newcomers.MOST_AN_ADDRESS - 2)
    for _ in range(2):
        await knock(ann)


async def test_nor_can_those_of_many_addresses(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newcomers, "MOST", 3)
    for number in range(3):
        server.app.newcomers.enter(f"203.0.113.{number}")

    one_more = await dial_raw(ann, b"", headers=SPEAKS)

    # No 503: by one nginx would count this node as failed, and send it no calls either.
    assert (one_more.answer.status, one_more.answer.error["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert one_more.answer.headers["Retry-After"] == "10"
    server.app.newcomers.leave("203.0.113.0")
    await knock(ann)


async def test_what_follows_while_a_token_is_looked_at_is_bounded(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = asyncio.Event()
    follow = server.app.bus.follow

    async def slowly(user_id: int) -> None:
        await looked_at.wait()
        await follow(user_id)

    monkeypatch.setattr(server.app.bus, "follow", slowly)  # as a slow Redis or database
    held = await knock(ann, early=text({"type": "auth", "token": ann.token()}))
    await held.send(text({"type": "ping"}))
    flood = await knock(ann, early=text({"type": "auth", "token": ann.token()}))
    gone = await knock(ann, early=text({"type": "auth", "token": ann.token()}))
    await holds(lambda: len(server.app.newcomers.here) == 3)
    flood.writer.write(b"x" * 1_000_000)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await flood.next()
    gone.close()
    await holds(lambda: len(server.app.newcomers.here) == 1)

    looked_at.set()

    assert (await held.event())["type"] == "connected"
    assert sorted([(await held.event())["type"] for _ in range(2)]) == ["authenticated", "pong"]
    await holds(lambda: len(server.app.registry) == 1)
    for _ in range(4):  # the places of the two that are gone are free
        await ann.connect()


async def test_a_server_that_stops_tells_newcomers_too(server: RunningServer, ann: Person) -> None:
    raw = await knock(ann)
    await holds(lambda: server.app.newcomers.here)
    server.app.newcomers.stop()
    assert await raw.closed() == (1001, "Server is restarting")
    assert await raw.ended() == b""


# Renewed in place


async def test_a_newer_token_is_taken_in_place(ann: Person) -> None:
    raw = await connect_raw(ann)
    later, latest = int(time.time()) + 1000, int(time.time()) + 2000

    for sent, ends in ((latest, latest), (later, latest)):  # one that was overtaken shortens nothing
        await raw.send(text({"type": "auth", "token": until(ann, sent)}))
        assert await raw.event() == {"type": "authenticated", "expiresAt": shown(ends)}


async def test_another_users_token_or_a_bad_one_changes_nothing(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    raw = await connect_raw(ann)
    (held,) = server.app.registry.of(1)

    for token, code in (
        (ben.token(), "FORBIDDEN"),
        (ann.token(timedelta(seconds=-1)), "INVALID_TOKEN"),
        ("rubbish", "INVALID_TOKEN"),
        ("t\u00f6ken", "INVALID_TOKEN"),
        (5, "VALIDATION_ERROR"),
    ):
        await raw.send(text({"type": "auth", "token": token}))
        event = await raw.event()
        assert (event["type"], event["code"]) == ("error", code)
        assert str(token) not in json.dumps(event) or token == 5

    assert (held.expires, held.due) == (0, 0)
    await ben.write(ann)
    assert (await raw.event())["type"] == "message"
    assert server.app.registry.of(1) == (held,)
    assert not server.app.registry.is_online(2)


# The end


async def test_who_can_renew_is_warned_a_minute_before(server: RunningServer, ann: Person) -> None:
    assert server.app.expiry.callback.is_running()
    assert server.app.expiry.callback.callback_time == 500
    server.app.expiry.callback.stop()
    soon = int(time.time()) + 600
    raws = [
        await connect_raw(ann, token=until(ann, soon), headers=SPEAKS),
        await connect_raw(ann, token=b"", headers=among_protocols(until(ann, soon))),
        await knock(ann),
        await connect_raw(ann),
    ]
    await raws[2].send(text({"type": "auth", "token": until(ann, soon)}))
    await greeted(raws[2], ann)
    await raws[3].send(text({"type": "auth", "token": until(ann, soon)}))
    assert (await raws[3].event())["type"] == "authenticated"
    spa = await connect_raw(ann, token=until(ann, soon))

    await look_at_tokens(server, soon - 60.01)
    for raw in raws:
        assert await raw.quiet() == []
    await look_at_tokens(server, soon - 60)
    for raw in raws:
        (event,) = await raw.quiet()
        assert event == {"type": "token_expiring", "expiresAt": shown(soon)}
        check_event(event)
    assert await spa.quiet() == []


async def look_at_tokens(server: RunningServer, now: float) -> None:
    """As at this second of Unix time."""
    server.app.services.tokens.now = lambda: now
    await server.app.expiry.tick()


async def test_who_has_little_time_left_is_warned_at_once_and_only_once(server: RunningServer, ann: Person) -> None:
    raw = await connect_raw(ann, token=until(ann, int(time.time()) + 20), headers=SPEAKS)

    assert (await raw.event())["type"] == "token_expiring"
    await look_at_tokens(server, time.time())
    later = int(time.time()) + 900
    await raw.send(text({"type": "auth", "token": until(ann, later)}))
    assert (await raw.event())["expiresAt"] == shown(later)
    for now in (time.time(), later - 61):
        await look_at_tokens(server, now)
        assert await raw.quiet() == []
    await look_at_tokens(server, later - 60)
    assert [event["type"] for event in await raw.quiet()] == ["token_expiring"]


async def test_by_default_a_socket_outlives_its_token_even_if_it_was_warned(server: RunningServer, ann: Person) -> None:
    ends = int(time.time()) + 20
    raw = await connect_raw(ann, token=until(ann, ends), headers=SPEAKS)
    assert (await raw.event())["type"] == "token_expiring"

    for now in (ends - 1, ends, ends + 1, ends + 600):
        await look_at_tokens(server, now)

    assert await raw.quiet() == []


async def test_a_token_that_ends_between_two_looks_at_it_ends_no_socket_either(
    server: RunningServer, ann: Person
) -> None:
    server.app.expiry.callback.stop()
    ends = int(time.time()) + 20
    raws = [
        await connect_raw(ann, token=until(ann, ends + fraction), headers=SPEAKS) for fraction in (0, 0.1, 0.5, 0.9)
    ]

    await look_at_tokens(server, ends + 0.95)

    for raw in raws:
        assert await raw.quiet() == []


class Looks:
    """What a server that is started afterwards does about tokens, by its own clock: how late a busy machine lets it
    look, and the test read what comes of it, is no matter of its own."""

    def __init__(self, clock: Ahead, monkeypatch: pytest.MonkeyPatch) -> None:
        self._clock = clock
        self.begun: list[float] = []
        self.closed: dict[float, tuple[float, float]] = {}
        """By a token's end, when its socket was closed, and when the look before that one had begun."""
        tick, serve = expiry.Expiry.tick, expiry.Expiry._serve

        async def noted(looking: expiry.Expiry) -> None:
            self.begun.append(clock())
            await tick(looking)

        def served(looking: expiry.Expiry, connection: Connection, now: float) -> None:
            serve(looking, connection, now)
            if not connection.is_open:
                self.closed[connection.expires] = now, self.begun[-2]

        monkeypatch.setattr(expiry.Expiry, "tick", noted)
        monkeypatch.setattr(expiry.Expiry, "_serve", served)

    def near(self, ends: float) -> None:
        """Let it be the second before this one, or what is left of it."""
        self._clock.seconds = ends - 1 - time.time()

    def assert_closed_in_time(self, ends: float) -> None:
        """By the first look at which it may: looks half a second apart make the promised two from its token's end."""
        assert expiry.TICK_MS == 500
        at, before = self.closed[ends]
        assert ends <= at
        assert before < math.ceil(ends)


@pytest.fixture
def looks(clock: Ahead, monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(clock, monkeypatch)


@ENFORCED
@pytest.mark.parametrize("fraction", [0, 0.9])
async def test_where_it_is_enforced_a_socket_ends_with_its_token(
    looks: Looks, server: RunningServer, ann: Person, ben: Person, fraction: float
) -> None:
    ends = int(time.time()) + 600 + fraction
    dying = [
        await connect_raw(ann, token=until(ann, ends)),
        await connect_raw(ann, token=until(ann, ends), headers=SPEAKS),
        await knock(ann, early=text({"type": "auth", "token": until(ann, ends)})),
    ]
    await greeted(dying[2], ann)
    living = await connect_raw(ann, token=until(ann, ends + 600))

    looks.near(ends)

    for raw in dying:
        assert await raw.closed() == EXPIRED
    looks.assert_closed_in_time(ends)
    assert await living.quiet() == []
    assert len(server.app.registry.of(1)) == 1
    await ben.write(ann)
    assert (await living.event())["type"] == "message"
    again = await dial_raw(ann, until(ann, ends))
    assert await again.closed() == INVALID


@ENFORCED
async def test_a_renewed_socket_ends_with_its_newer_token(looks: Looks, ann: Person) -> None:
    first = int(time.time()) + 600
    raw = await connect_raw(ann, token=until(ann, first))
    await raw.send(text({"type": "auth", "token": until(ann, first + 1)}))
    assert (await raw.event())["type"] == "authenticated"

    looks.near(first)

    assert await raw.closed() == EXPIRED
    looks.assert_closed_in_time(first + 1)


@ENFORCED
async def test_others_tokens_and_bad_ones_prolong_nothing(looks: Looks, ann: Person, ben: Person) -> None:
    ends = int(time.time()) + 600
    raw = await connect_raw(ann, token=until(ann, ends))
    await raw.send(text({"type": "auth", "token": ben.token()}), text({"type": "auth", "token": "x"}))
    assert [(await raw.event())["code"] for _ in range(2)] == ["FORBIDDEN", "INVALID_TOKEN"]

    looks.near(ends)

    assert await raw.closed() == EXPIRED
    looks.assert_closed_in_time(ends)


@ENFORCED
async def test_what_is_gone_is_forgotten(server: RunningServer, ann: Person) -> None:
    watched: Callable[[], int] = lambda: sum(map(len, server.app.expiry._due.values()))  # noqa: E731
    raws = [await connect_raw(ann) for _ in range(3)]
    await raws[0].send(text({"type": "auth", "token": ann.token(timedelta(minutes=20))}))
    assert (await raws[0].event())["type"] == "authenticated"
    assert watched() == 3

    for raw in raws:
        raw.close()

    await holds(lambda: watched() == 0)
    assert server.app.expiry._due == {}


async def test_by_default_nothing_is_held_for_a_socket(server: RunningServer, ann: Person) -> None:
    await connect_raw(ann)
    (held,) = server.app.registry.of(1)
    assert (held.expires, held.due, server.app.expiry._due) == (0, 0, {})
