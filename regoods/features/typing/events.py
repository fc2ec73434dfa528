"""Who is typing: the frame heard, the event sent, and the listener between them."""

from collections.abc import Awaitable
from typing import ClassVar

import msgspec
from cachetools import TTLCache

from regoods.core.errors import ValidationError
from regoods.core.feature import Services
from regoods.core.tokens import LARGEST_ID
from regoods.core.wire import Event, Id, Shape, decode, encode
from regoods.features.blocks.recent import RecentBlocks
from regoods.features.conversations.actions import are_in_touch
from regoods.features.conversations.events import ConversationId
from regoods.features.conversations.rules import conversation_id, partner_in

THROTTLE_SECONDS = 1
"""At most one event so often for each typist and partner (contract, section 4)."""

KNOWN_SECONDS = 10
"""How long a pair is believed to be in touch before the database is asked again: what a block takes that nobody told
of, because there was no Redis."""

BOUND = 50_000


class TypingFrame(Shape):
    """The caller is writing. Where `recipientId` is left out, `conversationId` names the partner."""

    conversation_id: ConversationId
    recipient_id: Id | None = None
    """The SPA never sends it."""


class Typing(Event, tag="typing"):
    """To the partner; `conversationId` as he knows it."""

    logged: ClassVar[bool] = False
    conversation_id: int
    user_id: int


class TypingListener:
    """Passes typing on to the partner. No database when the pair is known."""

    frame: ClassVar[msgspec.json.Decoder[TypingFrame]] = msgspec.json.Decoder(TypingFrame)

    def __init__(self, services: Services) -> None:
        self._services = services
        self._blocks = services.state(RecentBlocks)
        self._recent: TTLCache[tuple[int, int], bool] = TTLCache(BOUND, THROTTLE_SECONDS)
        self._strangers: TTLCache[tuple[int, int], bool] = TTLCache(BOUND, THROTTLE_SECONDS)
        self._known: TTLCache[tuple[int, int], bool] = TTLCache(BOUND, KNOWN_SECONDS)

    def __call__(self, user_id: int, payload: bytes) -> Awaitable[None] | None:
        frame = decode(payload, self.frame)
        partner_id, seen_as = _address(frame, user_id)
        pair = (user_id, partner_id)
        if pair in self._recent or pair in self._strangers:
            return None
        event = encode(Typing(conversation_id=seen_as, user_id=user_id))
        if pair in self._known:
            self._pass_on(pair, event)
            return None
        return self._ask_and_pass_on(pair, event)

    def _pass_on(self, pair: tuple[int, int], event: bytes) -> None:
        if not self._blocks.are_between(*pair):
            self._recent[pair] = True
            self._services.publish((pair[1],), event)

    async def _ask_and_pass_on(self, pair: tuple[int, int], event: bytes) -> None:
        if await self._services.work.run(are_in_touch, *pair):
            self._known[pair] = True
            # Others of the same pair may have asked meanwhile.
            if pair not in self._recent:
                self._pass_on(pair, event)
        else:
            self._strangers[pair] = True


def _address(frame: TypingFrame, user_id: int) -> tuple[int, int]:
    """(partner, conversationId as the partner knows it). Raises ValidationError."""
    partner_id = frame.recipient_id or partner_in(frame.conversation_id, user_id)
    if partner_id == user_id:
        raise ValidationError("conversationId", "conversationId names yourself: name your partner.")
    if frame.conversation_id <= LARGEST_ID:
        return partner_id, user_id
    if frame.conversation_id != conversation_id(user_id, partner_id):
        raise ValidationError("conversationId", "conversationId is not of your conversation with recipientId.")
    return partner_id, frame.conversation_id
