"""How far a load has come, as bars on a terminal; elsewhere nothing."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from regoods.commands.bench.load import Load
from regoods.commands.screen import console

EVERY_SECONDS = 0.25


class Bars:
    """Drawn between two turns of the loop: some ms of the generator's time, four times a second."""

    def __init__(self, load: Load) -> None:
        screen = console(stderr=True)
        self._load = load
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=screen,
            disable=not screen.is_terminal,
            auto_refresh=False,
            transient=True,
        )
        self._opening = self._progress.add_task("Opening sockets", total=load.allowed.sockets)
        self._waiting = None
        if load.allowed.wait:
            self._waiting = self._progress.add_task("Waiting for the limit's next minute", total=load.allowed.wait)
        self._sending = self._progress.add_task("Sending messages", total=load.total)

    async def __aenter__(self) -> Self:
        self._progress.start()
        self._drawing = asyncio.ensure_future(self._draw())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drawing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._drawing
        self._progress.stop()

    async def _draw(self) -> None:
        while not self._progress.disable:
            self._progress.update(self._opening, completed=self._load.outcome.opened)
            if self._waiting is not None:
                self._progress.update(self._waiting, completed=int(self._load.waited))
            self._progress.update(self._sending, completed=self._load.outcome.accepted)
            self._progress.refresh()
            await asyncio.sleep(EVERY_SECONDS)
