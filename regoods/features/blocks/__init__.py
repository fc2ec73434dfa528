"""Blocks: somebody who wants to hear no more of somebody else.

    GET    /api/v1/messages/blocks?limit=50&offset=0   [{userId, user, blockedAt}], newest first
    GET    /api/v1/messages/blocks/:userId             {userId, isBlocked, blockedAt?}: the caller's own block alone
    PUT    /api/v1/messages/blocks/:userId             {userId, isBlocked: true, blockedAt}; again: the first time stays
    DELETE /api/v1/messages/blocks/:userId             {userId, isBlocked: false}, also where there was none

While one of two blocks the other, neither can send to the other or edit for him (403, in messages), and neither hears
of the other's typing and presence; both read what there is and may delete from it. Nobody is told who blocks him.

No frames, no events. Other nodes are told of each block, for what they still believe: `recent.py`.
"""

from regoods.core.feature import Feature
from regoods.features.blocks import recent
from regoods.features.blocks.routes import ROUTES

FEATURE = Feature(name="blocks", routes=ROUTES, notices={recent.NOTICE: recent.hear})
