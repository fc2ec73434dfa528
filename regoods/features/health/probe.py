"""What takes its time to find out. Anyone may want to know it, as often as he likes: it is asked once at a time,
however many do."""

import asyncio
from collections.abc import Mapping

from regoods.core.errors import ServiceUnavailable
from regoods.core.feature import Services
from regoods.core.work_queue import WorkQueue
from regoods.features.health import events
from regoods.features.health.actions import look

PROBE_SECONDS = 1.0


class Probe:
    """Whether the database answers."""

    def __init__(self) -> None:
        self._asking: asyncio.Task[bool] | None = None

    async def database_answers(self, work: WorkQueue) -> bool:
        """Whether it does within a second; on the loop's thread."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(_answers(work))
        # Whoever comes between its end and this one's turn asks anew.
        asking = self._asking
        done, _ = await asyncio.wait({asking}, timeout=PROBE_SECONDS)
        return bool(done) and asking.result()


class ProcessFigures:
    """Memory and files of this process: with 10,000 sockets open, listing those takes some ms."""

    def __init__(self) -> None:
        self._reading: asyncio.Task[Mapping[str, float]] | None = None

    async def read(self, services: Services) -> Mapping[str, float]:
        """As `events.process_figures`; on the loop's thread, which does not read them."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(asyncio.to_thread(events.process_figures, services))
        return await asyncio.shield(self._reading)


async def _answers(work: WorkQueue) -> bool:
    try:
        await work.run(look, 0)
    except ServiceUnavailable:
        return False
    return True
