"""The text that Prometheus reads."""

import asyncio

from prometheus_client import generate_latest

from regoods.core.feature import Services
from regoods.features.metrics.collector import Collector


class Exposition:
    """Writes one text at a time, however many want it: anyone may, as often as he likes."""

    def __init__(self) -> None:
        self._collector: Collector | None = None
        self._writing: asyncio.Task[bytes] | None = None

    async def text(self, services: Services) -> bytes:
        """On the loop's thread, which does not write it."""
        registry = services.metrics.registry
        if self._collector is None:
            self._collector = Collector(services)
            registry.register(self._collector)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(asyncio.to_thread(generate_latest, registry))
        return await asyncio.shield(self._writing)
