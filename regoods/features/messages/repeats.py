"""POSTs whose clients went away before they had the answer: the SPA sends such a one again, without a key.

What is remembered lives in this process, and for a minute.
"""

import asyncio

from cachetools import TTLCache
from msgspec import Raw

from regoods.features.messages.events import NewMessage, digest

REMEMBER_SECONDS = 60
REMEMBERED = 1_000
"""Of 20 KB each at most."""

Call = tuple[int, int]


class UnansweredSends:
    """Of one server; on the loop's thread."""

    def __init__(self) -> None:
        self._lost: TTLCache[Call, asyncio.Future[Raw]] = TTLCache(REMEMBERED, REMEMBER_SECONDS)

    def lost(self, user_id: int, new: NewMessage) -> "asyncio.Future[Raw]":
        """A client is gone while its message is being stored; the future wants what comes of it."""
        outcome: asyncio.Future[Raw] = asyncio.get_running_loop().create_future()
        self._lost[user_id, digest(new)] = outcome
        return outcome

    async def again(self, user_id: int, new: NewMessage) -> Raw | None:
        """The message of an equal POST of this user whose client went away; None where there was none, or it failed."""
        outcome = self._lost.get((user_id, digest(new))) if self._lost else None
        if outcome is None:
            return None
        await asyncio.wait([outcome])
        return None if outcome.cancelled() else outcome.result()

    def answered(self, user_id: int, new: NewMessage) -> None:
        """Its client has come back and got it: the same words again are another message."""
        self._lost.pop((user_id, digest(new)), None)
