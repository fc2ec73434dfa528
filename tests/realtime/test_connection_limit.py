"""Five sockets a user: the newest is refused, the dead give way first, and a freed place is usable at once."""

import asyncio
import time

import pytest
from tornado.httpclient import HTTPClientError

from regoods.realtime import connection, places, redis_places
from regoods.realtime.closing import NO_PONG
from tests.support.people import LIMIT, Person, Socket
from tests.support.raw_socket import CLOSE, PING, PONG, connect_raw, dial_raw, eventually, frame, parse_close, text
from tests.support.server import RunningServer

pytestmark = pytest.mark.twins


@pytest.fixture(autouse=True)
def _no_heartbeat(server: RunningServer) -> None:
    """So each ping is a probe's, and who gives way has not answered one."""
    server.app.heartbeat.stop()


FULL = (1008, "Too many connections")


@pytest.fixture
def long_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that outlasts any test; whether all have answered is looked at as often as in one of a second.

    For all who answer: in a process that gets no processor for a second even they would be taken for dead.
    """
    assert places.PROBE_SECONDS == 1
    monkeypatch.setattr(places, "PROBE_SECONDS", 10 * LIMIT)
    monkeypatch.setattr(redis_places, "LOOKS", int(10 * LIMIT * redis_places.LOOKS))


async def fill(person: Person, places: int = 5) -> list[Socket]:
    return [await person.connect() for _ in range(places)]


@pytest.mark.usefixtures("long_probe")
async def test_the_sixth_socket_is_refused_and_five_live_ones_stay(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    tabs = await fill(ann)

    assert await (await ann.dial()).closed() == FULL

    assert len(server.app.registry.of(1)) == 5
    await ben.write(ann)
    for tab in tabs:
        assert [event["type"] for event in await tab.quiet()] == ["message"]


@pytest.mark.usefixtures("long_probe")
async def test_who_comes_back_while_he_is_full_is_told_before_the_upgrade(ann: Person) -> None:
    tabs = await fill(ann)
    await (await ann.dial()).closed()

    for token in (ann.token(), ann.token(), "other"):
        answer = (await dial_raw(ann, None if token == "other" else token)).answer
        assert (answer.status, answer.error["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert 1 <= int(answer.headers["Retry-After"]) <= 30  # the SPA waits 30 s at most
    for tab in tabs:
        assert await tab.quiet() == []


@pytest.mark.usefixtures("long_probe")
async def test_a_freed_place_is_usable_at_once(server: RunningServer, ann: Person) -> None:
    tabs = await fill(ann)
    await (await ann.dial()).closed()
    assert (await dial_raw(ann)).answer.status == 429

    tabs[2].close()
    await tabs[2].closed()
    await ann.connect()

    assert len(server.app.registry.of(1)) == 5
    assert await (await ann.dial()).closed() == FULL  # full anew, so told anew
    assert (await dial_raw(ann)).answer.status == 429


@pytest.mark.usefixtures("long_probe")
async def test_a_place_is_free_once_its_client_has_gone_without_a_word(server: RunningServer, ann: Person) -> None:
    tabs = await fill(ann, 4)
    vanishing = await connect_raw(ann)
    sixth = asyncio.ensure_future(ann.dial())
    await vanishing.send(frame(PONG, (await vanishing.until(PING)).payload))
    assert await (await sixth).closed() == FULL

    vanishing.close()

    async def has_room() -> bool:
        return len(server.app.registry.of(1)) == 4

    await eventually(has_room)
    await ann.connect()
    for tab in tabs:
        assert await tab.quiet() == []


@pytest.mark.usefixtures("long_probe")
async def test_each_user_has_his_own_five(ann: Person, ben: Person) -> None:
    await fill(ann)
    await fill(ben)

    assert await (await ann.dial()).closed() == FULL
    assert await (await ben.dial()).closed() == FULL


@pytest.mark.usefixtures("long_probe")
@pytest.mark.settings(ws_max_connections_per_user=1)
async def test_the_settings_say_how_many(ann: Person) -> None:
    only = await ann.connect()

    assert await (await ann.dial()).closed() == FULL

    assert await only.quiet() == []


async def test_a_dead_socket_gives_way_after_a_second(server: RunningServer, ann: Person, ben: Person) -> None:
    living = await fill(ann, 3)
    dead = [await connect_raw(ann) for _ in range(2)]  # they never answer a ping
    begun = time.monotonic()

    newest = await ann.connect()

    assert time.monotonic() - begun >= places.PROBE_SECONDS
    for raw in dead:
        asked, closed = await raw.next(), await raw.next()
        assert asked.opcode == PING
        assert (closed.opcode, parse_close(closed.payload)) == (CLOSE, (NO_PONG.code, NO_PONG.reason))
    assert len(server.app.registry.of(1)) == 4
    await ben.write(ann)
    for tab in (*living, newest):
        assert [event["type"] for event in await tab.quiet()] == ["message"]


@pytest.mark.usefixtures("long_probe")
async def test_who_answers_late_but_before_the_probe_is_over_stays(ann: Person) -> None:
    await fill(ann, 4)
    slow = await connect_raw(ann)
    sixth = asyncio.ensure_future(ann.dial())

    asked = await slow.until(PING)
    for _ in range(3):
        await ann.get("/messages/unread-count")  # meanwhile others are served
    await slow.send(frame(PONG, asked.payload))

    assert await (await sixth).closed() == FULL
    assert await slow.quiet() == []


@pytest.mark.usefixtures("long_probe")
async def test_any_frame_is_a_sign_of_life(ann: Person) -> None:
    await fill(ann, 4)
    talker = await connect_raw(ann)
    sixth = asyncio.ensure_future(ann.dial())

    await talker.until(PING)
    await talker.send(text({"type": "ping"}))

    assert await (await sixth).closed() == FULL
    assert await talker.event() == {"type": "pong"}


@pytest.mark.usefixtures("long_probe")
async def test_a_living_tab_is_not_waited_for(ann: Person) -> None:
    await fill(ann)

    assert await (await ann.dial()).closed() == FULL  # after five answers, not after the whole time for one


@pytest.mark.usefixtures("long_probe")
async def test_many_who_come_at_once_share_the_places_that_are_left(server: RunningServer, ann: Person) -> None:
    await fill(ann, 3)

    tabs = await asyncio.gather(*(ann.dial() for _ in range(6)), return_exceptions=True)

    assert {tab.code for tab in tabs if isinstance(tab, HTTPClientError)} <= {429}
    first = [await tab.connection.read_message() for tab in tabs if isinstance(tab, Socket)]
    assert len(first) - first.count(None) == 2
    assert len(server.app.registry.of(1)) == 5


@pytest.mark.settings(ws_max_connections_per_user=2)
async def test_a_slow_line_is_not_closed_by_another_dials_probe(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "PROBE_SECONDS", 2)  # whoever answers the first dial does it by then
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.3)  # the second dial asks the dead one, too
    await connect_raw(ann)  # never answers
    slow = await connect_raw(ann)
    first = asyncio.ensure_future(ann.dial())
    asked = await slow.until(PING)
    await slow.send(frame(PONG, asked.payload))
    await slow.quiet()  # the answer has been heard, so the next dial asks anew

    monkeypatch.setattr(places, "PROBE_SECONDS", LIMIT / 3)
    second = asyncio.ensure_future(ann.dial())
    await slow.until(PING)
    await first  # its two seconds are over: the dead one is gone, and the slow one has not answered the second yet
    await slow.send(frame(PONG, b""))
    await second

    assert await slow.quiet() == []


@pytest.mark.usefixtures("long_probe")
async def test_tabs_that_come_back_together_are_told_before_the_upgrade_next_time(
    server: RunningServer, ann: Person
) -> None:
    tabs = await asyncio.gather(*(ann.dial() for _ in range(7)), return_exceptions=True)

    # Who of the surplus is decided upon together is closed after the upgrade; who comes a little later, before it.
    opened = [tab for tab in tabs if isinstance(tab, Socket)]
    assert {tab.code for tab in tabs if isinstance(tab, HTTPClientError)} <= {429}
    first = [await tab.connection.read_message() for tab in opened]
    assert len(opened) - first.count(None) == 5
    assert first.count(None) >= 1
    assert (await dial_raw(ann)).answer.status == 429
    assert len(server.app.registry.of(1)) == 5
