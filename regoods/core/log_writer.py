"""Lines on their way to stderr: a bounded buffer, and the thread that writes what is in it.

Whoever says something never waits for whoever reads: where a terminal, a pipe or a disk stands still, lines are dropped
and counted.
"""

import logging
import os
import select
import threading
from collections import deque

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.05
"""How long lines are gathered: at 1,000 lines a second 50 are one write, and the thread wakes 20 times."""

MOST_LINES = 10_000
"""That wait to be written, some 2 MB: ten seconds of a busy server."""


class LogWriter:
    """Writes whole lines to an open file, those of several processes unmixed."""

    def __init__(self, descriptor: int, most: int = MOST_LINES) -> None:
        self.dropped = 0
        """Lines that were not written: nobody read those before them, or the file could not be written to."""
        self._descriptor = descriptor
        self._most = most
        self._lines: deque[bytes] = deque()
        self._too_many = 0
        self._told = 0
        self._counting = threading.Lock()
        self._filled = threading.Event()
        self._urgent = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def put(self, line: bytes, *, urgent: bool = False) -> None:
        """From any thread. `line` ends in a newline; an urgent one is written at once, with those before it."""
        if len(self._lines) >= self._most:
            with self._counting:
                self.dropped += 1
                self._too_many += 1
            return
        self._lines.append(line)
        if urgent:
            self._urgent.set()
        if not self._filled.is_set():
            self._filled.set()

    def stop(self, seconds: float) -> None:
        """Write what waits; at most so long, for one who reads nothing must not hold an exit. May be called twice."""
        self._ending = True
        self._urgent.set()
        self._filled.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._ending:
            self._filled.wait()
            self._urgent.wait(PAUSE_SECONDS)
            self._filled.clear()
            self._urgent.clear()
            self._write_all()
            if self._told != self._too_many:
                count, self._told = self._too_many - self._told, self._too_many
                logger.warning("%d log lines were dropped: stderr is not read as fast as they come", count)
        self._write_all()

    def _write_all(self) -> None:
        lines = self._lines
        while lines:
            # A pipe takes so much in one piece: with more, lines of other workers could come between.
            batch = bytearray(lines.popleft())
            while lines and len(batch) + len(lines[0]) <= select.PIPE_BUF:
                batch += lines.popleft()
            try:
                self._write(batch)
            except OSError:
                with self._counting:
                    self.dropped += batch.count(b"\n")

    def _write(self, batch: bytearray) -> None:
        left = memoryview(batch)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
