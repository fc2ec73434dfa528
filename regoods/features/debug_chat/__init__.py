"""The manual chat page and its development-only calls; served only where DEBUG_CHAT is on.

GET  /debug/chat             the page; /debug leads to it
GET  /debug/users            [{userId, fullName}], the first 50
POST /debug/token {userId}   {userId, token, expiresAt}: a token for any user, so never in production
"""

from regoods.core.feature import Feature
from regoods.features.debug_chat.routes import ROUTES

FEATURE = Feature(name="debug_chat", routes=ROUTES, enabled=lambda settings: settings.debug_chat)
