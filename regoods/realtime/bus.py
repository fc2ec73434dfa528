"""From an event to the sockets of its audience."""

from collections.abc import Sequence

from regoods.core.metrics import Metrics
from regoods.realtime.connection import Connection
from regoods.realtime.frames import text_frame
from regoods.realtime.registry import ConnectionRegistry


class LocalBus:
    """Delivers to the sockets of this process: framed once, written to each."""

    def __init__(self, registry: ConnectionRegistry[Connection], metrics: Metrics) -> None:
        self._registry = registry
        self._metrics = metrics

    def publish(self, audience: Sequence[int], event: bytes) -> None:
        """Push an encoded event to every open socket of these users; on the loop's thread."""
        ready = None
        for user_id in audience:
            connections = self._registry.of(user_id)
            if not connections:
                continue
            if ready is None:
                ready = text_frame(event)
            for connection in connections:
                connection.push(ready)
            self._metrics.events_sent += len(connections)
