from prometheus_client import CONTENT_TYPE_LATEST

from regoods.core.api import ApiHandler
from regoods.core.calls import call
from regoods.core.errors import NotFound
from regoods.features.metrics.exposition import Exposition


class Metrics(ApiHandler):
    requires_user = False

    @call(media=("text/plain",), errors=(NotFound,))
    async def get(self) -> None:
        """What this process counted and measured, in Prometheus' text format; 404 from outside, by nginx."""
        text = await self.services.state(Exposition).text(self.services)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(text)


ROUTES = [(r"/metrics", Metrics)]
