"""Conversations: whom somebody writes with, what is unread, and who hears of what happens between two.

    GET  /api/v1/messages/conversations?limit=20&offset=0   ConversationPreview[], newest first
    GET  /api/v1/messages/unread-count                      {count}
    POST /api/v1/messages/conversations/:userId/read        {recipientCount, senderCount, count}

Events: `message_read` for each of the newest 100 messages newly read, then `conversation_read`, which is the entry in
the log; to both users. `conversation_cleared` to the one who cleared it, whose call is one of threads.

Its `tables.py` holds `Messages`, of which a conversation consists; the messages feature stands on it.
"""

from regoods.core.feature import Feature
from regoods.features.conversations.events import ConversationCleared, ConversationRead, MessageRead
from regoods.features.conversations.routes import ROUTES

FEATURE = Feature(name="conversations", routes=ROUTES, events=(MessageRead, ConversationRead, ConversationCleared))
