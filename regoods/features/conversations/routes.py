from regoods.core.http import ApiHandler
from regoods.features.conversations import actions

DEFAULT_LIMIT = 20


class Conversations(ApiHandler):
    async def get(self) -> None:
        limit, offset = self.paging(DEFAULT_LIMIT)
        self.send_page(await self.run(actions.list_conversations, limit, offset))


class UnreadCount(ApiHandler):
    async def get(self) -> None:
        self.send(await self.run(actions.count_unread))


class ReadConversation(ApiHandler):
    async def post(self, user_id: str) -> None:
        self.send(await self.run(actions.read_conversation, self.path_id("userId", user_id)))


ROUTES = [
    (r"/api/v1/messages/conversations", Conversations),
    (r"/api/v1/messages/unread-count", UnreadCount),
    (r"/api/v1/messages/conversations/([^/]+)/read", ReadConversation),
]
