"""Whether the database answers."""

import asyncio

from regoods.core.errors import ServiceUnavailable
from regoods.core.work import WorkQueue
from regoods.features.health.actions import look

PROBE_SECONDS = 1.0


class Probe:
    """Asks one question at a time, however many want to know: anyone may, as often as he likes."""

    def __init__(self) -> None:
        self._asking: asyncio.Task[bool] | None = None

    async def database_answers(self, work: WorkQueue) -> bool:
        """Whether it does within a second; on the loop's thread."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.ensure_future(_answers(work))
        done, _ = await asyncio.wait({self._asking}, timeout=PROBE_SECONDS)
        return bool(done) and self._asking.result()


async def _answers(work: WorkQueue) -> bool:
    try:
        await work.run(look, 0)
    except ServiceUnavailable:
        return False
    return True
