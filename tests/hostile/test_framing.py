"""Requests that two servers may read differently: one is refused, and what follows it is nobody's second request.

RFC 9112, sections 2.2, 3.2, 5.1, 6.1, 6.3 and 7.1. Which of them are Tornado's own refusals is said in
`core/framing.py`; all are tried, for another version of it may let other things through.
"""

import itertools
import logging
import re

import pytest

from regoods.core.framing import END_OF_HEAD
from tests.support.line import line
from tests.support.people import Person
from tests.support.server import RunningServer

CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def post(headers: bytes, body: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    return b"POST /health " + version + b"\r\nHost: x\r\n" + headers + b"\r\n" + body


def get(headers: bytes = b"Host: x\r\n", target: bytes = b"/health", line: bytes = b"GET %b HTTP/1.1\r\n") -> bytes:
    return (line % target if b"%b" in line else line) + headers + b"\r\n"


REFUSED = {
    # Lengths
    "the same length twice": post(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"{}"),
    "the same length in a list": post(b"Content-Length: 2, 2\r\n", b"{}"),
    "two lengths": post(b"Content-Length: 2\r\nContent-Length: 36\r\n", b"{}"),
    "two lengths in a list": post(b"Content-Length: 2,36\r\n", b"{}"),
    "two lengths, in another case": post(b"content-length: 2\r\nCONTENT-LENGTH: 2\r\n", b"{}"),
    "a length with a sign": post(b"Content-Length: +2\r\n", b"{}"),
    "a negative length": post(b"Content-Length: -2\r\n", b"{}"),
    "a length in hex": post(b"Content-Length: 0x2\r\n", b"{}"),
    "a length with a blank": post(b"Content-Length: 2 2\r\n", b"{}"),
    "a length with an underscore": post(b"Content-Length: 1_0\r\n", b"{}" * 5),
    "an empty length": post(b"Content-Length:\r\n"),
    "a length of another script": post(b"Content-Length: \xb2\r\n", b"{}"),
    "a length behind a blank of another script": post(b"Content-Length: \xa02\r\n", b"{}"),
    "a length before a colon with a blank": post(b"Content-Length : 2\r\n", b"{}"),
    # Codings
    "a length and a coding": post(b"Content-Length: 5\r\n" + CHUNKED, b"0\r\n\r\n"),
    "a coding and a length": post(CHUNKED + b"Content-Length: 5\r\n", b"0\r\n\r\n"),
    "a coding and no length": post(CHUNKED + b"Content-Length: 0\r\n", b"0\r\n\r\n"),
    "chunked twice": post(CHUNKED + CHUNKED, b"0\r\n\r\n"),
    "chunked twice in a list": post(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
    "a coding before chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "identity": post(b"Transfer-Encoding: identity\r\n"),
    "an unknown coding": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "chunked in quotes": post(b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n"),
    "chunked with a parameter": post(b"Transfer-Encoding: chunked;q=1\r\n", b"0\r\n\r\n"),
    "chunked behind a vertical tab": post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "chunked on a folded line": post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
    "an empty coding": post(b"Transfer-Encoding:\r\n"),
    "a coding before a colon with a blank": post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
    "a coding in HTTP/1.0": post(b"Connection: keep-alive\r\n" + CHUNKED, b"0\r\n\r\n", b"HTTP/1.0"),
    # Chunks
    "a negative chunk": post(CHUNKED, b"-1\r\n\r\n0\r\n\r\n"),
    "a chunk with a prefix": post(CHUNKED, b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk with a sign": post(CHUNKED, b"+2\r\n{}\r\n0\r\n\r\n"),
    "a chunk with an underscore": post(CHUNKED, b"0_2\r\n{}\r\n0\r\n\r\n"),
    "a chunk before a blank": post(CHUNKED, b"2 \r\n{}\r\n0\r\n\r\n"),
    "a chunk behind a blank": post(CHUNKED, b" 2\r\n{}\r\n0\r\n\r\n"),
    "a chunk without a size": post(CHUNKED, b"\r\n{}\r\n0\r\n\r\n"),
    "a chunk with an extension": post(CHUNKED, b"2;a=b\r\n{}\r\n0\r\n\r\n"),
    "an extension that hides a line end": post(CHUNKED, b"2;\n{}\r\n0\r\n\r\n"),
    "a chunk larger than memory": post(CHUNKED, b"FFFFFFFFFFFFFFFFF\r\n{}"),
    "a chunk's size on a line of its own kind": post(CHUNKED, b"2\n{}\n0\n\n"),
    "a chunk that goes on": post(CHUNKED, b"1\r\n{}\r\n0\r\n\r\n"),
    "a chunk that ends otherwise": post(CHUNKED, b"2\r\n{}XX0\r\n\r\n"),
    "a trailer": post(CHUNKED, b"0\r\nX: y\r\n\r\n"),
    "a length in a trailer": post(CHUNKED, b"0\r\nContent-Length: 36\r\n\r\n"),
    # Lines
    "all lines end in LF": b"GET /health HTTP/1.1\nHost: x\n\n",
    "one line ends in LF": get(b"Host: x\nX: y\r\n"),
    "the empty line ends in LF": b"GET /health HTTP/1.1\r\nHost: x\r\n\n",
    "a header hidden behind LF": post(b"X: a\nContent-Length: 2\r\n", b"{}"),
    "a header hidden behind CR": get(b"Host: x\r\nX: a\rY: b\r\n"),
    "a line ends in CR": b"GET /health HTTP/1.1\rHost: x\r\n\r\n",
    "a line ends in two CRs": b"GET /health HTTP/1.1\r\r\nHost: x\r\n\r\n",
    "an LF before the request": b"\n" + SMUGGLED,
    "a CR before the request": b"\r" + SMUGGLED,
    "a blank before the request": b" " + SMUGGLED,
    "a folded line": get(b"Host: x\r\nX: a\r\n b\r\n"),
    "a fold before the headers": get(b" X: y\r\nHost: x\r\n"),
    "two blanks": get(line=b"GET  /health HTTP/1.1\r\n"),
    "tabs": get(line=b"GET\t/health\tHTTP/1.1\r\n"),
    "a blank behind the version": get(line=b"GET /health HTTP/1.1 \r\n"),
    "HTTP/0.9": b"GET /health\r\n\r\n",
    "HTTP/2.0": get(line=b"GET /health HTTP/2.0\r\n"),
    "HTTP/2 by prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a version in small letters": get(line=b"GET /health http/1.1\r\n"),
    # Names and values
    "a name with a blank": get(b"Host: x\r\nX Y: a\r\n"),
    "a name before a blank": get(b"Host: x\r\nX : a\r\n"),
    "no name": get(b"Host: x\r\n: a\r\n"),
    "a name of another script": get(b"Host: x\r\n\xc3\xa9: a\r\n"),
    "hundreds of headers": get(b"Host: x\r\n" + b"X: a\r\n" * 250),
    "no colon": get(b"Host: x\r\nX\r\n"),
    "a NUL in a name": get(b"Host: x\r\nX\0: a\r\n"),
    "a NUL in a value": get(b"Host: x\r\nX: a\0b\r\n"),
    "a NUL in a path": get(target=b"/hea\0lth"),
    "a NUL in a method": get(line=b"G\0ET /health HTTP/1.1\r\n"),
    "an escape in a value": get(b"Host: x\r\nX: \x1b[31m\r\n"),
    "an escape in a path": get(target=b"/\x1b[31m"),
    # Hosts
    "no host": get(b""),
    "two hosts": get(b"Host: x\r\nHost: y\r\n"),
    "the same host twice": get(b"Host: x\r\nHost: x\r\n"),
    "two hosts in a list": get(b"Host: x,y\r\n"),
    "a host with a blank": get(b"Host: x y\r\n"),
    "a host with a path": get(b"Host: x/y\r\n"),
    "a host with a user": get(b"Host: a@x\r\n"),
    "a host with markup": get(b'Host: x"><b\r\n'),
}

NOT_FOUND = {
    "an absolute target": b"http://x/health",
    "an absolute target elsewhere": b"http://evil.example/health",
    "an authority": b"x:443",
    "an asterisk": b"*",
    "no slash": b"health",
    "two slashes": b"//evil.example/health",
    "a fragment": b"/health#x",
    "a way up": b"/debug/../health",
    "a way up, encoded": b"/debug/%2e%2e/health",
    "a backslash": b"/\\evil.example",
    "line ends, encoded": b"/%0d%0aSet-Cookie:%20a=b",
    "C1 controls": b"/\x9b31m\x85",
}


@pytest.mark.parametrize("request_bytes", REFUSED.values(), ids=REFUSED)
async def test_what_may_be_read_in_two_ways_ends_the_connection(
    server: RunningServer, ann: Person, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with line(server) as wire:
        await wire.say(request_bytes + SMUGGLED)
        reply = await wire.ended()

    assert reply == b"" or (reply.startswith(b"HTTP/1.1 400 ") and reply.count(b"HTTP/1.1") == 1), reply
    assert (await ann.get("/messages/unread-count")).status == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("target", NOT_FOUND.values(), ids=NOT_FOUND)
async def test_a_target_that_is_no_path_of_ours_is_not_found(server: RunningServer, target: bytes) -> None:
    async with line(server) as wire:
        await wire.say(get(target=target) + SMUGGLED)
        refused = await wire.answer()

        assert (refused.status, refused.error["code"]) == (404, "RESOURCE_NOT_FOUND")
        assert {"Location", "Set-Cookie"}.isdisjoint(refused.headers)
        assert (await wire.answer()).status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /health HTTP/1.0\r\n\r\n",
        get(b"Host: \r\n"),
        b"\r\n" + SMUGGLED,
        get(b"Host: x\r\nX: \xc3\xa9\xff\r\n"),
        get(b"Host: x\r\nX:\r\nX:  a\t\r\n"),
        get(b"Host: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
        get(b"Host: x\r\nX-HTTP-Method-Override: DELETE\r\nX-Original-URL: /debug\r\n"),
        get(b"Host: x\r\nContent-Length: %d\r\n" % len(SMUGGLED)) + SMUGGLED,
        get(b"Host: x\r\nTransfer-Encoding: CHUNKED\r\n") + b"2\r\n{}\r\n0\r\n\r\n",
        get(b"Host: x\r\n" + CHUNKED) + b"00000002\r\n{}\r\n000\r\n\r\n",
        get(b"Host: x\r\nConnection: close, transfer-encoding\r\n" + CHUNKED) + b"0\r\n\r\n",
    ],
    ids=lambda request_bytes: request_bytes[:90].decode("latin-1"),
)
async def test_what_can_be_read_in_one_way_only_is_read_so(server: RunningServer, request_bytes: bytes) -> None:
    async with line(server) as wire:
        await wire.say(request_bytes)
        assert (await wire.answer()).body["status"] == "ok"


async def test_a_refusal_of_what_is_no_http_is_an_envelope_like_all_others(server: RunningServer) -> None:
    async with line(server) as wire:
        await wire.say(b"rubbish\r\n\r\n")
        refused = await wire.answer()

        assert (refused.status, refused.error["code"]) == (400, "BAD_REQUEST")
        assert refused.headers["Connection"] == "close"
        assert await wire.ended() == b""


def test_a_head_ends_where_tornado_lets_it_end() -> None:
    tornados = re.compile(rb"\r?\n\r?\n")  # http1connection.py
    ours = re.compile(END_OF_HEAD)
    for length in range(8):
        for characters in itertools.product(b"\r\nx", repeat=length):
            theirs, mine = tornados.search(bytes(characters)), ours.search(bytes(characters))
            assert (theirs and theirs.end()) == (mine and mine.end()), characters
