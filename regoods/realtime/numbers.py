"""The numbers of the events that were pushed to each user: with one process, and with several.

Events of one user come from several nodes, each on its own way. Whoever has a socket here has reached a number; the
event that comes next has the following one. A later one waits a moment for those before it.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

WAIT_SECONDS = 0.25
"""What a commit on one node may be later here than one on another that followed it."""

MOST_HELD = 100
"""Events of a user that wait for one before them."""

Ready = TypeVar("Ready")
"""What is pushed to a user under one number."""


class Numbers(Protocol):
    def joined(self, user_id: int, latest: int) -> int:
        """A socket opens whose user's log had this latest number after the node heard of his events; the number that
        the socket may be told."""
        ...

    def left(self, user_id: int) -> None:
        """His last socket is gone."""

    def sweep(self) -> None:
        """Forget what was needed for a minute."""


class PushedNumbers:
    """The newest number pushed to each user lately.

    A socket is told its user's latest number when it opens; what was pushed between the look into the log and the
    socket's registration would otherwise be missed without a gap that tells.
    """

    def __init__(self) -> None:
        self._recent: dict[int, int] = {}
        self._older: dict[int, int] = {}

    def note(self, user_id: int, number: int) -> None:
        # Two writers' commits may arrive here the other way round.
        if number > self._recent.get(user_id, 0):
            self._recent[user_id] = number

    def joined(self, user_id: int, latest: int) -> int:
        """A socket opens whose user's log had this latest number; the number that the socket may be told."""
        return max(latest, self.of(user_id))

    def left(self, user_id: int) -> None:
        """His last socket is gone."""

    def of(self, user_id: int) -> int:
        """0 where nothing was pushed between the last two sweeps, which is longer ago than a handshake lasts."""
        return max(self._recent.get(user_id, 0), self._older.get(user_id, 0))

    def sweep(self) -> None:
        """Forget all but the last minute's, or so."""
        self._recent, self._older = {}, self._recent


class _Held(Generic[Ready]):
    __slots__ = ("timer", "waiting")

    def __init__(self, timer: asyncio.TimerHandle) -> None:
        self.timer = timer
        self.waiting: dict[int, Ready] = {}


def _nothing(_user_id: int) -> None:
    pass


class Ordering(Generic[Ready]):
    """On the loop's thread. `push(user_id, ready)` writes to his sockets; `missed(user_id, since, latest)` tells them
    that events behind `since` did not come. `came` is called at a user's first socket, `went` at the end of his last
    one."""

    def __init__(
        self,
        push: Callable[[int, Ready], None],
        missed: Callable[[int, int, int], None],
        wait: float = WAIT_SECONDS,
        *,
        came: Callable[[int], None] = _nothing,
        went: Callable[[int], None] = _nothing,
    ) -> None:
        self._push = push
        self._missed = missed
        self._wait = wait
        self._came = came
        self._went = went
        self._reached: dict[int, int] = {}
        self._held: dict[int, _Held[Ready]] = {}
        self._early = PushedNumbers()

    def joined(self, user_id: int, latest: int) -> int:
        """A socket opens whose user's log had this latest number after the node heard of his events; the number that
        the socket may be told."""
        latest = max(latest, self._early.of(user_id))
        reached = self._reached.get(user_id)
        if reached is None:
            self._reached[user_id] = reached = latest
            self._came(user_id)
        return max(latest, reached)

    def left(self, user_id: int) -> None:
        """His last socket is gone."""
        self._reached.pop(user_id, None)
        held = self._held.pop(user_id, None)
        if held is not None:
            held.timer.cancel()
        self._went(user_id)

    def sweep(self) -> None:
        self._early.sweep()

    def accept(self, user_id: int, number: int, ready: Ready) -> None:
        """An event, from this node or another."""
        reached = self._reached.get(user_id)
        if reached is None:
            self._early.note(user_id, number)
        elif number <= reached:
            # He was told to catch up with it meanwhile; who counts drops it, who does not is glad of it.
            self._push(user_id, ready)
        elif number == reached + 1:
            self._push(user_id, ready)
            self._reached[user_id] = number
            if user_id in self._held:
                self._release(user_id)
        else:
            self._hold(user_id, number, ready)

    def users(self) -> Sequence[int]:
        """Those who have a socket here."""
        return list(self._reached)

    def behind(self, latest: Mapping[int, int]) -> dict[int, int]:
        """Of some users' latest numbers those that have not come here."""
        return {user_id: number for user_id, number in latest.items() if number > self._reached.get(user_id, number)}

    def catch_up(self, user_id: int, latest: int) -> None:
        """His log goes up to this number, and what is missing will not come."""
        since = self._reached.get(user_id)
        if since is None:
            return
        held = self._held.pop(user_id, None)
        waiting: Iterable[tuple[int, Ready]] = ()
        if held is not None:
            held.timer.cancel()
            waiting = sorted(held.waiting.items())
            latest = max(latest, *held.waiting)
        if latest <= since:
            return
        self._reached[user_id] = latest
        for _, ready in waiting:
            self._push(user_id, ready)
        self._missed(user_id, since, latest)

    def _hold(self, user_id: int, number: int, ready: Ready) -> None:
        held = self._held.get(user_id)
        if held is None:
            timer = asyncio.get_running_loop().call_later(self._wait, self.catch_up, user_id, 0)
            held = self._held[user_id] = _Held(timer)
        held.waiting[number] = ready
        if len(held.waiting) > MOST_HELD:
            self.catch_up(user_id, 0)

    def _release(self, user_id: int) -> None:
        """Push those that have no gap before them any more."""
        held = self._held[user_id]
        following = self._reached[user_id] + 1
        while following in held.waiting:
            self._push(user_id, held.waiting.pop(following))
            self._reached[user_id] = following
            following += 1
        if not held.waiting:
            held.timer.cancel()
            del self._held[user_id]
