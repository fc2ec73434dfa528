"""Metrics: what this process counted and measured since it started, for Prometheus. No token.

    GET /metrics    Prometheus' text format

For those inside: config/nginx.conf does not let it out. The names are in docs/operations.md.
"""

from regoods.core.feature import Feature
from regoods.features.metrics.routes import ROUTES

FEATURE = Feature(name="metrics", routes=ROUTES)
