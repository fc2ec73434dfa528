from regoods.core.http import ApiHandler
from regoods.features.conversations import actions as conversations
from regoods.features.conversations.rules import LARGEST_CONVERSATION_ID
from regoods.features.threads import actions
from regoods.features.threads.queries import ENDLESS, Span

DEFAULT_LIMIT = 50


class Thread(ApiHandler):
    async def get(self, user_id: str) -> None:
        partner_id = self.path_id("userId", user_id)
        limit, offset = self.paging(DEFAULT_LIMIT)
        after, before = self.query_id("after"), self.query_id("before")
        span = Span(limit, offset, after or 0, before or ENDLESS, from_oldest=after is not None)
        self.send_page(await self.run(actions.list_thread, partner_id, self.query_id("postId"), span))


class Conversation(ApiHandler):
    async def get(self, user_id: str) -> None:
        partner_id = self.path_id("userId", user_id)
        self.send(await self.run(actions.get_conversation, partner_id, self.query_id("postId")))

    async def delete(self, user_id: str) -> None:
        self.send(await self.run(conversations.clear, self.path_id("userId", user_id)))


class ConversationById(ApiHandler):
    async def get(self, number: str) -> None:
        conversation_id = self.path_id("conversationId", number, LARGEST_CONVERSATION_ID)
        self.send(await self.run(actions.get_conversation_by_id, conversation_id))


ROUTES = [
    (r"/api/v1/messages/user/([^/]+)", Thread),
    (r"/api/v1/messages/conversations/id/([^/]+)", ConversationById),
    (r"/api/v1/messages/conversations/([^/]+)", Conversation),
]
