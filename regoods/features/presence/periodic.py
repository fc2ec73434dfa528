"""What is done again and again: telling the online partners who came and who went."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from regoods.core.errors import ServiceUnavailable
from regoods.core.feature import Services
from regoods.features.blocks.recent import RecentBlocks
from regoods.features.presence import actions
from regoods.features.presence.comings import Comings
from regoods.features.presence.events import presence

ASKED_AT_ONCE = 20
"""Users whose partners are looked up in one unit: some ms of one reader's time, while the other one serves callers."""

PAUSE_SECONDS = 2.0
"""Before a database that is away is asked again."""

PUSHED_AT_ONCE = 200
"""Sockets written to before the loop gets its turn: some 2 ms."""


async def announce(services: Services) -> None:
    """Tell of all who came, and of all whose grace is over; one unit of look-ups at a time."""
    comings = services.state(Comings)
    while taken := comings.take(ASKED_AT_ONCE):
        _, online = services.connections()
        # Who came is one of those online himself.
        heard = [
            user_id for user_id, gone_at in taken.items() if services.settings.one_of_many or online > (gone_at is None)
        ]
        if not heard:
            await asyncio.sleep(0)
            continue
        try:
            came = [user_id for user_id in heard if taken[user_id] is None]
            gone = [user_id for user_id in heard if taken[user_id] is not None]
            found = await services.work.run(actions.online_partners, 0, came, gone)
        except ServiceUnavailable:
            comings.put_back(taken)
            await asyncio.sleep(PAUSE_SECONDS)
            return
        later = set(taken)
        for user_id, gone_at in taken.items():
            later.discard(user_id)
            partners = found.get(user_id, [])
            if gone_at is None:
                # Who came after him has been told by `isOnline`, if he asked.
                partners = [one for one in partners if one not in later and not comings.has_just_come(one)]
            await _tell(services, user_id, gone_at, partners)


async def _tell(services: Services, user_id: int, gone_at: datetime | None, partners: Sequence[int]) -> None:
    blocks = services.state(RecentBlocks)
    event = presence(user_id, gone_at is None, gone_at or services.clock.now())
    for start in range(0, len(partners), PUSHED_AT_ONCE):
        part = partners[start : start + PUSHED_AT_ONCE]
        services.publish([one for one in part if not blocks.are_between(user_id, one)], event)
        await asyncio.sleep(0)
