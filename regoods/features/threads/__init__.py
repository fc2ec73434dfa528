"""Threads: what two people wrote to each other, in pages and as a whole conversation.

    GET    /api/v1/messages/user/:userId?limit=50&offset=0&postId&before&after   Message[], the latest, oldest first
    GET    /api/v1/messages/conversations/:userId?postId          Conversation, with its latest 50 messages
    GET    /api/v1/messages/conversations/id/:conversationId      the same, by its id
    DELETE /api/v1/messages/conversations/:userId                 {userId}: clears it for the caller alone

`before` and `after` are message ids, for paging that new messages do not shift: `before` gives the latest messages
older than that one, `after` the first ones newer than it; `total` counts what is between them.

A partner's message that is committed after the clearing is not cleared, though it may have taken a lower id than the
caller's newest; only one that the same partner overtook himself, by two transactions at once, would be.

Events: `conversation_cleared` (declared by conversations) to the caller's sockets.
"""

from regoods.core.feature import Feature
from regoods.features.threads.routes import ROUTES

FEATURE = Feature(name="threads", routes=ROUTES)
