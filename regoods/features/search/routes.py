from typing import Annotated

from msgspec import Meta

from regoods.core.api import ApiHandler
from regoods.core.calls import Limit, Offset, Query, call
from regoods.core.errors import NotFound
from regoods.core.wire import Id
from regoods.features.messages.events import Message
from regoods.features.search import actions, rules

Text = Annotated[str, Meta(min_length=1, max_length=rules.LONGEST_QUERY)]


class Search(ApiHandler):
    @call(Message, paged=True, errors=(NotFound,))
    async def get(
        self,
        query: Query[Text],
        user_id: Query[Id | None] = None,
        limit: Query[Limit] = 20,
        offset: Query[Offset] = 0,
    ) -> None:
        """Search in one's own messages, with everybody or with one partner, newest first."""
        self.send_page(await self.run(actions.search, query, user_id, limit, offset))


ROUTES = [(r"/api/v1/messages/search", Search)]
