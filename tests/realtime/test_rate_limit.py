"""Frames a user may send in a minute; what the SPA sends by itself has a budget of its own, the protocol none."""

import pytest

from regoods import community
from regoods.core.limits import WindowCounter
from tests.support.clock import Watch
from tests.support.people import Person, Socket
from tests.support.raw_socket import CLOSE, PING, PONG, Frame, connect_raw, frame, parse_close, text
from tests.support.server import RunningServer

LIMIT = 4
LIMITED = pytest.mark.settings(ws_rate_limit_per_minute=LIMIT)
TOO_MANY = (1008, "Too many frames")
NONSENSE = {"type": "nonsense"}
REPEATS = ("message", "message_edited", "message_deleted", "message_read")


def errors(events: list[dict[str, object]]) -> list[object]:
    assert all(event["type"] == "error" for event in events)
    return [event["code"] for event in events]


def send(socket: Socket, count: int, event: object = NONSENSE) -> None:
    for _ in range(count):
        socket.send(event)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Times the windows of a server that is started afterwards."""
    watch = Watch()
    monkeypatch.setattr(community, "count_alone", lambda _what, seconds, _limit: WindowCounter[int](seconds, watch))
    return watch


@LIMITED
async def test_frames_over_the_limit_are_dropped_with_one_error(watch: Watch, ann: Person) -> None:
    at_ann = await ann.connect()

    send(at_ann, LIMIT)
    assert errors(await at_ann.quiet()) == ["VALIDATION_ERROR"] * LIMIT
    watch.now += 18
    send(at_ann, 3)
    (over,) = await at_ann.quiet()
    send(at_ann, 5 * LIMIT)

    assert (over["type"], over["code"]) == ("error", "RATE_LIMIT_EXCEEDED")
    assert "42 s" in over["message"]
    assert await at_ann.quiet() == []


@LIMITED
async def test_a_dropped_frame_does_nothing(ann: Person, ben: Person, chloe: Person) -> None:
    await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()
    send(at_ann, LIMIT)

    at_ann.send({"type": "typing", "conversationId": 2})

    assert errors(await at_ann.quiet())[LIMIT:] == ["RATE_LIMIT_EXCEEDED"]
    assert await at_ben.quiet() == []


@LIMITED
async def test_all_sockets_of_a_user_share_one_budget_and_one_error(ann: Person, ben: Person) -> None:
    first, second, at_ben = await ann.connect(), await ann.connect(), await ben.connect()

    send(first, LIMIT)
    assert errors(await first.quiet()) == ["VALIDATION_ERROR"] * LIMIT
    send(second, 2)
    assert errors(await second.quiet()) == ["RATE_LIMIT_EXCEEDED"]
    send(first, 2)
    assert await first.quiet() == []

    send(at_ben, LIMIT)
    assert errors(await at_ben.quiet()) == ["VALIDATION_ERROR"] * LIMIT  # his own


@LIMITED
async def test_a_new_socket_is_no_new_budget(ann: Person) -> None:
    at_ann = await ann.connect()
    send(at_ann, LIMIT + 1)
    await at_ann.quiet()
    at_ann.close()
    await at_ann.closed()

    again = await ann.connect()
    send(again, 2)

    assert await again.quiet() == []


@LIMITED
@pytest.mark.parametrize("bad", ["no JSON", "[]", '{"type":"typing"}'])
async def test_bad_frames_count_like_good_ones(ann: Person, bad: str) -> None:
    at_ann = await ann.connect()

    send(at_ann, LIMIT + 2, bad)

    codes = errors(await at_ann.quiet())
    assert len(codes) == LIMIT + 1
    assert codes[LIMIT] == "RATE_LIMIT_EXCEEDED"


@LIMITED
async def test_pings_have_ten_times_as_much_and_who_exceeds_it_is_closed(server: RunningServer, ann: Person) -> None:
    raw = await connect_raw(ann)
    await raw.send(text({"type": "ping"}) * 10 * LIMIT)
    for _ in range(10 * LIMIT):
        assert await raw.event() == {"type": "pong"}

    await raw.send(text({"type": "ping"}))

    assert await raw.closed() == TOO_MANY
    assert not server.app.registry.is_online(1)


@LIMITED
@pytest.mark.parametrize("kind", REPEATS)
async def test_the_spas_repeats_have_ten_times_as_much_too(ann: Person, kind: str) -> None:
    raw = await connect_raw(ann)
    await raw.send(text({"type": kind}) * 10 * LIMIT, frame(PING, b"still here"))
    assert await raw.next_but_pings() == Frame(PONG, b"still here")

    await raw.send(text({"type": kind}))

    assert await raw.closed() == TOO_MANY


@LIMITED
async def test_pings_and_repeats_leave_the_budget_of_the_others_alone(ann: Person) -> None:
    raw = await connect_raw(ann)
    await raw.send(*(text({"type": kind}) * 5 for kind in (*REPEATS, "ping")))
    for _ in range(5):
        assert await raw.event() == {"type": "pong"}

    await raw.send(text(NONSENSE) * LIMIT)

    for _ in range(LIMIT):
        assert (await raw.event())["code"] == "VALIDATION_ERROR"
    await raw.send(text(NONSENSE))
    assert (await raw.event())["code"] == "RATE_LIMIT_EXCEEDED"
    await raw.send(text({"type": "ping"}))
    assert await raw.event() == {"type": "pong"}  # the other way round, too


@LIMITED
async def test_who_sends_ten_times_the_limit_is_closed(server: RunningServer, ann: Person) -> None:
    patient, raw = await ann.connect(), await connect_raw(ann)
    await raw.send(text(NONSENSE) * (10 * LIMIT - 1), frame(PING, b"still here"))
    for _ in range(LIMIT + 1):
        assert (await raw.event())["type"] == "error"
    assert await raw.next_but_pings() == Frame(PONG, b"still here")

    await raw.send(text(NONSENSE) * 2)

    assert await raw.closed() == TOO_MANY
    assert await patient.quiet() == []
    assert len(server.app.registry.of(1)) == 1


@LIMITED
async def test_protocol_pings_and_pongs_are_in_no_budget(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(frame(PING, b"x") * 1000, frame(PONG) * 1000)
    for _ in range(1000):
        assert await raw.next_but_pings() == Frame(PONG, b"x")

    await raw.send(text(NONSENSE) * LIMIT)
    for _ in range(LIMIT):
        assert (await raw.event())["code"] == "VALIDATION_ERROR"
    assert await raw.quiet() == []


async def test_the_limit_is_a_hundred_unless_set(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(text(NONSENSE) * 101)

    codes = [(await raw.event())["code"] for _ in range(101)]
    assert codes == ["VALIDATION_ERROR"] * 100 + ["RATE_LIMIT_EXCEEDED"]


@LIMITED
async def test_with_the_windows_end_one_may_send_again(watch: Watch, ann: Person) -> None:
    at_ann = await ann.connect()
    send(at_ann, LIMIT + 2)
    assert errors(await at_ann.quiet())[-1] == "RATE_LIMIT_EXCEEDED"

    watch.now += 59
    send(at_ann, 1)
    assert await at_ann.quiet() == []
    watch.now += 1
    send(at_ann, LIMIT + 2)

    # And one error in this window, too.
    assert errors(await at_ann.quiet()) == ["VALIDATION_ERROR"] * LIMIT + ["RATE_LIMIT_EXCEEDED"]


@LIMITED
async def test_with_the_windows_end_the_budget_of_pings_is_full_again(watch: Watch, ann: Person) -> None:
    raw = await connect_raw(ann)
    for _ in range(3):
        await raw.send(text({"type": "ping"}) * 9 * LIMIT)
        for _ in range(9 * LIMIT):
            assert await raw.event() == {"type": "pong"}
        watch.now += 60

    await raw.send(text({"type": "ping"}) * (10 * LIMIT + 1))
    received = await raw.until(CLOSE)
    assert parse_close(received.payload) == TOO_MANY
