"""One PeriodicCallback that pings and reaps, a slice of the sockets at a time.

10,000 pings in one callback silence the loop for 0.15 s; in slices every quarter of a second it is under a
millisecond each. A round lasts a whole interval, so nobody is reaped before he had that long to answer.
"""

from tornado.ioloop import PeriodicCallback

from regoods.realtime.connection import Connection, Realtime
from regoods.realtime.places import Places
from regoods.realtime.registry import ConnectionRegistry

TICK_MS = 250
MOST_SLICES = 120


def round_ms(heartbeat_ms: int, idle_ms: int) -> int:
    """How long a round over all sockets lasts; an idle time-out below the heartbeat needs the shorter one."""
    return min(heartbeat_ms, idle_ms) if idle_ms else heartbeat_ms


def slices(heartbeat_ms: int, idle_ms: int) -> int:
    return max(2, min(MOST_SLICES, round_ms(heartbeat_ms, idle_ms) // TICK_MS))


class Heartbeat:
    def __init__(self, realtime: Realtime, places: Places) -> None:
        self._realtime = realtime
        self._places = places
        self._registry: ConnectionRegistry[Connection] = realtime.registry
        self._next = 0
        whole_round = round_ms(int(1000 * realtime.heartbeat_seconds), int(1000 * realtime.idle_seconds))
        self.callback = PeriodicCallback(self.tick, whole_round / self._registry.slices)

    def start(self) -> None:
        self.callback.start()

    def stop(self) -> None:
        self.callback.stop()

    def tick(self) -> None:
        """Beat one slice."""
        now = self._realtime.loop.time()
        connections = self._registry.slice(self._next)
        for connection in connections:
            connection.beat(now)
        self._places.refresh(connections)
        self._next = (self._next + 1) % self._registry.slices
