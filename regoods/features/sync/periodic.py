"""What is done again and again: taking in what other programs wrote, and keeping the log short."""

import asyncio
import contextlib
import logging
import time
from collections import deque

from regoods.core.errors import ServiceUnavailable
from regoods.core.feature import Services
from regoods.features.sync import actions

logger = logging.getLogger(__name__)

MARK_SECONDS = 10.0
"""The mark moves no more often: each time costs a write."""


class Newest:
    """Which message was the newest when, so that the mark follows at the distance that late commits need."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._noted_at = -MARK_SECONDS

    def settled(self, newest: int, late_seconds: float) -> int | None:
        """A message before which nothing can appear any more, if there is a new one."""
        now = time.monotonic()
        if now - self._noted_at >= MARK_SECONDS:
            self._noted_at = now
            self._seen.append((now, newest))
        if self._seen and now - self._seen[0][0] >= late_seconds:
            return self._seen.popleft()[1]
        return None


async def adopt(services: Services) -> None:
    """Log and push what another program stored, and let the mark follow."""
    # Without its database the server says so often enough.
    with contextlib.suppress(ServiceUnavailable):
        found = await services.work.run(actions.find_unlogged, 0)
        while found.mark is not None and found.missing:
            begun = time.monotonic()
            await _adopt_all(services, found.missing)
            if len(found.missing) < actions.ADOPTED_AT_ONCE:
                # All that was found is logged, and the mark may follow: another program may never pause.
                break
            # The writer is others' for as long.
            await asyncio.sleep(time.monotonic() - begun)
            found = await services.work.run(actions.find_unlogged, 0)
        if found.mark is None:
            await services.work.run(actions.set_first_mark, 0)
            return
        settled = services.state(Newest).settled(found.newest, found.late_seconds)
        if settled is not None and settled > found.mark:
            await services.work.run(actions.move_mark, 0, settled)


async def _adopt_all(services: Services, message_ids: list[int]) -> None:
    """Each by itself, so that one which cannot be read does not keep the others back; together in one commit."""
    units = [services.work.run(actions.adopt, 0, message_id) for message_id in message_ids]
    outcomes = await asyncio.gather(*units, return_exceptions=True)
    for message_id, outcome in zip(message_ids, outcomes, strict=True):
        if isinstance(outcome, ServiceUnavailable):
            raise outcome
        if isinstance(outcome, Exception):
            # Without its text, of which the error may hold some.
            logger.error("message %d of another program cannot be pushed: %s", message_id, type(outcome).__name__)
            await services.work.run(actions.pass_over, 0, message_id)


async def sweep(services: Services) -> None:
    with contextlib.suppress(ServiceUnavailable):
        while await services.work.run(actions.sweep, 0) >= actions.SWEPT_AT_ONCE:
            pass
