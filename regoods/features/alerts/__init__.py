"""Alerts: the plan's four, watched in the process itself, so that a single VM needs nothing else. No token.

    GET /health/alerts    {status, windowMs, process, processId, alerts}: what is firing, with figures and limits

Also under /api/v1; nginx keeps both inside. Each process watches itself: with several workers or nodes each has four.

A change is logged in one line and posted to ALERT_WEBHOOK_URL as a `Notice`. What each alert means and what to do:
docs/operations.md. The same four for Prometheus: config/alerts.yml.
"""

from regoods.core.feature import Feature, Periodic
from regoods.features.alerts.periodic import stop, watch, watch_memory
from regoods.features.alerts.routes import ROUTES
from regoods.features.alerts.rules import interval_ms

FEATURE = Feature(
    name="alerts",
    routes=ROUTES,
    periodic=(
        Periodic(watch, lambda settings: interval_ms(settings.alert_window)),
        Periodic(watch_memory, lambda settings: interval_ms(settings.alert_window)),
    ),
    stop=stop,
)
