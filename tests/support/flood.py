"""More requests than a server can do: on a timetable, however late the answers are."""

import asyncio
import json
import statistics
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.support.people import LIMIT, Person

TICK = 0.002


@dataclass
class Outcome:
    """What became of the requests; times in seconds, from the moment each was due."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    accepted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    retry_after: set[bytes] = field(default_factory=set)
    """What refusals said, b"" where they said nothing."""
    unsent: int = 0
    """For want of a free connection."""
    broken: int = 0
    """Connections that ended."""

    @property
    def rate(self) -> float:
        """Accepted a second."""
        return len(self.accepted) / self.seconds

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.accepted, n=100, method="inclusive")[percent - 1]

    def __str__(self) -> str:
        times = f"p50 {self.percentile(50):.3f} p99 {self.percentile(99):.3f} max {max(self.accepted):.3f} s"
        slowest = f", refused within {max(self.refused):.3f} s" if self.refused else ""
        lost = f"{self.unsent} unsent, {self.broken} broken"
        return f"{self.rate:.0f}/s accepted, {times}{slowest}, {dict(self.statuses)}, {lost}"


class _Line(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, flood: "Flood") -> None:
        self.flood = flood
        self.due = 0.0
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator or len(body) < int(_header(head, b"Content-Length")):
            return
        self.received = b""
        self.flood.answered(self, int(head[9:12]), head)

    def connection_lost(self, exc: Exception | None) -> None:
        self.flood.lost(self)


def _header(head: bytes, name: bytes) -> bytes:
    return head.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0]


class Flood:
    """Messages from these people, each to the next one, over so many connections."""

    def __init__(self, people: Sequence[Person], connections: int) -> None:
        address = urlsplit(people[0].base_url)
        assert address.hostname is not None
        self._host, self._port = address.hostname, address.port
        self._heads = [
            f"POST /api/v1/messages HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {person.token()}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
            for person in people
        ]
        self._recipients = [person.user_id for person in (*people[1:], people[0])]
        self._connections = connections
        self._idle: deque[_Line] = deque()
        self._lines: set[_Line] = set()
        self._outcome = Outcome()
        self._under_way = 0
        self._sent = 0
        self._again = False

    async def open(self) -> "Flood":
        loop = asyncio.get_running_loop()
        for _ in range(self._connections):
            _, line = await loop.create_connection(lambda: _Line(self), self._host, self._port)
            self._lines.add(line)
        self._idle.extend(self._lines)
        return self

    async def once(self, count: int) -> Outcome:
        """So many at once."""
        self._outcome = Outcome(1.0)
        for _ in range(count):
            self._send(self._idle.popleft(), asyncio.get_running_loop().time())
        return await self._finished()

    async def at_rate(self, rate: float, seconds: float) -> Outcome:
        """So many a second, at even distances; one for which no connection is free is not sent."""
        loop = asyncio.get_running_loop()
        self._outcome = Outcome(seconds)
        begun, due = loop.time(), 0
        while (now := loop.time()) < begun + seconds:
            while due < (now - begun) * rate:
                if self._idle:
                    self._send(self._idle.popleft(), begun + due / rate)
                else:
                    self._outcome.unsent += 1
                due += 1
            await asyncio.sleep(TICK)
        return await self._finished()

    async def saturated(self, seconds: float, at_once: int) -> Outcome:
        """As many as come back at once: what the server can do."""
        self._outcome = Outcome(seconds)
        self._again = True
        for _ in range(at_once):
            self._send(self._idle.popleft(), asyncio.get_running_loop().time())
        await asyncio.sleep(seconds)
        self._again = False
        return await self._finished()

    def close(self) -> None:
        for line in list(self._lines):
            line.transport.abort()

    async def _finished(self) -> Outcome:
        async with asyncio.timeout(LIMIT):
            while self._under_way:  # noqa: ASYNC110
                await asyncio.sleep(TICK)
        return self._outcome

    def _send(self, line: _Line, due: float) -> None:
        sender = self._sent % len(self._heads)
        self._sent += 1
        body = json.dumps({"recipientId": self._recipients[sender], "messageContent": f"number {self._sent}"})
        line.due = due
        self._under_way += 1
        line.transport.write(f"{self._heads[sender]}{len(body)}\r\n\r\n{body}".encode())

    def answered(self, line: _Line, status: int, head: bytes) -> None:
        now = asyncio.get_running_loop().time()
        self._under_way -= 1
        self._outcome.statuses[status] += 1
        if status == 201:
            self._outcome.accepted.append(now - line.due)
        else:
            self._outcome.refused.append(now - line.due)
            self._outcome.retry_after.add(_header(head, b"Retry-After"))
        if self._again:
            self._send(line, now)
        else:
            self._idle.append(line)

    def lost(self, line: _Line) -> None:
        if line in self._lines:
            self._lines.remove(line)
            self._outcome.broken += 1
