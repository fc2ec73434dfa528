"""From an event to the sockets of its audience."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from regoods.core.metrics import Metrics, event_type
from regoods.core.origin import Origin
from regoods.core.outbox import Publication, numbered
from regoods.core.work_queue import WorkQueue
from regoods.realtime.connection import Connection
from regoods.realtime.faults import SocketFaults
from regoods.realtime.frames import text_frame
from regoods.realtime.numbers import Numbers, PushedNumbers
from regoods.realtime.registry import ConnectionRegistry

Notice = Callable[[bytes], None]


class Bus:
    """Brings events to the sockets of their audience. On the loop's thread.

    What is here reaches the sockets of this process: framed once, written to each.
    """

    def __init__(self, registry: ConnectionRegistry[Connection], metrics: Metrics, numbers: Numbers) -> None:
        self._registry = registry
        self._metrics = metrics
        self.numbers = numbers
        self.faults: SocketFaults | None = None
        """What may come in between; None but in development."""

    @property
    def degraded(self) -> Sequence[str]:
        """The names of what it has to do without."""
        return ()

    def start(self, work: WorkQueue, notices: Mapping[str, Notice]) -> None:
        """Before the first socket opens; `notices` has what is done with what other nodes tell, by its kind."""

    async def stop(self) -> None:
        """After the last event."""

    async def follow(self, user_id: int) -> None:
        """Hear of a user's events from now on: before his log is asked for its latest number."""

    def publish(self, audience: Sequence[int], event: bytes) -> None:
        """Push an encoded event to every open socket of these users."""
        ready = None
        for user_id in audience:
            connections = self._registry.of(user_id)
            if not connections:
                continue
            if ready is None:
                ready = text_frame(event)
            self.push(connections, ready)

    def deliver(self, publication: Publication) -> int:
        """Push a committed publication to the sockets of its audience, to each user under his own number.

        To how many sockets of this process it went.
        """
        raise NotImplementedError

    def notify(self, kind: str, fact: bytes) -> None:
        """Tell all other nodes what concerns no single user's sockets."""

    def write(self, user_id: int, frames: Iterable[bytes], origin: Origin | None) -> int:
        """Write the ready frames of a publication to a user's sockets, if he has any; how many those are."""
        connections = self._registry.of(user_id)
        if not connections:
            return 0
        for ready in frames:
            self.push(connections, ready)
        if origin is not None:
            self._metrics.delivery.observe(time.monotonic() - origin.arrived)
        return len(connections)

    def push(self, connections: Sequence[Connection], ready: bytes) -> None:
        """Write a ready frame to these sockets, which are one user's."""
        if self.faults is not None and self.faults.take(connections, ready):
            return
        for connection in connections:
            connection.push(ready)
        self._metrics.events[event_type(ready)] += len(connections)


class LocalBus(Bus):
    """Of a process that is alone."""

    def __init__(self, registry: ConnectionRegistry[Connection], metrics: Metrics) -> None:
        self._pushed = PushedNumbers()
        super().__init__(registry, metrics, self._pushed)

    def deliver(self, publication: Publication) -> int:
        events = (*publication.echoes, publication.event)
        if not publication.numbers:
            frames = [text_frame(event) for event in events]
            return sum(self.write(user_id, frames, publication.origin) for user_id in publication.audience)
        reached = 0
        for user_id, number in zip(publication.audience, publication.numbers, strict=True):
            self._pushed.note(user_id, number)
            # Made only where somebody reads them.
            frames_of_his = (text_frame(numbered(event, number)) for event in events)
            reached += self.write(user_id, frames_of_his, publication.origin)
        return reached
