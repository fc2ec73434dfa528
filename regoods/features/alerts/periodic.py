"""Looks again and again whether an alert fires or is resolved, and says so."""

import asyncio
import logging
import time
from datetime import datetime

from regoods.core.feature import Services
from regoods.core.metrics import LATENCIES, Metrics
from regoods.core.webhook import Webhook
from regoods.core.wire import encode
from regoods.features.alerts import events, memory
from regoods.features.alerts.history import Counted, Sockets
from regoods.features.alerts.rules import RULES, Alert, Name, Reading, Totals, failures, latency

logger = logging.getLogger("regoods.features.alerts")

LAST_TRY_SECONDS = 1.0
"""What a stop leaves a webhook for what has not been posted yet."""


class Watch:
    """The alerts of one server. On the loop's thread."""

    def __init__(self) -> None:
        self.alerts = {name: Alert(rule) for name, rule in RULES.items()}
        self.changes: dict[Name, datetime] = {}
        """When each last fired or was resolved."""
        self.counted = Counted()
        self.sockets = Sockets()
        self.webhook = Webhook()

    def see(self, services: Services, name: Name, reading: Reading, now: float) -> None:
        alert = self.alerts[name]
        changed = alert.see(reading, now, services.settings.alert_window / 1000)
        services.metrics.alerts_firing.labels(name).set(alert.firing)
        if not changed:
            return
        moment = services.clock.now()
        fired = moment if alert.firing else self.changes[name]
        self.changes[name] = moment
        logger.log(logging.WARNING if alert.firing else logging.INFO, "%s", events.sentence(alert))
        if services.settings.alert_webhook_url:
            notice = events.notice(services, alert, fired, moment)
            self.webhook.post(services.settings.alert_webhook_url, encode(notice))


def watch(services: Services) -> None:
    """All but the memory."""
    alerts, now, window = services.state(Watch), time.monotonic(), services.settings.alert_window / 1000
    during = alerts.counted.during(totals(services.metrics), now, window)
    firing = alerts.alerts["connections_dropped"].firing
    missing = alerts.sockets.missing(services.connections()[0], now, window, firing=firing)
    alerts.see(services, "connection_failures", failures(during), now)
    alerts.see(services, "delivery_latency", latency(during, LATENCIES), now)
    alerts.see(services, "connections_dropped", missing, now)


async def watch_memory(services: Services) -> None:
    read = await asyncio.to_thread(memory.read, services.settings.memory_limit)
    if read is None:
        return
    services.metrics.memory_used.set(read.ratio)
    details = {"memory_of": read.holder, "used_bytes": read.used, "total_bytes": read.total}
    services.state(Watch).see(services, "memory", Reading(read.ratio, True, details), time.monotonic())


def totals(metrics: Metrics) -> Totals:
    samples = list(next(iter(metrics.delivery.collect())).samples)
    return Totals(
        opened=metrics.connections_opened,
        refused=dict(metrics.refused),
        delivered=[sample.value for sample in samples if sample.name.endswith("_bucket")],
        seconds=next(sample.value for sample in samples if sample.name.endswith("_sum")),
    )


async def stop(services: Services) -> None:
    await services.state(Watch).webhook.stop(LAST_TRY_SECONDS)
