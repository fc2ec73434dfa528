"""Who may have one more socket, and who is online: a user's places, at most so many.

A place is taken at the handshake, kept when its socket is registered, and released at its end. What is here counts the
sockets of this process; `redis_places.py` counts those of all nodes.
"""

import asyncio
import functools
import itertools
import time
from collections.abc import Callable, Collection, Sequence

from regoods.realtime.closing import NO_PONG
from regoods.realtime.connection import Connection
from regoods.realtime.registry import ConnectionRegistry

TAKEN_SECONDS = 15.0
"""A place whose socket has not been registered by then is free again: longer than a handshake lasts."""

PROBE_SECONDS = 1.0
"""At the limit a socket has so long to answer a ping (contract, section 4)."""

numbers = itertools.count(1)
"""Of the places of this process."""

Tell = Callable[[int], None]


class Places:
    """On the loop's thread, but for `online`. A place is a number above 0."""

    def __init__(self, registry: ConnectionRegistry[Connection], limit: int) -> None:
        self._registry = registry
        self._limit = limit

    @property
    def degraded(self) -> Sequence[str]:
        """The names of what it has to do without."""
        return ()

    def start(self, arrived: Tell, departed: Tell) -> None:
        """Before the first socket opens. `arrived` is told of each user whose first socket has opened, `departed` of
        each who has no socket any more; not of those whom this server's own stop cuts off."""
        self._arrived = arrived
        self._departed = departed

    def retire(self) -> None:
        """From now on this process's sockets count no more: it is about to close them."""

    async def stop(self) -> None:
        """After the last socket."""

    async def take(self, user_id: int) -> int:
        """A place for a socket that is about to open; 0 where he has his full number."""
        raise NotImplementedError

    async def make_room(self, user_id: int) -> None:
        """Free the places of the user's dead sockets: all are pinged, and those silent for a second give way."""
        raise NotImplementedError

    async def tell_full(self, user_id: int) -> bool:
        """He is refused for his full number; whether he has been told so since he had room."""
        raise NotImplementedError

    def give_up(self, user_id: int, place: int) -> None:
        """A place was taken, and there will be no socket."""
        raise NotImplementedError

    def keep(self, user_id: int, place: int, *, first: bool) -> None:
        """The place's socket is registered, as his first one here or not."""
        raise NotImplementedError

    def release(self, user_id: int, place: int, *, last: bool) -> None:
        """The place's socket is gone, his last one here or not."""
        raise NotImplementedError

    def refresh(self, connections: Sequence[Connection]) -> None:
        """These sockets are still here; once a heartbeat for each."""

    def sweep(self) -> None:
        """Drop what is remembered in vain."""

    def online(self, user_ids: Collection[int]) -> set[int]:
        """Those of them who have an open socket at this moment. From any thread but the loop's: it may wait."""
        return {user_id for user_id in user_ids if self._registry.is_online(user_id)}

    async def _probe_here(self, user_id: int, answered: Callable[[Connection], None] | None = None) -> None:
        probes = {connection.probe(): connection for connection in self._registry.of(user_id)}
        if not probes:
            return
        if answered is not None:
            for probe, connection in probes.items():
                probe.add_done_callback(functools.partial(_call, answered, connection))
        _, silent = await asyncio.wait(probes, timeout=PROBE_SECONDS)
        for probe in silent:
            probes[probe].close(NO_PONG)


def _call(answered: Callable[[Connection], None], connection: Connection, _probe: asyncio.Future[None]) -> None:
    answered(connection)


class LocalPlaces(Places):
    """Of a process that is alone. Holds those whose handshake is under way, and nothing for an open socket."""

    def __init__(self, registry: ConnectionRegistry[Connection], limit: int) -> None:
        super().__init__(registry, limit)
        self._taken: dict[int, dict[int, float]] = {}
        self._told_full: set[int] = set()

    async def take(self, user_id: int) -> int:
        taken = self._still_taken(user_id)
        if len(self._registry.of(user_id)) + len(taken) >= self._limit:
            return 0
        self._told_full.discard(user_id)
        place = next(numbers)
        self._taken[user_id] = {**taken, place: time.monotonic() + TAKEN_SECONDS}
        return place

    async def make_room(self, user_id: int) -> None:
        await self._probe_here(user_id)

    async def tell_full(self, user_id: int) -> bool:
        told = user_id in self._told_full
        self._told_full.add(user_id)
        return told

    def give_up(self, user_id: int, place: int) -> None:
        taken = self._taken.get(user_id)
        if taken is not None:
            taken.pop(place, None)
            if not taken:
                del self._taken[user_id]

    def keep(self, user_id: int, place: int, *, first: bool) -> None:
        self.give_up(user_id, place)
        if first:
            self._arrived(user_id)

    def release(self, user_id: int, place: int, *, last: bool) -> None:
        self._told_full.discard(user_id)
        if last:
            self._departed(user_id)

    def sweep(self) -> None:
        for user_id in list(self._taken):
            if not self._still_taken(user_id):
                del self._taken[user_id]
        self._told_full = {user_id for user_id in self._told_full if len(self._registry.of(user_id)) >= self._limit}

    def _still_taken(self, user_id: int) -> dict[int, float]:
        now = time.monotonic()
        return {place: until for place, until in self._taken.get(user_id, {}).items() if until > now}
