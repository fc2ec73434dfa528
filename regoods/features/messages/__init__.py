"""Messages: send, read, edit, delete. Saved first, pushed after the commit.

    POST   /api/v1/messages                  201 Message
    GET    /api/v1/messages/:id              Message
    POST   /api/v1/messages/:id/read         Message
    PUT    /api/v1/messages/:id              Message
    DELETE /api/v1/messages/:id              {messageId}

`Idempotency-Key` on the POST: the same key and body within 24 hours give the same message and 201, another body 422
`CONFLICT`. Without a key: an equal POST within a minute of one whose connection ended before its answer gives the
message of that one, whatever the node.

Events: `message` to the recipient, `message_sent` to the sender's other tabs; `message_read` (when the recipient
read it), `message_edited`, `message_deleted` to both.
"""

from regoods.core.feature import Feature, Periodic
from regoods.features.messages import repeats
from regoods.features.messages.events import MessageDeleted, MessageEdited, MessageEvent, MessageSent
from regoods.features.messages.periodic import forget_keys
from regoods.features.messages.routes import ROUTES

FORGET_KEYS_MS = 600_000

FEATURE = Feature(
    name="messages",
    routes=ROUTES,
    events=(MessageEvent, MessageSent, MessageEdited, MessageDeleted),
    notices={repeats.NOTICE: repeats.hear},
    periodic=(Periodic(forget_keys, FORGET_KEYS_MS),),
)
