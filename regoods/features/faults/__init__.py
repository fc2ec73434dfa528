"""Faults on purpose, for authors of clients: development only, no token (docs/faults.md).

They are made in the server, on all sockets that one user has in the process that answers, so that any client of his
feels them. Nobody else does.

GET    /debug/faults?userId=    what is disturbed at the moment, and what that has done so far
PUT    /debug/faults {userId, dropEvery?, duplicateEvery?, reorderEvery?, delayMs?, seconds?}
                                disturb his events, in the place of what was before; ends by itself after 60 s
DELETE /debug/faults?userId=    undisturbed again; what is held back comes at once
POST   /debug/faults/kill {userId, how: "reset" | "close" | "silent", code?, reason?}
                                end his sockets by RST, by a close code (1001), or leave them open and unanswered
POST   /debug/faults/expire-token {userId, seconds?}
                                his tokens of before this second are refused from now on; his sockets are warned by
                                `token_expiring`, and closed with 1008 after 5 s if `auth` does not renew them
POST   /debug/faults/fill {userId, bytes?}
                                send so much (16 MiB) as fast as he reads; who does not is closed with 4008

Events are what is pushed of users' doings: messages, receipts, typing, presence. What the socket says of itself is
never disturbed: `connected`, `pong`, `error`, `token_expiring`, pings, close frames. An event that is dropped stays in
the log, so a gap in `seq` tells of it.
"""

from regoods.core.feature import Feature
from regoods.features.faults.routes import ROUTES

FEATURE = Feature(name="faults", routes=ROUTES, enabled=lambda settings: settings.debug_chat and settings.development)
