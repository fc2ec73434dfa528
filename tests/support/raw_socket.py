"""A WebSocket client without manners (RFC 6455): each byte of its handshake and frames is the test's choice."""

import asyncio
import json
import socket as tcp
import ssl
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from tornado.httputil import HTTPHeaders

from tests.support.people import LIMIT, Answer, Person

T = TypeVar("T")

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x37\xfa\x21\x3d"
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The sample of RFC 6455, section 1.3, and its answer."""


@dataclass(frozen=True)
class Frame:
    opcode: int
    payload: bytes = b""
    final: bool = True


def frame(
    opcode: int,
    payload: bytes | str = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    announced: int | None = None,
) -> bytes:
    """A frame as a client sends it. `reserved` are the bits RSV1–3, `announced` is a length that need not be true."""
    payload = payload.encode() if isinstance(payload, str) else payload
    length = len(payload) if announced is None else announced
    head = bytes([final << 7 | reserved << 4 | opcode])
    mask_bit = masked << 7
    if length < 126:
        head += bytes([mask_bit | length])
    elif length < 2**16:
        head += struct.pack("!BH", mask_bit | 126, length)
    else:
        head += struct.pack("!BQ", mask_bit | 127, length)
    return head + MASK + mask(payload) if masked else head + payload


def mask(payload: bytes) -> bytes:
    key = (MASK * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(len(payload), "big")


def text(event: Any) -> bytes:
    """A text frame with JSON."""
    return frame(TEXT, json.dumps(event))


def closing(code: int | None = None, reason: str = "") -> bytes:
    """A close frame; without a code an empty one."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason.encode())


class RawSocket:
    """A TCP connection after the server has answered the handshake: 101, or a status before the upgrade."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
        self.reader = reader
        self.writer = writer
        self.answer = answer

    async def send(self, *frames: bytes) -> None:
        """All in one segment, if they fit."""
        self.writer.write(b"".join(frames))
        await asyncio.wait_for(self.writer.drain(), LIMIT)

    async def next(self) -> Frame:
        """The next frame, whatever it is. The server's frames are never masked and have no reserved bits set."""
        first, second = await self._read(2)
        assert not first & 0x70
        assert not second & 0x80
        length = second
        if length == 126:
            (length,) = struct.unpack("!H", await self._read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._read(8))
        return Frame(first & 0xF, await self._read(length), bool(first & 0x80))

    async def next_but_pings(self) -> Frame:
        """The next frame but the heartbeat's pings, which may come at any moment."""
        while (received := await self.next()).opcode == PING:
            pass
        return received

    async def until(self, opcode: int) -> Frame:
        """The next frame of an opcode; those before it are dropped."""
        while True:
            received = await self.next()
            if received.opcode == opcode:
                return received

    async def event(self) -> Any:
        """The next event but `presence`, without its number; protocol pings before it are not answered."""
        event = {"type": "presence"}
        while event["type"] == "presence":
            received = await self.next_but_pings()
            assert received.opcode == TEXT, received
            event = json.loads(received.payload)
        event.pop("seq", None)
        return event

    async def quiet(self) -> list[Any]:
        """Everything that was on its way: events up to the answer to a ping sent now."""
        await self.send(text({"type": "ping"}))
        events: list[Any] = []
        while (event := await self.event())["type"] != "pong":
            events.append(event)
        return events

    async def closed(self) -> tuple[int | None, str]:
        """Code and reason of the server's close frame; (None, "") where it has none."""
        return parse_close((await self.until(CLOSE)).payload)

    async def ended(self) -> bytes:
        """What still came until the server closed the TCP connection."""
        return await asyncio.wait_for(self.reader.read(), LIMIT)

    def close(self) -> None:
        """Gone, without a close frame."""
        self.writer.close()

    async def _read(self, size: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(size), LIMIT)


def parse_close(payload: bytes) -> tuple[int | None, str]:
    if not payload:
        return None, ""
    (code,) = struct.unpack("!H", payload[:2])
    return code, payload[2:].decode()


async def dial_raw(
    person: Person,
    token: str | bytes | None = None,
    *,
    path: str = "/messages",
    method: str = "GET",
    upgrade: bool = True,
    headers: dict[str, str] | None = None,
    early: bytes = b"",
    receive_buffer: int | None = None,
) -> RawSocket:
    """Shake hands. `token=""` sends `token=`, `b""` no query at all; `early` follows in the same segment."""
    token = person.token() if token is None else token
    query = "" if token == b"" else f"?token={quote(token, safe='')}"
    address = urlsplit(person.base_url)
    assert address.hostname is not None
    sent = {"Host": address.netloc} | (headers or {})
    if upgrade:
        sent = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY} | sent
        sent = {"Sec-WebSocket-Version": "13"} | sent
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    wire = tcp.socket()
    wire.setblocking(False)
    if receive_buffer is not None:
        wire.setsockopt(tcp.SOL_SOCKET, tcp.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(wire, (address.hostname, address.port))
    unverified = ssl._create_unverified_context() if address.scheme == "https" else None
    named = address.hostname if unverified else None
    reader, writer = await asyncio.open_connection(sock=wire, ssl=unverified, server_hostname=named)
    writer.write(f"{method} {path}{query} HTTP/1.1\r\n{lines}\r\n".encode() + early)
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)).decode()
    first, _, rest = head.partition("\r\n")
    received = HTTPHeaders.parse(rest)
    body = await asyncio.wait_for(reader.readexactly(int(received.get("Content-Length", "0"))), LIMIT)
    raw = RawSocket(reader, writer, Answer(int(first.split()[1]), received, body))
    person.sockets.append(raw)  # type: ignore[arg-type]  # closed with the person's others
    return raw


async def connect_raw(person: Person, **options: Any) -> RawSocket:
    """Open a socket and wait until it is registered."""
    raw = await dial_raw(person, **options)
    assert raw.answer.status == 101, raw.answer.raw
    greeting = await raw.event()
    assert (greeting["type"], greeting["userId"]) == ("connected", person.user_id)
    return raw


async def eventually(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again and again until the answer is true, for what no event tells; the answer."""
    deadline = time.monotonic() + LIMIT
    while not (answer := await ask()):
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.02)
    return answer
