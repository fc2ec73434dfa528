"""Input nobody should send: each is a 4xx that names the field, and the server goes on."""

import json
import logging
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.people import Answer, Person
from tests.support.server import RunningServer

NO_IDS: list[Any] = [0, -1, 2**31, 2**63, 10**30, "abc", "5", "", True, False, 1.5, [1], {"userId": 2}]
NO_PATH_IDS = (
    *("0", "-1", str(2**31), str(2**63), "9" * 400, "abc", "true", "1.5", "null", "undefined", "NaN", "1e3", "0x5"),
    *("%225%22", "+5", "05", "5%20", "%205", "5%0A", "%00", "5%00", "%2F", "5%2F6", "%ff", "%ED%A0%80", "%EF%BC%95"),
)
NO_NUMBERS = (
    "",
    "-1",
    str(2**63),
    "9" * 400,
    "abc",
    "true",
    "1.5",
    "null",
    "%225%22",
    "1e1",
    "%00",
    "5%00",
    "%ff",
    "%20",
)


LISTS = (
    "/messages/conversations?",
    "/messages/user/2?",
    "/messages/blocks?",
    "/messages/search?query=Hello&",
    "/messages/sync?since=0&",
)
WITH_OFFSET = LISTS[:-1]


async def is_refused(answer: Answer, field: str, caller: Person) -> None:
    """Refused with a 400 that names the field and shows nothing of the inside; the server goes on."""
    assert (answer.status, answer.error["code"], answer.field) == (400, "VALIDATION_ERROR", field), answer.raw[:300]
    text = answer.raw.decode()
    for word in ("Traceback", "Error:", ".py", "msgspec", "sqlite", "SELECT"):
        assert word not in text
    assert (await caller.get("/messages/unread-count")).status == 200


@pytest.fixture(autouse=True)
def _no_errors_in_the_log(caplog: pytest.LogCaptureFixture) -> Any:
    yield
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def body(**fields: Any) -> bytes:
    return json.dumps({"recipientId": 2, "messageContent": "Hello"} | fields).encode()


BROKEN = {
    "nothing": b"",
    "a word": b"hello",
    "an open object": b'{"recipientId": 2',
    "a trailing comma": b'{"recipientId": 2, "messageContent": "Hello",}',
    "two objects": body() + body(),
    "single quotes": b"{'recipientId': 2}",
    "a comment": b"/* */" + body(),
    "not a number": b'{"recipientId": NaN, "messageContent": "Hello"}',
    "a line end in a string": b'{"recipientId": 2, "messageContent": "a\nb"}',
    "a raw NUL": b'{"recipientId": 2, "messageContent": "a\0b"}',
    "UTF-16": body().decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + body(),
    "invalid UTF-8": b'{"recipientId": 2, "messageContent": "a\xffb"}',
    "Latin-1": '{"recipientId": 2, "messageContent": "é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"recipientId": 2, "messageContent": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"recipientId": 2, "messageContent": "\xed\xa0\x80"}',
    "cut UTF-8": b'{"recipientId": 2, "messageContent": "\xf0\x9f\x9a',
    "invalid UTF-8 in a name": b'{"\xff": 1, "recipientId": 2, "messageContent": "Hello"}',
    "invalid UTF-8 in an unknown field": b'{"x": "\xff", "recipientId": 2, "messageContent": "Hello"}',
    "deep arrays": b"[" * 100_000,
    "deep closed arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "a deep unknown field": b'{"x": '
    + b"[" * 100_000
    + b"]" * 100_000
    + b', "recipientId": 2, "messageContent": "Hello"}',
    "an array": b"[" + body() + b"]",
    "a string": b'"hello"',
    "a number": b"5",
    "true": b"true",
    "null": b"null",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
async def test_a_body_that_is_no_json_object_is_refused(ann: Person, raw: bytes) -> None:
    await is_refused(await ann.post("/messages", raw=raw), "body", ann)
    await is_refused(await ann.put("/messages/1", raw=raw), "body", ann)


@pytest.mark.parametrize(
    "escaped", [r"\ud800", r"\udfff", r"a\ud83db", r"\ude00\ud83d", r"\ud83d\ud83d\ude00", r"\u12", r"\x41"]
)
async def test_half_a_surrogate_pair_is_refused(server: RunningServer, ann: Person, escaped: str) -> None:
    raw = f'{{"recipientId": 2, "messageContent": "{escaped}"}}'.encode()

    refused = await ann.post("/messages", raw=raw)

    assert refused.field in ("body", "messageContent")
    await is_refused(refused, refused.field, ann)
    assert (await ann.get("/messages/user/2")).data == []


async def test_an_unknown_field_is_ignored_whatever_it_holds(ann: Person) -> None:
    odd = {"x": None, "": [], "a": {"b": [1, 2.5, "c"]}, "recipientID": -1, "message_content": "no", "\u0000": "\u0000"}

    assert (await ann.post("/messages", raw=body(**odd))).data["messageContent"] == "Hello"


async def test_a_recipient_is_a_positive_sql_int(ann: Person) -> None:
    for value in (*NO_IDS, None):
        await is_refused(await ann.post("/messages", raw=body(recipientId=value)), "recipientId", ann)


@pytest.mark.parametrize("field", ["postId", "parentMessageId"])
async def test_other_ids_are_positive_sql_ints_too(ann: Person, field: str) -> None:
    for value in NO_IDS:
        await is_refused(await ann.post("/messages", raw=body(**{field: value})), field, ann)


async def test_a_number_with_thousands_of_digits_is_no_id(ann: Person) -> None:
    raw = b'{"recipientId": ' + b"9" * 10_000 + b', "messageContent": "Hello"}'

    refused = await ann.post("/messages", raw=raw)

    assert refused.field in ("body", "recipientId")
    await is_refused(refused, refused.field, ann)


@pytest.mark.parametrize("field", ["messageContent", "messageType", "attachmentUrl"])
async def test_a_text_is_a_string(ann: Person, field: str) -> None:
    for value in (5, 1.5, True, ["Hello"], {"text": "Hello"}):
        await is_refused(await ann.post("/messages", raw=body(**{field: value})), field, ann)


async def test_recipient_and_content_are_required(ann: Person) -> None:
    await is_refused(await ann.post("/messages", {"messageContent": "Hello"}), "recipientId", ann)
    await is_refused(await ann.post("/messages", {"recipientId": 2}), "messageContent", ann)
    await is_refused(await ann.post("/messages", {"recipientId": 2, "messageContent": None}), "messageContent", ann)
    await is_refused(await ann.put("/messages/1", {}), "messageContent", ann)


@pytest.mark.parametrize("field", ["messageContent", "messageType", "attachmentUrl"])
async def test_a_nul_is_refused_wherever_it_stands(ann: Person, field: str) -> None:
    for text in ("\0", "text\0", "https://images.example.com/a\0.jpg"):
        await is_refused(await ann.post("/messages", raw=body(**{field: text})), field, ann)


async def test_an_id_in_a_path_is_a_positive_sql_int(ann: Person) -> None:
    for text in NO_PATH_IDS:
        await is_refused(await ann.get(f"/messages/user/{text}"), "userId", ann)
        await is_refused(await ann.post(f"/messages/conversations/{text}/read"), "userId", ann)
        for method in ("GET", "PUT", "DELETE"):
            await is_refused(await ann.call(method, f"/messages/blocks/{text}"), "userId", ann)
        for method in ("GET", "DELETE"):
            await is_refused(await ann.call(method, f"/messages/conversations/{text}"), "userId", ann)
        await is_refused(await ann.get(f"/messages/conversations/id/{text}"), "conversationId", ann)
        await is_refused(await ann.get(f"/messages/{text}"), "messageId", ann)
        await is_refused(await ann.post(f"/messages/{text}/read"), "messageId", ann)
        await is_refused(await ann.put(f"/messages/{text}", {"messageContent": "New"}), "messageId", ann)
        await is_refused(await ann.delete(f"/messages/{text}"), "messageId", ann)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/messages/user/2?", "postId"),
        ("/messages/user/2?", "before"),
        ("/messages/user/2?", "after"),
        ("/messages/conversations/2?", "postId"),
        ("/messages/search?query=Hello&", "userId"),
    ],
)
async def test_an_id_in_a_query_is_a_positive_sql_int(ann: Person, path: str, field: str) -> None:
    for text in (*NO_NUMBERS, "0", str(2**31)):
        await is_refused(await ann.get(f"{path}{field}={text}"), field, ann)


async def test_the_number_that_a_client_has_reached_counts_from_zero(ann: Person) -> None:
    for text in (*NO_NUMBERS, str(2**31)):
        await is_refused(await ann.get(f"/messages/sync?since={text}"), "since", ann)


@pytest.mark.parametrize("path", LISTS)
async def test_a_limit_is_from_one_to_a_hundred(ann: Person, path: str) -> None:
    for text in (*NO_NUMBERS, "0", "101", str(2**31)):
        await is_refused(await ann.get(f"{path}limit={text}"), "limit", ann)


@pytest.mark.parametrize("path", WITH_OFFSET)
async def test_an_offset_counts_from_zero(ann: Person, path: str) -> None:
    for text in NO_NUMBERS:
        await is_refused(await ann.get(f"{path}offset={text}"), "offset", ann)


@pytest.mark.parametrize("path", LISTS)
async def test_the_ends_of_each_range_are_allowed_and_unknown_names_ignored(ann: Person, path: str) -> None:
    for query in ("limit=1", "limit=100", "offset=0", f"limit=100&offset={2**31 - 1}", "x=%ff&%00=%00", "="):
        assert (await ann.get(f"{path}{query}")).status == 200, query


AWKWARD = {
    "astral": "🚲 𝒳 𠜎",
    "joined": "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽",
    "right to left": "שלום \u202emalicious\u202c السلام عليكم\u200f",
    "combining": "e\u0301 é Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢",
    "byte order mark": "\ufeffHello\ufeff",
    "line separators": "one\u2028two\u2029three\u0085four",
    "white space around": " \t Hello \r\n\n",
    "controls": "".join(map(chr, (*range(1, 32), 127, *range(128, 160)))) + "x",
    "noncharacters": "\ufffe\uffff\U0001ffff\U0010ffff\ufdd0",
    "replacement": "\ufffd?",
    "private use": "\ue000\U000f0000\U00100000",
    "zero width": "\u200b\u200d\u2060",
    "tags": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "markup": "<script>alert('x')</script> &amp; \"quoted\" \\ / \\u0041",
    "SQL": "'; DROP TABLE Messages; -- % _ [a] \\% ''",
    "JSON": '{"type":"message"}',
    "formats": "%s {0} ${x} {{x}} %00 \\0",
    "Greek and Turkish": "ΌΣΟΣ ς ß ẞ İ ı",
}


@pytest.mark.parametrize("content", AWKWARD.values(), ids=AWKWARD)
async def test_a_content_comes_back_unchanged(ann: Person, ben: Person, content: str) -> None:
    at_ben = await ben.connect()

    sent = await ann.write(ben, content)
    escaped = await ann.post("/messages", raw=body(messageContent=content))
    plain = await ann.post(
        "/messages", raw=json.dumps({"recipientId": 2, "messageContent": content}, ensure_ascii=False).encode()
    )
    edited = await ann.put(f"/messages/{sent['messageId']}", {"messageContent": content})

    for answer in (escaped, plain, edited):
        assert answer.data["messageContent"] == content
    assert sent["messageContent"] == content
    for _ in range(4):
        assert (await at_ben.next())["message"]["messageContent"] == content
    assert {message["messageContent"] for message in (await ben.get("/messages/user/1")).data} == {content}
    assert (await ben.get("/messages/conversations")).data[0]["lastMessage"] == content


async def test_every_character_there_is_comes_back_unchanged(ann: Person, ben: Person) -> None:
    everything = "".join(map(chr, (*range(1, 0xD800), *range(0xE000, 0x10000), *range(0x10000, 0x20000))))
    step = 2400

    for start in range(0, len(everything), step * 4):
        part = "x" + everything[start : start + step]
        assert (await ann.write(ben, part))["messageContent"] == part


async def test_a_query_of_a_thousand_names_is_nothing_special(ann: Person) -> None:
    query = "&".join(f"{quote('a[]')}{number}=%ff" for number in range(1000))

    assert (await ann.get(f"/messages/conversations?{query}")).status == 200
