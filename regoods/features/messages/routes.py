import msgspec

from regoods.core.http import ApiHandler
from regoods.features.messages import actions
from regoods.features.messages.events import Edit, NewMessage

DEFAULT_LIMIT = 50

_new_message = msgspec.json.Decoder(NewMessage)
_edit = msgspec.json.Decoder(Edit)


class Messages(ApiHandler):
    async def post(self) -> None:
        self.send(await self.run(actions.send, self.body(_new_message)), 201)


class Thread(ApiHandler):
    async def get(self, user_id: str) -> None:
        partner_id = self.path_id("userId", user_id)
        limit, offset = self.paging(DEFAULT_LIMIT)
        self.send_page(await self.run(actions.list_thread, partner_id, self.query_id("postId"), limit, offset))


class ReadMessage(ApiHandler):
    async def post(self, message_id: str) -> None:
        self.send(await self.run(actions.mark_read, self.path_id("messageId", message_id)))


class Message(ApiHandler):
    async def put(self, message_id: str) -> None:
        self.send(await self.run(actions.edit, self.path_id("messageId", message_id), self.body(_edit)))

    async def delete(self, message_id: str) -> None:
        self.send(await self.run(actions.delete, self.path_id("messageId", message_id)))


ROUTES = [
    (r"/api/v1/messages", Messages),
    (r"/api/v1/messages/user/([^/]+)", Thread),
    (r"/api/v1/messages/([^/]+)/read", ReadMessage),
    (r"/api/v1/messages/([^/]+)", Message),
]
