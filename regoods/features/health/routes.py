from regoods.core.api import ApiHandler
from regoods.core.calls import call
from regoods.core.wire import encode
from regoods.features.health import events
from regoods.features.health.probe import Probe, ProcessFigures


class Health(ApiHandler):
    requires_user = False

    @call(events.Health, envelope=False)
    def get(self) -> None:
        """Whether the process is alive."""
        self.finish(encode(events.health(self.services)))


class Ready(ApiHandler):
    requires_user = False

    @call(events.Readiness, envelope=False, also=(503,))
    async def get(self) -> None:
        """Whether requests may be sent to this process: 200 if so, 503 if not; `degraded`: what does not answer."""
        draining = self.patience.draining
        # The drain ends the threads that would ask.
        answers = draining or await self.services.state(Probe).database_answers(self.services.work)
        ready = events.readiness(self.services, draining=draining, database_answers=answers)
        self.set_status(200 if ready.status in ("ok", "degraded") else 503)
        self.finish(encode(ready))


class WebSocketStats(ApiHandler):
    requires_user = False

    @call(events.WebSocketStats, envelope=False)
    async def get(self) -> None:
        """What the sockets of this process are doing."""
        process = await self.services.state(ProcessFigures).read(self.services)
        self.finish(encode(events.websocket_stats(self.services, process)))


class Version(ApiHandler):
    requires_user = False

    @call(events.Version, envelope=False)
    def get(self) -> None:
        """Which program this is, and since when it runs."""
        self.finish(encode(events.version(self.services)))


ROUTES = [
    (r"/version", Version),
    (r"/health", Health),
    (r"/health/ready", Ready),
    (r"/health/websocket-stats", WebSocketStats),
    (r"/api/v1/health", Health),
    (r"/api/v1/health/ready", Ready),
    (r"/api/v1/health/websocket-stats", WebSocketStats),
]
