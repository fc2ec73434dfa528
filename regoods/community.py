"""What joins this process to others: alone, or with REDIS_URL one node of many. Composition, as `app.py`."""

from collections.abc import Mapping
from typing import NamedTuple

from regoods.core.limits import Counting, count_alone
from regoods.core.metrics import Metrics
from regoods.core.settings import Settings, SettingsError
from regoods.realtime.bus import Bus, LocalBus, Notice
from regoods.realtime.connection import Connection
from regoods.realtime.places import LocalPlaces, Places
from regoods.realtime.refusals import Refusals
from regoods.realtime.registry import ConnectionRegistry

WRONG_REDIS_URL = (
    "REDIS_URL is wrong: its port is no number, or its query names an option that there is not. In a password "
    "the characters : / ? # @ % are written as %3A %2F %3F %23 %40 %25."
)
"""What the library says may quote a part of the password."""


class Community(NamedTuple):
    bus: Bus
    places: Places
    refusals: Refusals
    counting: Counting
    """How users' hits are counted."""
    notices: Mapping[str, Notice]
    """What is done with what other nodes tell of these, by its kind."""


def join(settings: Settings, registry: ConnectionRegistry[Connection], metrics: Metrics) -> Community:
    """Raises SettingsError for a REDIS_URL that cannot be one."""
    limit = settings.ws_max_connections_per_user
    if not settings.redis_url:
        return Community(LocalBus(registry, metrics), LocalPlaces(registry, limit), Refusals(), count_alone, {})
    # Who is alone needs no Redis client.
    from regoods.core.redis_limits import FULL, SharedLimits
    from regoods.core.redis_link import RedisLink, can_be_tried
    from regoods.realtime.redis_bus import RedisBus
    from regoods.realtime.redis_places import RedisPlaces
    from regoods.realtime.redis_refusals import RedisRefusals

    if not can_be_tried(settings.redis_url):
        raise SettingsError(WRONG_REDIS_URL)
    link = RedisLink(settings.redis_url, settings.redis_prefix)
    bus = RedisBus(registry, metrics, link, settings.redis_url)
    limits = SharedLimits(link, metrics.bus, bus.notify)
    places = RedisPlaces(registry, limit, bus, settings.redis_url, settings.ws_heartbeat_interval / 1000)
    return Community(bus, places, RedisRefusals(link), limits.counter, {FULL: limits.take})
