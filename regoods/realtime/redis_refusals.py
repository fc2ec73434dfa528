"""Refusals that all nodes remember together."""

from regoods.core.redis_link import RedisAway, RedisLink
from regoods.realtime import refusals
from regoods.realtime.refusals import Refusals


class RedisRefusals(Refusals):
    """Asks only about what is to be refused: a good handshake does not wait for it. Alone while there is no Redis."""

    def __init__(self, link: RedisLink) -> None:
        super().__init__()
        self._link = link

    async def _is_known_elsewhere(self, digest: bytes) -> bool:
        name = self._link.name("refused", digest.hex())
        try:
            return await self._link.ask("SET", name, 1, "NX", "EX", int(refusals.REMEMBER_SECONDS)) is None
        except RedisAway:
            return False
