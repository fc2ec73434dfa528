"""Who blocked whom lately: whatever was found out before a block, and is still believed, no longer holds."""

from cachetools import TTLCache

REMEMBER_SECONDS = 60
"""Longer than any feature believes that two may hear of each other."""

REMEMBERED = 50_000


class RecentBlocks:
    """Of one server; on the loop's thread."""

    def __init__(self) -> None:
        self._made: TTLCache[tuple[int, int], bool] = TTLCache(REMEMBERED, REMEMBER_SECONDS)

    def made(self, user_id: int, other_id: int) -> None:
        self._made[user_id, other_id] = True

    def ended(self, user_id: int, other_id: int) -> None:
        self._made.pop((user_id, other_id), None)

    def are_between(self, user_id: int, other_id: int) -> bool:
        """Whether one of the two has blocked the other lately."""
        return (user_id, other_id) in self._made or (other_id, user_id) in self._made
