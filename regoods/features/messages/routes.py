import asyncio

import msgspec
from msgspec import Raw

from regoods.core.http import ApiHandler
from regoods.features.messages import actions, rules
from regoods.features.messages.events import Edit, NewMessage
from regoods.features.messages.repeats import UnansweredSends

_new_message = msgspec.json.Decoder(NewMessage)
_edit = msgspec.json.Decoder(Edit)


class Messages(ApiHandler):
    _storing: NewMessage | None = None
    """A message without a key, while it is being stored."""
    _outcome: "asyncio.Future[Raw] | None" = None

    async def post(self) -> None:
        new = self.body(_new_message)
        key = self.request.headers.get("Idempotency-Key")
        if key is None:
            await self._post_without_key(new)
        else:
            rules.check_key(key)
            self.send(await self.run(actions.send, new, key), 201)

    async def _post_without_key(self, new: NewMessage) -> None:
        unanswered = self.services.state(UnansweredSends)
        message = await unanswered.again(self.user_id, new)
        if message is not None:
            self.send(message, 201)
            if not self.gone:
                unanswered.answered(self.user_id, new)
            return
        self._storing = new
        try:
            message = await self.run(actions.send, new)
        except BaseException:
            if self._outcome is not None:
                self._outcome.cancel()
            raise
        self._storing = None
        if self._outcome is not None:
            self._outcome.set_result(message)
        self.send(message, 201)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._storing is not None:
            self._outcome = self.services.state(UnansweredSends).lost(self.user_id, self._storing)


class ReadMessage(ApiHandler):
    async def post(self, message_id: str) -> None:
        self.send(await self.run(actions.mark_read, self.path_id("messageId", message_id)))


class Message(ApiHandler):
    async def get(self, message_id: str) -> None:
        self.send(await self.run(actions.get, self.path_id("messageId", message_id)))

    async def put(self, message_id: str) -> None:
        self.send(await self.run(actions.edit, self.path_id("messageId", message_id), self.body(_edit)))

    async def delete(self, message_id: str) -> None:
        self.send(await self.run(actions.delete, self.path_id("messageId", message_id)))


ROUTES = [
    (r"/api/v1/messages", Messages),
    (r"/api/v1/messages/([^/]+)/read", ReadMessage),
    (r"/api/v1/messages/([^/]+)", Message),
]
