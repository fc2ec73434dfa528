"""Health: is the process alive, may it be sent requests, and what its sockets are doing. No token.

    GET /health                    {status, timestamp}
    GET /health/ready              {status, degraded}: 200 while it serves, else 503
    GET /health/websocket-stats    {activeConnections, onlineUsers, messagesSent, …}, of the process that answers
    GET /version                   {version, commit, python, startedAt}

Those of health also under /api/v1.
"""

from regoods.core.feature import Feature
from regoods.features.health.routes import ROUTES

FEATURE = Feature(name="health", routes=ROUTES)
