"""Who came and who went, until it is told.

Holds those who are under way, never those who are simply here: an idle socket costs nothing.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import islice

from regoods.core.feature import Services

GRACE_SECONDS = 5.0
"""Who is back within it was never gone (contract, section 3)."""


class Comings:
    """Of one server; on the loop's thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._leaving: dict[int, tuple[float, datetime]] = {}
        """In the order of leaving."""
        self._untold: dict[int, datetime | None] = {}
        """Who came (None), and who went for good, and when."""

    def arrived(self, user_id: int) -> None:
        """His first socket has opened."""
        if self._leaving.pop(user_id, None) is None:
            self._note(user_id, None)

    def departed(self, user_id: int, now: datetime) -> None:
        """His last socket is gone."""
        if user_id in self._untold:
            # Nobody was told that he came.
            del self._untold[user_id]
        else:
            self._leaving[user_id] = (self._clock(), now)

    def take(self, limit: int) -> dict[int, datetime | None]:
        """Some of those of whom is to be told, the first ones first: None came, others went at that moment."""
        self._let_go()
        taken = dict(islice(self._untold.items(), limit))
        for user_id in taken:
            del self._untold[user_id]
        if not self._untold:
            # A dict that has held thousands keeps their room.
            self._untold = {}
        return taken

    def put_back(self, taken: Mapping[int, datetime | None]) -> None:
        """They could not be told of: they come first the next time."""
        newer, self._untold = self._untold, {}
        for user_id, gone_at in taken.items():
            if user_id in newer:
                del newer[user_id]
            else:
                self._untold[user_id] = gone_at
        self._untold |= newer

    def has_just_come(self, user_id: int) -> bool:
        """Whether somebody who is online came after all those that were taken."""
        return user_id in self._untold

    def _let_go(self) -> None:
        """Those whose grace is over are gone."""
        latest = self._clock() - GRACE_SECONDS
        gone = []
        for user_id, (left_at, _) in self._leaving.items():
            if left_at > latest:
                break
            gone.append(user_id)
        for user_id in gone:
            self._note(user_id, self._leaving.pop(user_id)[1])

    def _note(self, user_id: int, gone_at: datetime | None) -> None:
        # Whoever is noted already did the opposite: both together are nothing to tell.
        if user_id in self._untold:
            del self._untold[user_id]
        else:
            self._untold[user_id] = gone_at


def arrived(services: Services, user_id: int) -> None:
    services.state(Comings).arrived(user_id)


def departed(services: Services, user_id: int) -> None:
    services.state(Comings).departed(user_id, services.clock.now())
