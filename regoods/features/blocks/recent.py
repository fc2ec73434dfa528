"""Who blocked whom lately: whatever was found out before a block, and is still believed, no longer holds.

All nodes are told of each block that is made or ended.
"""

import msgspec
from cachetools import TTLCache

from regoods.core.feature import Services
from regoods.core.wire import Shape, decode, encode

REMEMBER_SECONDS = 60
"""Longer than any feature believes that two may hear of each other."""

REMEMBERED = 50_000

NOTICE = "block"


class Change(Shape):
    """`userId` blocks `otherId`, or no longer does."""

    user_id: int
    other_id: int
    is_blocked: bool


_change = msgspec.json.Decoder(Change)


class RecentBlocks:
    """Of one server; on the loop's thread."""

    def __init__(self) -> None:
        self._made: TTLCache[tuple[int, int], bool] = TTLCache(REMEMBERED, REMEMBER_SECONDS)

    def note(self, change: Change) -> None:
        if change.is_blocked:
            self._made[change.user_id, change.other_id] = True
        else:
            self._made.pop((change.user_id, change.other_id), None)

    def are_between(self, user_id: int, other_id: int) -> bool:
        """Whether one of the two has blocked the other lately."""
        return (user_id, other_id) in self._made or (other_id, user_id) in self._made


def tell(services: Services, user_id: int, other_id: int, *, is_blocked: bool) -> None:
    """Let this node know, and all others."""
    change = Change(user_id=user_id, other_id=other_id, is_blocked=is_blocked)
    services.state(RecentBlocks).note(change)
    services.notify(NOTICE, encode(change))


def hear(services: Services, fact: bytes) -> None:
    """Another node has told."""
    services.state(RecentBlocks).note(decode(fact, _change))
