"""Refusals that are remembered for a minute, so that the second one comes before the upgrade (contract, section 4)."""

import hashlib

from cachetools import TTLCache

REMEMBER_SECONDS = 60
REMEMBERED = 50_000
"""Refusals held at most, the oldest dropped first: 8 MB with their 16-byte hashes."""


class Refusals:
    """Of this process. Holds hashes, never tokens."""

    def __init__(self) -> None:
        self._here: TTLCache[bytes, bool] = TTLCache(REMEMBERED, REMEMBER_SECONDS)

    def is_known(self, key: bytes) -> bool:
        """Whether it was refused here, which is known without asking anybody."""
        return _digest(key) in self._here

    async def note(self, key: bytes) -> bool:
        """It is refused; whether it has been before."""
        digest = _digest(key)
        known = digest in self._here or await self._is_known_elsewhere(digest)
        if not known:
            self._here[digest] = True
        return known

    async def _is_known_elsewhere(self, digest: bytes) -> bool:
        return False


def _digest(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=16).digest()
