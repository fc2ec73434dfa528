"""A crowd that writes: each of its senders one message after another on a connection of his own, all at once.

Person's client takes ten calls at a time and looks at each answer from all sides; here thousands are under way.
"""

import asyncio
import itertools
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.support.people import LIMIT, Person
from tests.support.process import ServerProcess

DIALLED_AT_ONCE = 100
"""Fewer than a listening socket's backlog: else some would wait a second for their second SYN."""

RECIPIENTS = (1, 2, 3, 4, 5)
FIRST_SENDER = 11

LOST = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)
"""How a connection ends whose server is killed."""


def recipient_of(sender: int) -> int:
    return RECIPIENTS[sender % len(RECIPIENTS)]


class Line:
    """One HTTP connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader = reader
        self._writer = writer
        self._token = token

    @classmethod
    async def dial(cls, person: Person) -> "Line":
        address = urlsplit(person.base_url)
        return cls(*await asyncio.open_connection(address.hostname, address.port), person.token())

    def ask(self, recipient: int, text: str) -> None:
        """Put a message on its way; several may be, and are answered in their order."""
        body = json.dumps({"recipientId": recipient, "messageContent": text}).encode()
        self._writer.write(
            b"POST /api/v1/messages HTTP/1.1\r\nHost: regoods\r\nContent-Type: application/json\r\n"
            b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b" % (self._token.encode(), len(body), body)
        )

    def look(self) -> None:
        """Put a read on its way, which no writer has a hand in."""
        self._writer.write(
            b"GET /api/v1/messages/unread-count HTTP/1.1\r\nHost: regoods\r\n"
            b"Authorization: Bearer %b\r\n\r\n" % self._token.encode()
        )

    async def answer(self) -> tuple[int, str | None, Any]:
        """Status, Retry-After and body."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"^Content-Length: (\d+)\r$", head, re.MULTILINE)
        assert length is not None, head
        body = json.loads(await self._reader.readexactly(int(length[1])))
        wait = re.search(r"^Retry-After: (\S+)\r$", head, re.MULTILINE)
        return int(head.split(" ", 2)[1]), wait and wait[1], body

    def close(self) -> None:
        self._writer.close()


class Crowd:
    """Senders, each of whom writes to one of RECIPIENTS: "17 wrote 1", "17 wrote 2", …; each text is used once.

    `padding`: characters behind each. `pause`: seconds that a sender waits after a refusal.
    """

    def __init__(self, count: int, *, padding: int = 0, pause: float = 0.1) -> None:
        self._senders = range(FIRST_SENDER, FIRST_SENDER + count)
        self._padding = "." * padding
        self._pause = pause
        self._numbers = {sender: itertools.count(1) for sender in self._senders}
        self.acknowledged: dict[int, str] = {}
        """What was answered 201: the message's id, and its text."""
        self.refused: list[str] = []
        """What was answered 503."""
        self.unanswered: list[str] = []
        """What was under way when the connection broke; nobody can say if it was stored."""
        self.slowest = 0.0
        """Seconds of the answer that took longest."""
        self._lines: dict[int, Line] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()
        self._stopping = False

    async def begin(self, *processes: ServerProcess) -> "Crowd":
        """All dial, each the next of these servers; then all begin at once."""
        self._stopping = False
        dialling = [
            (sender, processes[place % len(processes)].person(sender)) for place, sender in enumerate(self._senders)
        ]
        lines: dict[int, Line] = {}
        for start in range(0, len(dialling), DIALLED_AT_ONCE):
            some = dialling[start : start + DIALLED_AT_ONCE]
            made = await asyncio.gather(*(Line.dial(person) for _, person in some))
            lines |= dict(zip((sender for sender, _ in some), made, strict=True))
        self._tasks = [asyncio.ensure_future(self._write(sender, line)) for sender, line in lines.items()]
        return self

    async def until(self, holds: Callable[[], bool], limit: float = LIMIT) -> None:
        """Wait until this holds, which is looked at after each answer."""
        async with asyncio.timeout(limit):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def until_acknowledged(self, more: int, limit: float = LIMIT) -> None:
        """Wait for so many more answers of 201."""
        enough = len(self.acknowledged) + more
        await self.until(lambda: len(self.acknowledged) >= enough, limit)

    async def until_each_acknowledged(self) -> None:
        """Wait until each sender has had one more answer of 201."""
        before = len(self.acknowledged)

        def since() -> set[str]:
            texts = itertools.islice(self.acknowledged.values(), before, None)
            return {text.partition(" ")[0] for text in texts}

        await self.until(lambda: len(since()) == len(self._senders))

    async def until_refused(self, more: int, limit: float = LIMIT) -> None:
        enough = len(self.refused) + more
        await self.until(lambda: len(self.refused) >= enough, limit)

    async def end(self, limit: float = 3 * LIMIT) -> None:
        """Each sender waits for his last answer, or for the end of his connection."""
        self._stopping = True
        await asyncio.wait_for(asyncio.gather(*self._tasks), limit)

    async def _write(self, sender: int, line: Line) -> None:
        try:
            while not self._stopping:
                text = f"{sender} wrote {next(self._numbers[sender])}"
                asked = time.monotonic()
                try:
                    line.ask(recipient_of(sender), text + self._padding)
                    status, wait, body = await line.answer()
                except LOST:
                    self.unanswered.append(text)
                    return
                self.slowest = max(self.slowest, time.monotonic() - asked)
                self._note(text, status, wait, body)
                if status != 201:
                    await asyncio.sleep(self._pause)
        finally:
            line.close()
            self._changed.set()

    def _note(self, text: str, status: int, wait: str | None, body: Any) -> None:
        if status == 201:
            assert body["data"]["messageId"] not in self.acknowledged, body
            self.acknowledged[body["data"]["messageId"]] = text
        else:
            assert (status, body["error"]["code"]) == (503, "SERVICE_UNAVAILABLE"), body
            assert wait is not None
            assert 1 <= int(wait) <= 30
            self.refused.append(text)
        self._changed.set()
