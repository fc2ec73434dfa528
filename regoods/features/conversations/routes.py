from typing import Annotated, Any

from regoods.core.api import ApiHandler
from regoods.core.calls import Limit, Offset, Path, Query, call
from regoods.core.errors import NotFound
from regoods.core.wire import Id, shown_as
from regoods.features.conversations import actions, events

Preview = Annotated[dict[str, Any], shown_as(events.ConversationPreview, enriched="conversations")]


class Conversations(ApiHandler):
    @call(Preview, paged=True)
    async def get(self, limit: Query[Limit] = 20, offset: Query[Offset] = 0) -> None:
        """One preview a partner, newest first."""
        self.send_page(await self.run(actions.list_conversations, limit, offset))


class UnreadCount(ApiHandler):
    @call(events.UnreadCount)
    async def get(self) -> None:
        """How many messages the caller has received and not read."""
        self.send(await self.run(actions.count_unread))


class ReadConversation(ApiHandler):
    @call(events.ReadCounts, errors=(NotFound,))
    async def post(self, user_id: Path[Id]) -> None:
        """Mark everything between the caller and this user as read."""
        self.send(await self.run(actions.read_conversation, user_id))


ROUTES = [
    (r"/api/v1/messages/conversations", Conversations),
    (r"/api/v1/messages/unread-count", UnreadCount),
    (r"/api/v1/messages/conversations/([^/]+)/read", ReadConversation),
]
