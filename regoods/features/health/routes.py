from regoods.core.calls import call
from regoods.core.http import ApiHandler
from regoods.core.wire import encode
from regoods.features.health import events


class Health(ApiHandler):
    requires_user = False

    @call(events.Health, envelope=False)
    def get(self) -> None:
        """Whether the process is alive."""
        self.finish(encode(events.health(self.services)))


class WebSocketStats(ApiHandler):
    requires_user = False

    @call(events.WebSocketStats, envelope=False)
    def get(self) -> None:
        """What the sockets of this process are doing."""
        self.finish(encode(events.websocket_stats(self.services)))


ROUTES = [
    (r"/health", Health),
    (r"/health/websocket-stats", WebSocketStats),
    (r"/api/v1/health", Health),
    (r"/api/v1/health/websocket-stats", WebSocketStats),
]
