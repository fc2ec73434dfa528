"""What is done again and again: taking in what other programs wrote, and keeping the log short."""

import contextlib
import time
from collections import deque

from regoods.core.errors import ServiceUnavailable
from regoods.core.feature import Services
from regoods.features.sync import actions

MARK_SECONDS = 10.0
"""The mark moves no more often: each time costs a write."""


class Newest:
    """Which message was the newest when, so that the mark follows at the distance that late commits need."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def settled(self, newest: int, late_seconds: float) -> int | None:
        """A message before which nothing can appear any more, if there is a new one."""
        now = time.monotonic()
        if not self._seen or now - self._seen[-1][0] >= MARK_SECONDS:
            self._seen.append((now, newest))
        if now - self._seen[0][0] >= late_seconds:
            return self._seen.popleft()[1]
        return None


async def adopt(services: Services) -> None:
    """Log and push what another program stored, and let the mark follow."""
    # Without its database the server says so often enough.
    with contextlib.suppress(ServiceUnavailable):
        found = await services.work.run(actions.find_unlogged, 0)
        if found.mark is None:
            await services.work.run(actions.move_mark, 0, found.newest)
        elif found.missing:
            await services.work.run(actions.adopt, 0, found.missing)
        else:
            settled = services.state(Newest).settled(found.newest, found.late_seconds)
            if settled is not None and settled > found.mark:
                await services.work.run(actions.move_mark, 0, settled)


async def sweep(services: Services) -> None:
    with contextlib.suppress(ServiceUnavailable):
        while await services.work.run(actions.sweep, 0) >= actions.SWEPT_AT_ONCE:
            pass
