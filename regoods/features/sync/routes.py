from regoods.core.http import LARGEST_LIMIT, ApiHandler
from regoods.core.tokens import LARGEST_ID
from regoods.features.sync import actions

DEFAULT_LIMIT = 100


class Sync(ApiHandler):
    async def get(self) -> None:
        since = self.query_number("since", 0, LARGEST_ID)
        limit = self.query_number("limit", 1, LARGEST_LIMIT, DEFAULT_LIMIT)
        self.send(await self.run(actions.list_missed, since, limit))


ROUTES = [(r"/api/v1/messages/sync", Sync)]
