"""Several server processes on one port of one machine: who starts them, watches them and ends them.

The parent binds the listening sockets and hands them to its workers, who all accept from one queue: it outlives each
of them, so nobody is refused while one is replaced. A socket pair joins the two: the worker says through it that it
serves, and each notices the other's death by its end.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regoods.core import systemd
from regoods.core.settings import SETTINGS_ERROR

logger = logging.getLogger(__name__)

MOST = 64
OVERSTAYED = 1
"""Exit code where a worker had to be killed."""

DRAIN_SECONDS = 12
"""A worker drains in 10 s, and DRAIN_DELAY before."""

LEAVE = signal.SIGUSR1
"""What a worker is sent whose place another one has: it drains at once, for whoever comes is served."""

PAUSES = (0, 1, 2, 4, 8, 16, 30)
"""Seconds before a worker is started anew, by how many before it had ended soon after their start."""

AGAIN_SECONDS = 1.0
"""Before it is tried again where the system would not start one."""

STEADY_SECONDS = 30
"""Who lived so long had started well."""

KEPT_FROM_WORKERS = (signal.SIGINT, signal.SIGHUP)
"""A terminal sends these to the whole process group; the parent alone heeds them, and ends its workers by SIGTERM."""

SERVES = b"+"

SIGN_SECONDS = 1.0
"""A worker says so often that it still does."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a worker gets from its parent, on its command line: numbers of open files."""

    number: int
    """Which worker it is, from 1."""
    link: int
    inside: int
    """Its own at METRICS_PORT; 0 where there is none."""
    listening: Sequence[int]

    @staticmethod
    def read(numbers: Sequence[int]) -> "Inherited":
        number, link, inside, *listening = numbers
        return Inherited(number, link, inside, listening)

    def sockets(self) -> list[socket.socket]:
        """The listening ones that all share; call once."""
        return _sockets(self.listening)

    def inside_sockets(self) -> list[socket.socket]:
        """The listening one of its own, if there is one; call once."""
        return _sockets([self.inside] if self.inside else [])

    def say_serving(self, orphaned: Callable[[], None]) -> None:
        """Tell the parent, again and again, and be told when it has died without a word; on the loop's thread, once."""
        link = socket.socket(fileno=self.link)
        link.setblocking(False)
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(link)
            link.close()
            logger.warning("the parent process has ended: no new connections, what is in flight is answered")
            orphaned()

        def give_sign() -> None:
            # A parent that does not read for a while has enough to read.
            with contextlib.suppress(OSError):
                link.send(SERVES)
            loop.call_later(SIGN_SECONDS, give_sign)

        try:
            link.send(SERVES)
        except BrokenPipeError:
            ended()
        else:
            loop.add_reader(link, ended)
            loop.call_later(SIGN_SECONDS, give_sign)


class Worker:
    """One child process, as its parent sees it."""

    def __init__(
        self, number: int, program: Path, listening: Sequence[socket.socket], inside: socket.socket | None
    ) -> None:
        self.number = number
        self.serves = False
        self._link, theirs = socket.socketpair()
        self._link.setblocking(False)
        own = 0 if inside is None else inside.fileno()
        inherited = [theirs.fileno(), own, *(one.fileno() for one in listening)]
        # A child begins with its parent's mask: it never sees these two, not even while it imports.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, KEPT_FROM_WORKERS)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                [sys.executable, str(program), "--as-worker", *map(str, [number, *inherited])],
                stdin=subprocess.DEVNULL,
                pass_fds=[one for one in inherited if one],
            )
        except OSError:
            self._link.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        self.started_at = asyncio.get_running_loop().time()
        self.settled = asyncio.Event()
        """Set once it serves or has ended."""
        self._ended = asyncio.ensure_future(self._listen())

    async def ended(self) -> int:
        """Its exit code; that of a signal is negative."""
        return await asyncio.shield(self._ended)

    async def _listen(self) -> int:
        asked_for = systemd.patience_seconds()
        patience = max(asked_for, 3 * SIGN_SECONDS)
        try:
            while await self._hear(patience if self.serves and asked_for else None):
                self.serves = True
                self.settled.set()
        except TimeoutError:
            logger.error("worker %d hangs, for it was silent for %g s: killed", self.number, patience)
            self._process.kill()
        self._link.close()
        self.serves = False
        while (code := self._process.poll()) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self.settled.set()
        return code

    async def _hear(self, seconds: float | None) -> bytes:
        """A sign of life, or nothing at its end. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().sock_recv(self._link, 64)

    async def drain(self, number: signal.Signals, seconds: float) -> bool:
        """End it by this signal; False where it overstayed and was killed. Nothing to one that has ended."""
        self._process.send_signal(number)
        try:
            await asyncio.wait_for(self.ended(), seconds)
        except TimeoutError:
            logger.error("worker %d did not end within %g s: killed", self.number, seconds)
            self._process.kill()
            await self.ended()
            return False
        return True


class Crew:
    """The parent's side: `count` workers on these sockets, from `program`, which still serve for `delay` seconds when
    they are told to end.

    `inside`: a listening socket of each worker's own, or none at all. The parent keeps it: whoever replaces a worker
    gets its socket, too. `announce` is called once, when all serve for the first time.
    """

    def __init__(
        self,
        count: int,
        program: Path,
        listening: Sequence[socket.socket],
        inside: Sequence[socket.socket],
        announce: Callable[[], None],
        delay: float,
    ) -> None:
        self._count = count
        self._delay = delay
        self._program = program
        self._listening = listening
        self._inside = inside
        self._announce = announce
        self._announced = False
        self._places: dict[int, Worker] = {}
        """Who serves now, or is to."""
        self._all: set[Worker] = set()
        """With those who drain or have only been started."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._replace = asyncio.Event()

    async def serve(self) -> int:
        """Until SIGTERM or SIGINT; the exit code. SIGHUP replaces all workers, one after another."""
        loop = asyncio.get_running_loop()
        self._end: asyncio.Future[int] = loop.create_future()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end_with, 0)
        loop.add_signal_handler(signal.SIGHUP, self._replace.set)
        for place in range(1, self._count + 1):
            self._places[place] = self._start(place)
            self._go_on(self._keep(place))
        self._go_on(self._replace_when_told())
        code = await self._end
        if not code:
            say_stopping()
        for task in self._tasks:
            task.cancel()
        for one in (*self._listening, *self._inside):
            one.close()
        seconds = self._delay + DRAIN_SECONDS
        drained = await asyncio.gather(*(worker.drain(signal.SIGTERM, seconds) for worker in self._all))
        if not code:
            say("Stopped.")
        return code or (0 if all(drained) else OVERSTAYED)

    def _end_with(self, code: int) -> None:
        if not self._end.done():
            self._end.set_result(code)

    def _go_on(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._give_up)

    def _give_up(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self._end.done():
            self._end.set_exception(error)

    def _start(self, place: int) -> Worker:
        inside = self._inside[place - 1] if self._inside else None
        worker = Worker(place, self._program, self._listening, inside)
        self._all.add(worker)
        self._go_on(self._forget(worker))
        return worker

    async def _forget(self, worker: Worker) -> None:
        await worker.ended()
        self._all.discard(worker)

    async def _keep(self, place: int) -> None:
        """See that somebody serves there."""
        soon_ended = 0
        while True:
            worker = self._places[place]
            await worker.settled.wait()
            self._announce_once()
            code = await worker.ended()
            if self._places[place] is not worker:
                continue  # it was replaced
            nobody_serves = not any(one.serves for one in self._places.values())
            if code == SETTINGS_ERROR and (nobody_serves or not self._announced):
                return self._end_with(code)
            lived = asyncio.get_running_loop().time() - worker.started_at
            soon_ended = 0 if lived >= STEADY_SECONDS else soon_ended
            pause = PAUSES[min(soon_ended, len(PAUSES) - 1)]
            soon_ended += 1
            logger.error(
                "worker %d ended (%s): another one starts%s", place, _how(code), f" in {pause} s" if pause else ""
            )
            await asyncio.sleep(pause)
            while self._places[place] is worker:
                try:
                    self._places[place] = self._start(place)
                except OSError as error:
                    # As where memory is short: the others go on.
                    logger.error("worker %d cannot be started: %s", place, error.strerror)
                    await asyncio.sleep(AGAIN_SECONDS)

    def _announce_once(self) -> None:
        if not self._announced and all(worker.serves for worker in self._places.values()):
            self._announced = True
            self._announce()

    async def _replace_when_told(self) -> None:
        while True:
            await self._replace.wait()
            self._replace.clear()
            logger.info("replacing the workers, one after another")
            systemd.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
            if await self._replace_all():
                logger.info("all workers are replaced")
            systemd.notify("READY=1")

    async def _replace_all(self) -> bool:
        """False where a new one could not start: then the old ones stay."""
        for place in self._places:
            try:
                new = self._start(place)
            except OSError as error:
                logger.error("worker %d cannot be replaced (%s): the old ones stay", place, error.strerror)
                return False
            await new.settled.wait()
            if not new.serves:
                logger.error("worker %d cannot be replaced (%s): the old ones stay", place, _how(await new.ended()))
                return False
            old, self._places[place] = self._places[place], new
            await old.drain(LEAVE, DRAIN_SECONDS)
        return True


def _sockets(numbers: Sequence[int]) -> list[socket.socket]:
    sockets = [socket.socket(fileno=number) for number in numbers]
    for one in sockets:
        one.setblocking(False)
    return sockets


def say_stopping() -> None:
    systemd.notify("STOPPING=1", "STATUS=Draining.")
    say("Stopping: no new sockets, what is in flight is answered.")


def say(line: str) -> None:
    """Print a line of a server that runs already: whoever has closed our stdout is no reason to end."""
    try:
        print(line, flush=True)
    except OSError:
        print_nowhere()


def print_nowhere() -> None:
    """From now on, and what could not be written: at the end of the process it is tried again, whose exit code would be
    120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"  # most of the real-time ones have no name
