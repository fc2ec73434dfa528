"""What comes over a socket: nonsense is answered and lived with, a broken protocol ends the socket with its code."""

import asyncio
import json
import random
import struct
from collections import Counter
from typing import Any

import pytest

from tests.support.people import Person, Socket
from tests.support.raw_socket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    RawSocket,
    closing,
    connect_raw,
    eventually,
    frame,
    parse_close,
    text,
)
from tests.support.server import RunningServer

PING_EVENT = json.dumps({"type": "ping"})


async def fails_with(raw: RawSocket, code: int) -> None:
    """The next frame closes with a code, and the TCP connection ends once the client has left, too."""
    received = await raw.next_but_pings()
    assert received.opcode == CLOSE, received
    assert parse_close(received.payload)[0] == code
    await raw.send(closing(code))
    assert await raw.ended() == b""


async def lives(raw: RawSocket) -> bool:
    return await raw.quiet() == []


# Nonsense

NONSENSE: dict[str, str | bytes] = {
    "no JSON": "hello",
    "nothing": "",
    "half an object": '{"type":"typing"',
    "two objects": '{"type":"message"}{"type":"message"}',
    "a list": '[{"type":"ping"}]',
    "a number": "42",
    "a huge number": "9" * 5000,
    "null": "null",
    "true": "true",
    "a string": '"ping"',
    "NaN": "NaN",
    "an unknown type": '{"type":"launch"}',
    "no type": '{"conversationId":2}',
    "an empty type": '{"type":""}',
    "a type of another case": '{"type":"PING"}',
    "a numeric type": '{"type":1}',
    "a null type": '{"type":null}',
    "a list as type": '{"type":["ping"]}',
    "a NUL in the type": '{"type":"ping\\u0000"}',
    "half a surrogate pair": '{"type":"\\ud83d"}',
    "a very long type": json.dumps({"type": "x" * 20_000}),
    "a server's event": '{"type":"connected","userId":1}',
    "an error": '{"type":"error","code":"X","message":"Y"}',
    "deep lists": "[" * 60_000,
    "a deep object": '{"a":' * 10_000,
    "something deep beside a type": '{"type":"typing","x":' + "[" * 30_000 + "]" * 30_000 + "}",
    "binary": b'{"type":"ping"}',
    "empty binary": b"",
    "binary rubbish": bytes(range(256)),
}


@pytest.mark.parametrize("kind", list(NONSENSE))
async def test_nonsense_is_answered_with_an_error_and_lived_with(ann: Person, ben: Person, kind: str) -> None:
    at_ann, at_ben = await ann.connect(), await ben.connect()
    nonsense = NONSENSE[kind]

    if isinstance(nonsense, bytes):
        at_ann.send_bytes(nonsense)
    else:
        at_ann.send(nonsense)

    await assert_one_error(at_ann)
    assert await at_ben.quiet() == []


async def assert_one_error(socket: Socket) -> None:
    (error,) = await socket.quiet()
    assert set(error) == {"type", "code", "message"}
    assert error["type"] == "error"
    assert error["code"] in {"VALIDATION_ERROR", "BAD_REQUEST"}
    assert 0 < len(error["message"]) < 300
    assert "Traceback" not in error["message"]


async def test_nonsense_of_one_is_no_trouble_to_the_server(server: RunningServer, ann: Person, ben: Person) -> None:
    at_ann = await ann.connect()
    dice = random.Random(1)
    for _ in range(50):
        at_ann.send("".join(dice.choices('{}[]",:\\truefalsn0123456789 \u00e9\U0001f6b2', k=dice.randrange(40))))

    await ben.write(ann)

    # In whatever order: what she sent and what was sent to her came by two connections.
    assert Counter(event["type"] for event in await at_ann.quiet()) == {"error": 50, "message": 1}


async def test_a_pong_answers_a_ping_whatever_else_the_ping_says(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(
        text({"type": "ping"}),
        frame(TEXT, ' \n{"x":{"y":[1,2.5e3,null]}, "type" : "ping","userId":2}\t'),
        frame(TEXT, "é"),
    )

    assert await raw.event() == {"type": "pong"}
    assert await raw.event() == {"type": "pong"}
    assert (await raw.event())["type"] == "error"


# Size


@pytest.mark.settings(ws_max_message_size=2000)
async def test_a_message_may_be_as_large_as_the_limit_and_no_larger(server: RunningServer, ann: Person) -> None:
    raw = await connect_raw(ann)
    await raw.send(frame(TEXT, PING_EVENT.ljust(2000)))
    assert await raw.event() == {"type": "pong"}

    await raw.send(frame(TEXT, PING_EVENT.ljust(2001)))

    await fails_with(raw, 1009)
    assert not server.app.registry.is_online(1)


@pytest.mark.settings(ws_max_message_size=2000)
async def test_fragments_are_counted_together(ann: Person) -> None:
    raw = await connect_raw(ann)
    await raw.send(
        frame(TEXT, PING_EVENT.ljust(1000), final=False),
        frame(CONTINUATION, " " * 999, final=False),
        frame(CONTINUATION, " "),
    )
    assert await raw.event() == {"type": "pong"}

    await raw.send(frame(TEXT, "x" * 1000, final=False), frame(CONTINUATION, "x" * 1001, final=False))

    await fails_with(raw, 1009)


async def test_the_limit_is_64_kib_unless_set(ann: Person) -> None:
    raw = await connect_raw(ann)
    await raw.send(frame(TEXT, PING_EVENT.ljust(65_536)))
    assert await raw.event() == {"type": "pong"}

    await raw.send(frame(BINARY, b"x" * 65_537))

    await fails_with(raw, 1009)


@pytest.mark.parametrize("announced", [100_000_000, 2**32, 2**63 - 1, 2**63])
async def test_a_giant_is_refused_before_it_comes(ann: Person, announced: int) -> None:
    raw = await connect_raw(ann)

    await raw.send(frame(TEXT, b"", announced=announced))  # and not a byte of it

    received = await raw.next_but_pings()
    assert received.opcode == CLOSE
    assert parse_close(received.payload)[0] in ({1009} if announced < 2**63 else {1002, 1009})


async def test_who_sends_on_after_a_refusal_still_gets_to_see_it(server: RunningServer, ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(frame(TEXT, b"x" * 3_000_000), frame(TEXT, b"x" * 3_000_000))

    assert (await raw.closed())[0] == 1009
    assert len(server.app.registry) == 0


async def test_fragments_of_nothing_are_not_endless(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(frame(TEXT, final=False), frame(CONTINUATION, final=False) * 10_000)

    await fails_with(raw, 1009)


# Fragments and segments


async def test_a_ping_may_come_between_fragments(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(
        frame(TEXT, '{"type"', final=False),
        frame(PING, b"between"),
        frame(CONTINUATION, ':"pi', final=False),
        frame(CONTINUATION, final=False),
        frame(PONG, b"unasked"),
        frame(CONTINUATION, 'ng"}'),
    )

    assert await raw.next_but_pings() == Frame(PONG, b"between")
    assert await raw.event() == {"type": "pong"}


async def test_a_character_may_be_cut_between_fragments(ann: Person) -> None:
    raw = await connect_raw(ann)
    message = json.dumps({"type": "ping", "note": "🚲é"}, ensure_ascii=False).encode()

    parts = [bytes([byte]) for byte in message]
    await raw.send(
        frame(TEXT, parts[0], final=False),
        *(frame(CONTINUATION, part, final=False) for part in parts[1:]),
        frame(CONTINUATION),
    )

    assert await raw.event() == {"type": "pong"}


@pytest.mark.parametrize("size", [15, 125, 126, 1000, 65_535, 65_536])
async def test_a_frame_of_any_length_is_read(ann: Person, size: int) -> None:
    raw = await connect_raw(ann)

    await raw.send(frame(TEXT, PING_EVENT.ljust(size)))

    assert await raw.event() == {"type": "pong"}


async def test_a_frame_may_come_byte_by_byte(ann: Person, ben: Person) -> None:
    await ann.write(ben)
    raw, at_ben = await connect_raw(ann), await ben.connect()

    for number, byte in enumerate(text({"type": "typing", "conversationId": 2}).ljust(1) + text({"type": "ping"})):
        await raw.send(bytes([byte]))
        if number % 10 == 0:
            assert (await ann.get("/health", root="")).status == 200  # so that it really comes in pieces

    assert (await at_ben.next())["type"] == "typing"
    assert await raw.event() == {"type": "pong"}


async def test_many_frames_may_come_in_one_segment_and_stay_in_order(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(*(frame(PING, b"%d" % number) + text({"type": "ping"}) for number in range(300)))

    for number in range(300):
        assert await raw.next_but_pings() == Frame(PONG, b"%d" % number)
        assert await raw.event() == {"type": "pong"}
    assert await lives(raw)


@pytest.mark.parametrize("kind", ["pings", "fragments"])
async def test_thousands_of_frames_in_one_segment_are_read_in_turn_with_all_else(
    server: RunningServer, ann: Person, kind: str
) -> None:
    raw = await connect_raw(ann)
    (held,) = server.app.registry.of(1)
    one = frame(PING) if kind == "pings" else frame(TEXT, "{", final=False) + frame(CONTINUATION, "}")
    count = 5000 if kind == "pings" else 50  # half of the latter within the budget of frames
    others_turns = 0

    held.data_received(one * count + text({"type": "ping"}))  # as the kernel hands it over

    while held._reader is not None:
        others_turns += 1
        await asyncio.sleep(0)
    assert others_turns >= count * (1 if kind == "pings" else 2) // 64
    for _ in range(count):
        answer = await raw.next_but_pings()
        assert answer == Frame(PONG) if kind == "pings" else answer.opcode == TEXT
    assert await raw.event() == {"type": "pong"}
    await raw.send(text({"type": "ping"}))  # it is still read
    assert await raw.event() == {"type": "pong"}


async def test_unfinished_messages_of_two_sockets_do_not_mix(ann: Person) -> None:
    first, second = await connect_raw(ann), await connect_raw(ann)

    await first.send(frame(TEXT, '{"type":', final=False))
    await second.send(frame(TEXT, '{"type":"nonsense', final=False))
    await first.send(frame(CONTINUATION, '"ping"}'))
    await second.send(frame(CONTINUATION, '"}'))

    assert await first.event() == {"type": "pong"}
    assert (await second.event())["type"] == "error"


async def test_who_vanishes_within_a_frame_is_offline(server: RunningServer, ann: Person, ben: Person) -> None:
    await ann.write(ben)
    raw = await connect_raw(ann)
    await raw.send(text({"type": "ping"}), frame(TEXT, "x" * 100)[:20])
    assert await raw.event() == {"type": "pong"}

    raw.writer.transport.abort()

    async def is_offline() -> bool:
        return (await ben.get("/messages/conversations")).data[0]["isOnline"] is False

    await eventually(is_offline)
    assert len(server.app.registry) == 0


# Pings


@pytest.mark.parametrize("payload", [b"", b"\x00\xff", b"x" * 125])
async def test_a_ping_is_answered_with_its_own_payload(ann: Person, payload: bytes) -> None:
    raw = await connect_raw(ann)

    await raw.send(frame(PING, payload))

    assert await raw.next_but_pings() == Frame(PONG, payload)


async def test_a_pong_nobody_asked_for_is_ignored(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(frame(PONG, b"hello"))

    assert await lives(raw)


# Closing


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 3000, 3999, 4000, 4999])
async def test_a_close_code_is_echoed_and_the_connection_ended(server: RunningServer, ann: Person, code: int) -> None:
    raw = await connect_raw(ann)

    await raw.send(closing(code, "Good bye, é"))

    received = await raw.next_but_pings()
    assert (received.opcode, received.payload[:2]) == (CLOSE, struct.pack("!H", code))
    assert await raw.ended() == b""
    assert not server.app.registry.is_online(1)


async def test_a_close_without_a_code_is_answered_without_one(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(closing())

    assert await raw.next_but_pings() == Frame(CLOSE)
    assert await raw.ended() == b""


@pytest.mark.parametrize("code", [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
async def test_a_close_code_that_must_not_be_sent_is_a_protocol_error(ann: Person, code: int) -> None:
    raw = await connect_raw(ann)

    await raw.send(closing(code))

    await fails_with(raw, 1002)


async def test_half_a_close_code_is_a_protocol_error(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(frame(CLOSE, b"\x03"))

    await fails_with(raw, 1002)


async def test_a_close_reason_is_utf8(ann: Person) -> None:
    raw = await connect_raw(ann)

    await raw.send(frame(CLOSE, struct.pack("!H", 1000) + b"\xff"))

    await fails_with(raw, 1007)


async def test_what_comes_after_a_close_frame_is_not_heard(ann: Person, ben: Person) -> None:
    await ann.write(ben)
    raw, at_ben = await connect_raw(ann), await ben.connect()

    await raw.send(closing(1000), text({"type": "typing", "conversationId": 2}), text({"type": "ping"}), frame(PING))

    assert await raw.closed() == (1000, "")
    assert await raw.ended() == b""
    assert await at_ben.quiet() == []


async def test_how_sockets_ended_is_counted(ann: Person) -> None:
    first, second, third = [await connect_raw(ann) for _ in range(3)]
    await first.send(closing(1000))
    await first.ended()
    await second.send(frame(0x3))
    await fails_with(second, 1002)
    await third.send(closing(4321))
    await third.ended()
    for raw in (first, second, third):
        raw.close()

    async def all_counted() -> bool:
        closed = (await ann.get("/health/websocket-stats", root="")).body["closed"]
        return bool(closed == {"1000": 1, "1002": 1, "other": 1})

    await eventually(all_counted)


# What breaks the protocol


def broken() -> dict[str, list[bytes]]:
    good: Any = {"type": "ping"}
    return {
        "not masked": [frame(TEXT, PING_EVENT, masked=False)],
        "a ping not masked": [frame(PING, masked=False)],
        "the first reserved bit": [frame(TEXT, PING_EVENT, reserved=4)],
        "the second reserved bit": [frame(TEXT, PING_EVENT, reserved=2)],
        "the third reserved bit": [frame(PING, reserved=1)],
        "a reserved data opcode": [frame(0x3, PING_EVENT)],
        "another reserved data opcode": [frame(0x7, PING_EVENT)],
        "a reserved control opcode": [frame(0xB)],
        "another reserved control opcode": [frame(0xF)],
        "a fragmented ping": [frame(PING, b"x", final=False)],
        "a fragmented pong": [frame(PONG, final=False)],
        "a fragmented close": [frame(CLOSE, final=False)],
        "a ping of 126 bytes": [frame(PING, b"x" * 126)],
        "a close of 126 bytes": [frame(CLOSE, struct.pack("!H", 1000) + b"x" * 124)],
        "a continuation of nothing": [frame(CONTINUATION, PING_EVENT)],
        "a continuation after the end": [
            frame(TEXT, '{"type":', final=False),
            frame(CONTINUATION, '"message"}'),
            frame(CONTINUATION, "more"),
        ],
        "a message within a message": [frame(TEXT, '{"type":', final=False), text(good)],
        "a binary message within a message": [frame(TEXT, "{", final=False), frame(BINARY, b"x", final=False)],
    }


@pytest.mark.parametrize("kind", list(broken()))
async def test_who_breaks_the_protocol_is_closed_with_1002(server: RunningServer, ann: Person, kind: str) -> None:
    raw = await connect_raw(ann)

    await raw.send(*broken()[kind], text({"type": "ping"}))

    await fails_with(raw, 1002)
    assert not server.app.registry.is_online(1)


@pytest.mark.parametrize(
    "payload",
    [b"\xff", b'{"type":"\xc3"}', b"\xed\xa0\xbd", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x82"],
    ids=["no start", "a cut character", "a surrogate", "too long a form", "beyond Unicode", "no end"],
)
@pytest.mark.parametrize("fragments", [1, 2])
async def test_text_that_is_no_utf8_is_closed_with_1007(ann: Person, payload: bytes, fragments: int) -> None:
    raw = await connect_raw(ann)

    if fragments == 1:
        await raw.send(frame(TEXT, payload))
    else:
        await raw.send(frame(TEXT, payload[:1], final=False), frame(CONTINUATION, payload[1:]))

    await fails_with(raw, 1007)


async def test_one_who_breaks_the_protocol_takes_nobody_with_him(ann: Person, ben: Person) -> None:
    other_tab, at_ben = await ann.connect(), await ben.connect()
    for frames in broken().values():
        raw = await connect_raw(ann)
        await raw.send(*frames)
        await fails_with(raw, 1002)

    sent = await ann.write(ben)

    assert await at_ben.next() == {"type": "message", "message": sent}
    assert await other_tab.next() == {"type": "message_sent", "message": sent}
