from regoods.core.api import ApiHandler
from regoods.core.calls import Limit, Offset, Query, call
from regoods.features.sync import actions
from regoods.features.sync.events import Missed


class Sync(ApiHandler):
    @call(Missed)
    async def get(self, since: Query[Offset], limit: Query[Limit] = 100) -> None:
        """The caller's events behind the number `since`, in order; 0 gives all that are kept."""
        self.send(await self.run(actions.list_missed, since, limit))


ROUTES = [(r"/api/v1/messages/sync", Sync)]
