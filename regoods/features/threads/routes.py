from regoods.core.api import ApiHandler
from regoods.core.calls import Limit, Offset, Path, Query, call
from regoods.core.errors import Forbidden, NotFound
from regoods.core.wire import Id
from regoods.features.conversations import actions as conversations
from regoods.features.conversations.events import Cleared, ConversationId
from regoods.features.messages.events import Message
from regoods.features.threads import actions, events
from regoods.features.threads.queries import ENDLESS, Span


class Thread(ApiHandler):
    @call(Message, paged=True, errors=(NotFound,))
    async def get(
        self,
        user_id: Path[Id],
        limit: Query[Limit] = 50,
        offset: Query[Offset] = 0,
        post_id: Query[Id | None] = None,
        before: Query[Id | None] = None,
        after: Query[Id | None] = None,
    ) -> None:
        """The latest messages with somebody, oldest first; older than the message `before`, or the first after one."""
        span = Span(limit, offset, after or 0, before or ENDLESS, from_oldest=after is not None)
        self.send_page(await self.run(actions.list_thread, user_id, post_id, span))


class Conversation(ApiHandler):
    @call(events.Conversation, errors=(NotFound,))
    async def get(self, user_id: Path[Id], post_id: Query[Id | None] = None) -> None:
        """The conversation with somebody; empty where the two have not written to each other."""
        self.send(await self.run(actions.get_conversation, user_id, post_id))

    @call(Cleared, errors=(NotFound,))
    async def delete(self, user_id: Path[Id]) -> None:
        """Clear a conversation for the caller alone; a new message brings it back."""
        self.send(await self.run(conversations.clear, user_id))


class ConversationById(ApiHandler):
    @call(events.Conversation, errors=(Forbidden, NotFound))
    async def get(self, conversation_id: Path[ConversationId]) -> None:
        """A conversation by its id, for its participants; a number below 2**31 is the partner's user id."""
        self.send(await self.run(actions.get_conversation_by_id, conversation_id))


ROUTES = [
    (r"/api/v1/messages/user/([^/]+)", Thread),
    (r"/api/v1/messages/conversations/id/([^/]+)", ConversationById),
    (r"/api/v1/messages/conversations/([^/]+)", Conversation),
]
