from regoods.core.http import ApiHandler
from regoods.features.search import actions

DEFAULT_LIMIT = 20


class Search(ApiHandler):
    async def get(self) -> None:
        query, partner_id = self.query_text("query"), self.query_id("userId")
        limit, offset = self.paging(DEFAULT_LIMIT)
        self.send_page(await self.run(actions.search, query, partner_id, limit, offset))


ROUTES = [(r"/api/v1/messages/search", Search)]
