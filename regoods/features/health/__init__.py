"""Health: is the process alive, and what its sockets are doing. No token.

    GET /health                    {status, timestamp}
    GET /health/websocket-stats    {activeConnections, onlineUsers, messagesSent, …}

Both also under /api/v1.
"""

from regoods.core.feature import Feature
from regoods.features.health.routes import ROUTES

FEATURE = Feature(name="health", routes=ROUTES)
