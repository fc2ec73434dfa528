"""The load: sockets that are opened little by little, then messages on a timetable, whatever the server does.

Times count from the moment at which a message was due, so that a server that stops cannot hide it: what waits for a
free line is late by that, too.
"""

import asyncio
import time
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from regoods.commands.bench.allowance import LINES, Allowance
from regoods.commands.bench.latencies import Latencies
from regoods.commands.bench.lines import CREATED, Line, head
from regoods.commands.bench.processes import Processes
from regoods.commands.bench.sockets import TEXT_WORDS, Socket, handshake
from regoods.commands.running import Address

AT_ONCE = 64
"""Handshakes under way."""
HANDSHAKE_SECONDS = 15.0
MOST_FAILURES = 100
"""Sockets that did not open, after which no more are tried."""
SETTLE_SECONDS = 10.0
"""For what is late when the timetable is over, and for sockets to close."""
LOOK_SECONDS = 0.05
"""How often it is looked whether something is over that ends by itself."""


@dataclass(slots=True)
class Outcome:
    """What was measured. Shares are of one core."""

    opened: int = 0
    open_seconds: float = 0.0
    memory_per_socket: float | None = None
    """Bytes of the server's, of each socket that was opened; None where it cannot be seen."""
    due: int = 0
    """Messages of the timetable whose time came."""
    sent: int = 0
    accepted: int = 0
    send_seconds: float = 0.0
    """From the first message's time to the last answer, and as long as the timetable at least."""
    sending: Latencies = field(default_factory=Latencies)
    delivery: Latencies = field(default_factory=Latencies)
    expected: int = 0
    """Frames: of each message that was accepted, one for each socket of its recipient."""
    twice: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    late: Latencies = field(default_factory=Latencies)
    """How late the generator itself came to its timetable."""
    generator_share: float = 0.0
    server_share: float | None = None

    @property
    def lost(self) -> int:
        return max(0, self.expected - self.delivery.count)

    @property
    def rate(self) -> float:
        """Messages accepted a second."""
        return self.accepted / self.send_seconds if self.send_seconds else 0.0

    @property
    def is_clean(self) -> bool:
        """Whether all came, each once, and nothing went wrong on the way."""
        return not (self.lost or self.twice or self.errors or self.sent < self.due)


class Load:
    """One run, and how far it has come."""

    def __init__(
        self, server: Address, processes: Processes, tokens: Sequence[str], allowed: Allowance, seconds: int
    ) -> None:
        """`processes`: the server's. `tokens`: of the users 1, 2, …"""
        self.outcome = Outcome()
        self.stopping = False
        """Set by whoever wants it to end early."""
        self.allowed = allowed
        self.total = allowed.rate * seconds
        self.waited = 0.0
        self._server = server
        self._tls = server.tls()
        self._seconds = seconds
        self._processes = processes
        self._handshakes = [handshake(server.netloc, token) for token in tokens]
        self._heads = [head(server.netloc, token) for token in tokens]
        self._sockets: set[Socket] = set()
        self._open_of = [0] * len(tokens)
        """Sockets of each user, by his place, when all were open."""
        self._frames_of = array("H", bytes(2 * (self.total + 1)))
        """How many frames of each message came, by its number."""
        self._lines: set[Line] = set()
        self._idle: deque[Line] = deque()
        self._waiting: deque[int] = deque()
        """Messages that are due, for which no line is free."""
        self._under_way = 0
        self._begun = 0.0
        self._last_answer = 0.0
        self._now: Callable[[], float] = time.monotonic

    async def run(self) -> None:
        """All of it; what was opened is closed at the end, however it ends."""
        self._now = asyncio.get_running_loop().time
        try:
            await self._open()
            if self._sockets and not self.stopping:
                await self._pause(self.allowed.wait)
                await self._send()
        finally:
            await self._close()

    # Sockets

    async def _open(self) -> None:
        before = self._resident()
        begun = self._now()
        places = iter(number % len(self._handshakes) for number in range(self.allowed.sockets))
        await asyncio.gather(*(self._open_some(places) for _ in range(AT_ONCE)))
        self.outcome.open_seconds = self._now() - begun
        for socket in self._sockets:
            self._open_of[socket.place] += 1
        after = self._resident()
        if before and after and self.outcome.opened:
            self.outcome.memory_per_socket = max(0, after - before) / self.outcome.opened

    async def _open_some(self, places: Iterator[int]) -> None:
        for place in places:
            if self.stopping or self.outcome.errors.total() >= MOST_FAILURES:
                return
            why = await self._open_one(place)
            if why:
                self.outcome.errors[why] += 1
            else:
                self.outcome.opened += 1

    async def _open_one(self, place: int) -> str:
        """Why it did not open; nothing where it did."""
        loop = asyncio.get_running_loop()
        socket: Socket | None = None
        try:
            async with asyncio.timeout(HANDSHAKE_SECONDS):
                _, socket = await loop.create_connection(
                    lambda: Socket(self, place, self._handshakes[place]),
                    self._server.host,
                    self._server.port,
                    ssl=self._tls,
                )
                why = await asyncio.shield(socket.opened)
        except TimeoutError:
            if socket is not None:
                socket.cut()
            return "handshake without an answer"
        except OSError as error:
            return f"no connection: {error.strerror or error}"
        if not why:
            self._sockets.add(socket)
        return why

    def heard(self, number: int, again: bool) -> None:
        if not again and not 1 <= number <= self.total:
            return
        # What comes again may have another `seq`, and must not stand for one that was lost.
        if again or self._frames_of[number] == self._open_of[self._recipient(number)]:
            self.outcome.twice += 1
        else:
            self._frames_of[number] += 1
            self.outcome.delivery.add(self._now() - self._due(number))

    def ended(self, socket: Socket, why: str) -> None:
        self._sockets.discard(socket)
        self.outcome.errors[why] += 1

    # Messages

    def _due(self, number: int) -> float:
        return self._begun + (number - 1) / self.allowed.rate

    async def _send(self) -> None:
        await self._dial_lines()
        used, server_used = time.process_time(), self._used()
        self._begun = self._last_answer = self._now()
        await self._keep_timetable()
        await self._until(self._is_answered)
        outcome = self.outcome
        # Without a line the server has gone, and its sockets are about to end, too.
        await self._until(
            lambda: not self._sockets or (bool(self._lines) and outcome.delivery.count >= outcome.expected)
        )
        lasted = self._now() - self._begun
        outcome.send_seconds = max(outcome.due / self.allowed.rate, self._last_answer - self._begun)
        outcome.generator_share = (time.process_time() - used) / lasted
        if server_used is not None and (now_used := self._used()) is not None:
            outcome.server_share = (now_used - server_used) / lasted
        if unanswered := self._under_way:
            outcome.errors["message without an answer"] += unanswered

    async def _dial_lines(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(min(LINES, self.total)):
            try:
                _, line = await loop.create_connection(
                    lambda: Line(self._answered, self._lost),
                    self._server.host,
                    self._server.port,
                    ssl=self._tls,
                )
            except OSError as error:
                self.outcome.errors[f"no connection: {error.strerror or error}"] += 1
                continue
            self._lines.add(line)
            self._idle.append(line)

    async def _keep_timetable(self) -> None:
        outcome = self.outcome
        while outcome.due < self.total and self._lines and not self.stopping:
            now = self._now()
            if now >= self._due(outcome.due + 1):
                outcome.late.add(now - self._due(outcome.due + 1))
            while outcome.due < self.total and now >= self._due(outcome.due + 1):
                outcome.due += 1
                if self._idle:
                    self._hand_over(self._idle.popleft(), outcome.due)
                else:
                    self._waiting.append(outcome.due)
            await asyncio.sleep(min(LOOK_SECONDS, max(0.0, self._due(outcome.due + 1) - self._now())))

    def _hand_over(self, line: Line, number: int) -> None:
        sender = number % len(self._heads)
        body = b'{"recipientId":%d,"messageContent":"%s%d"}' % (
            self._recipient(number) + 1,
            TEXT_WORDS.encode(),
            number,
        )
        self.outcome.sent += 1
        self._under_way += 1
        line.send(number, b"%b%d\r\n\r\n%b" % (self._heads[sender], len(body), body))

    def _recipient(self, number: int) -> int:
        """The place of who gets it: each user writes to the next one."""
        return (number + 1) % len(self._heads)

    def _answered(self, line: Line, number: int, status: int) -> None:
        outcome = self.outcome
        self._last_answer = self._now()
        self._under_way -= 1
        if status == CREATED:
            outcome.accepted += 1
            outcome.sending.add(self._last_answer - self._due(number))
            outcome.expected += self._open_of[self._recipient(number)]
        else:
            outcome.errors[f"message refused: {status}"] += 1
        if self._waiting and not self.stopping:
            self._hand_over(line, self._waiting.popleft())
        else:
            self._idle.append(line)

    def _lost(self, line: Line, number: int) -> None:
        """Closed by the server, with or without a message under way."""
        if line not in self._lines:
            return
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        if number:
            self._under_way -= 1
            self.outcome.errors["message without an answer"] += 1

    def _is_answered(self) -> bool:
        """Whether nothing more will be."""
        return not self._lines or (not self._under_way and (self.stopping or not self._waiting))

    # The end

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Or until that takes too long."""
        ends = self._now() + SETTLE_SECONDS
        while not holds() and self._now() < ends:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)

    async def _pause(self, seconds: float) -> None:
        begun = self._now()
        while not self.stopping and self.waited < seconds:
            await asyncio.sleep(LOOK_SECONDS)
            self.waited = self._now() - begun

    async def _close(self) -> None:
        lines, self._lines = self._lines, set()
        for line in lines:
            line.close()
        sockets = list(self._sockets)
        for socket in sockets:
            socket.leave()
        if sockets:
            _, still = await asyncio.wait([socket.gone for socket in sockets], timeout=SETTLE_SECONDS)
            if still:
                for socket in sockets:
                    socket.cut()

    def _resident(self) -> int | None:
        """What the server holds; None where its processes cannot be seen, or are gone."""
        try:
            return self._processes.resident_bytes() if self._processes else None
        except OSError:
            return None

    def _used(self) -> float | None:
        try:
            return self._processes.processor_seconds() if self._processes else None
        except OSError:
            return None
