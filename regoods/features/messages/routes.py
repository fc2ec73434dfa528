import asyncio
import time
from typing import Annotated

from msgspec import Meta, Raw

from regoods.core.api import ApiHandler
from regoods.core.calls import Body, Path, Place, call
from regoods.core.errors import Conflict, Forbidden, NotFound, Undecided
from regoods.core.wire import Id
from regoods.features.messages import actions, events, repeats, rules
from regoods.features.messages.events import Edit, NewMessage
from regoods.features.messages.repeats import UnansweredSends

Key = Annotated[
    str | None, Place("header", "Idempotency-Key"), Meta(extra_json_schema={"pattern": rules.KEY}, examples=["b2f9-17"])
]


class Messages(ApiHandler):
    _storing: NewMessage | None = None
    """A message without a key, until it is known what came of it."""
    _outcome: "asyncio.Future[Raw] | None" = None

    @call(events.Message, status=201, errors=(Forbidden, NotFound, Conflict))
    async def post(self, new: Body[NewMessage], key: Key = None) -> None:
        """Send a message. The same key and body within 24 hours give the same message, another body 422."""
        if key is None:
            await self._post_without_key(new)
        else:
            rules.check_key(key)
            self._answer(await self.run(actions.send, new, key))

    async def _post_without_key(self, new: NewMessage) -> None:
        unanswered = self.services.state(UnansweredSends)
        self._storing = new
        try:
            stored = await unanswered.again(self.user_id, new)
            message: Raw = await self.run(actions.send, new) if stored is None else stored
        except Undecided as undecided:
            self._storing = None
            outcome = self._outcome or repeats.lost(self.services, self.user_id, new)
            repeats.follow(self.services, self.user_id, new, outcome, undecided.outcome)
            raise
        except BaseException:
            if self._outcome is not None:
                repeats.tell_outcome(self.services, self.user_id, new, self._outcome, None)
            raise
        self._storing = None
        if self._outcome is not None:
            repeats.tell_outcome(self.services, self.user_id, new, self._outcome, message)
        elif stored is not None:
            unanswered.answered(self.user_id, new)
            repeats.tell(self.services, self.user_id, new, "answered")
        self._answer(message)

    def _answer(self, message: Raw) -> None:
        self.send(message, 201)
        self.services.metrics.send.observe(time.monotonic() - self.origin.arrived)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self._storing is not None:
            self._outcome = repeats.lost(self.services, self.user_id, self._storing)


class ReadMessage(ApiHandler):
    @call(events.Message, errors=(Forbidden, NotFound))
    async def post(self, message_id: Path[Id]) -> None:
        """Mark a message read, as its recipient or its sender."""
        self.send(await self.run(actions.mark_read, message_id))


class Message(ApiHandler):
    @call(events.Message, errors=(NotFound,))
    async def get(self, message_id: Path[Id]) -> None:
        """One message, for its participants."""
        self.send(await self.run(actions.get, message_id))

    @call(events.Message, errors=(Forbidden, NotFound))
    async def put(self, message_id: Path[Id], new: Body[Edit]) -> None:
        """Edit one's own message, within 15 minutes of sending it."""
        self.send(await self.run(actions.edit, message_id, new))

    @call(events.Deleted, errors=(Forbidden, NotFound))
    async def delete(self, message_id: Path[Id]) -> None:
        """Delete a message, for both."""
        self.send(await self.run(actions.delete, message_id))


ROUTES = [
    (r"/api/v1/messages", Messages),
    (r"/api/v1/messages/([^/]+)/read", ReadMessage),
    (r"/api/v1/messages/([^/]+)", Message),
]
