"""From an event to the sockets of its audience."""

from collections.abc import Sequence

from regoods.core.metrics import Metrics
from regoods.core.outbox import Publication, numbered
from regoods.realtime.connection import Connection
from regoods.realtime.frames import text_frame
from regoods.realtime.registry import ConnectionRegistry


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

    def of(self, user_id: int) -> int:
        """0 where nothing was pushed between the last two sweeps, which is longer ago than a handshake lasts."""
        return max(self._recent.get(user_id, 0), self._older.get(user_id, 0))

    def sweep(self) -> None:
        """Forget all but the last minute's, or so."""
        self._recent, self._older = {}, self._recent


class LocalBus:
    """Delivers to the sockets of this process: framed once, written to each. On the loop's thread."""

    def __init__(self, registry: ConnectionRegistry[Connection], metrics: Metrics) -> None:
        self._registry = registry
        self._metrics = metrics
        self.pushed = PushedNumbers()

    def publish(self, audience: Sequence[int], event: bytes) -> None:
        """Push an encoded event to every open socket of these users."""
        ready = None
        for user_id in audience:
            connections = self._registry.of(user_id)
            if not connections:
                continue
            if ready is None:
                ready = text_frame(event)
            self._push(connections, ready)

    def deliver(self, publication: Publication) -> None:
        """Push a committed publication to the sockets of its audience, to each user under his own number."""
        if not publication.numbers:
            for event in (*publication.echoes, publication.event):
                self.publish(publication.audience, event)
            return
        for user_id, number in zip(publication.audience, publication.numbers, strict=True):
            self.pushed.note(user_id, number)
            connections = self._registry.of(user_id)
            if connections:
                for event in (*publication.echoes, publication.event):
                    self._push(connections, text_frame(numbered(event, number)))

    def _push(self, connections: Sequence[Connection], ready: bytes) -> None:
        for connection in connections:
            connection.push(ready)
        self._metrics.events_sent += len(connections)
