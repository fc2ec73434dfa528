"""What the outside is told: the answer of /health/alerts, and the notice that a webhook gets."""

import os
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from regoods.core.feature import Services
from regoods.core.settings import Settings
from regoods.core.wire import Shape, Time, iso
from regoods.features.alerts.memory import Holder
from regoods.features.alerts.rules import Alert, Name, Unit

State = Literal["ok", "firing"]


class Details(Shape):
    """What an alert's value was made of; each alert has its own fields."""

    handshakes: int | None = None
    """In the window; with those that failed."""
    failures: int | None = None
    reasons: dict[str, int] | None = None
    """Failures by reason."""
    deliveries: int | None = None
    """In the window."""
    p99_ms: float | None = None
    """99 of 100 deliveries took no longer; at most the last bound of the histogram."""
    sockets: int | None = None
    """Open now."""
    most_sockets: int | None = None
    """Open at the most a moment ago; while it fires, before it fired."""
    memory_of: Holder | None = None
    """Whose memory: the process's against MEMORY_LIMIT, else a cgroup's or the machine's."""
    used_bytes: int | None = None
    total_bytes: int | None = None


class AlertStatus(Shape):
    name: Name
    state: State
    limit: float
    """It fires above."""
    resolved_under: float
    unit: Unit
    details: Details
    value: float | None = None
    """The last one; absent until something was measured."""
    since: Time | None = None
    """When it last fired or was resolved; absent where it never has."""


class AlertList(Shape):
    """Of the process that answers."""

    status: State
    """`firing` where at least one is."""
    window_ms: int
    process: str
    """Host and port."""
    process_id: int
    alerts: list[AlertStatus]


class Notice(Shape):
    """The JSON that is posted to ALERT_WEBHOOK_URL when an alert fires or is resolved."""

    alert: Name
    state: Literal["firing", "resolved"]
    value: float
    limit: float
    """The one that was crossed."""
    unit: Unit
    details: Details
    since: Time
    """When it fired."""
    at: Time
    """When the state changed."""
    process: str
    process_id: int
    version: str
    text: str
    """The same as a sentence, in the field that a chat's webhook shows."""


def process_name(settings: Settings) -> str:
    return f"{socket.gethostname()}:{settings.port}"


def alert_list(settings: Settings, alerts: Sequence[Alert], changes: dict[Name, datetime]) -> AlertList:
    return AlertList(
        status="firing" if any(alert.firing for alert in alerts) else "ok",
        window_ms=settings.alert_window,
        process=process_name(settings),
        process_id=os.getpid(),
        alerts=[_status(alert, changes.get(alert.rule.name)) for alert in alerts],
    )


def _status(alert: Alert, changed_at: datetime | None) -> AlertStatus:
    rule, reading = alert.rule, alert.reading
    return AlertStatus(
        name=rule.name,
        state="firing" if alert.firing else "ok",
        value=None if reading is None else round(reading.value, 4),
        limit=rule.limit,
        resolved_under=rule.resolved_under,
        unit=rule.unit,
        since=None if changed_at is None else iso(changed_at),
        details=Details() if reading is None else Details(**reading.details),
    )


def notice(services: Services, alert: Alert, since: datetime, now: datetime) -> Notice:
    """Of an alert that has just changed. It fired at `since`."""
    rule, reading, process = alert.rule, alert.reading, process_name(services.settings)
    assert reading is not None
    state: Literal["firing", "resolved"] = "firing" if alert.firing else "resolved"
    return Notice(
        alert=rule.name,
        state=state,
        value=round(reading.value, 4),
        limit=rule.limit if alert.firing else rule.resolved_under,
        unit=rule.unit,
        details=Details(**reading.details),
        since=iso(since),
        at=iso(now),
        process=process,
        process_id=os.getpid(),
        version=services.build.version,
        text=f"ReGoods messaging on {process}, process {os.getpid()}: {sentence(alert)}",
    )


def sentence(alert: Alert) -> str:
    rule, reading = alert.rule, alert.reading
    assert reading is not None
    value = _shown(reading.value, rule.unit)
    if alert.firing:
        return f"alert {rule.name} is firing: {value}, over {_shown(rule.limit, rule.unit)}"
    return f"alert {rule.name} is resolved: {value}"


def _shown(value: float, unit: Unit) -> str:
    return f"{value:.0f} ms" if unit == "ms" else f"{100 * value:.1f} %"
