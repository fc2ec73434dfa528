"""Typing: tell the partner that somebody is writing.

Frame heard: `{"type":"typing","conversationId","recipientId"?}`

Event: `{"type":"typing","conversationId","userId"}` to the partner's sockets, at most once a second for each typist
and partner, and only where the two have a conversation and neither blocks the other.
"""

from regoods.core.feature import Feature
from regoods.features.typing.events import Typing, TypingListener

FEATURE = Feature(name="typing", frames={"typing": TypingListener}, events=(Typing,))
