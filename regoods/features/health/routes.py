from regoods.core.http import ApiHandler
from regoods.core.wire import encode
from regoods.features.health import events


class Health(ApiHandler):
    requires_user = False

    def get(self) -> None:
        self.finish(encode(events.health(self.services)))


class WebSocketStats(ApiHandler):
    requires_user = False

    def get(self) -> None:
        self.finish(encode(events.websocket_stats(self.services)))


ROUTES = [
    (r"(?:/api/v1)?/health", Health),
    (r"(?:/api/v1)?/health/websocket-stats", WebSocketStats),
]
