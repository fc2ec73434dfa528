"""Messages: send, list, read, edit, delete. Saved first, pushed after the commit.

    POST   /api/v1/messages                                       201 Message
    GET    /api/v1/messages/user/:userId?limit=50&offset=0&postId Message[], the latest, oldest first
    POST   /api/v1/messages/:id/read                              Message
    PUT    /api/v1/messages/:id                                   Message
    DELETE /api/v1/messages/:id                                   {messageId}

Events: `message` to the recipient, `message_sent` to the sender's other tabs; `message_read` (when the recipient
read it), `message_edited`, `message_deleted` to both.
"""

from regoods.core.feature import Feature
from regoods.features.messages.events import MessageDeleted, MessageEdited, MessageEvent, MessageSent
from regoods.features.messages.routes import ROUTES

FEATURE = Feature(name="messages", routes=ROUTES, events=(MessageEvent, MessageSent, MessageEdited, MessageDeleted))
