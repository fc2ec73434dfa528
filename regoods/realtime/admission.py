"""Who gets a socket, and how a refusal is said so that the SPA's reconnect loop ends (contract, section 4).

The SPA resets its retry counter whenever a socket opens. So the first refusal is a close code, which a client can
read, and the same refusal again within a minute is a status before the upgrade, after which the SPA gives up.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from typing import NoReturn

from cachetools import TTLCache

from regoods.core.errors import ApiError, InvalidToken, RateLimited, Unauthorized
from regoods.core.feature import Services
from regoods.core.work import Work, reads
from regoods.realtime.bus import Bus
from regoods.realtime.closing import (
    AUTHENTICATION_FAILED,
    INVALID_TOKEN,
    NO_PONG,
    TOKEN_REQUIRED,
    TOO_MANY_CONNECTIONS,
    Close,
)
from regoods.realtime.connection import Realtime

logger = logging.getLogger(__name__)

REMEMBER_SECONDS = 60
REMEMBERED = 50_000
"""Refusals held at most, the oldest dropped first: 8 MB with their 16-byte hashes."""

PROBE_SECONDS = 1.0
RETRY_AFTER_SECONDS = 30


class Refused(Exception):
    """The handshake is completed, then the socket closed with `close`."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close


@reads
def check_caller(work: Work, user_id: int) -> int | None:
    """The user's latest number, after the check that every action begins with: he exists and is active."""
    return work.latest_number(user_id)


def _digest(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=16).digest()


class Admission:
    """Decides about each handshake of one server."""

    def __init__(self, services: Services, realtime: Realtime, bus: Bus) -> None:
        self._services = services
        self._bus = bus
        self._realtime = realtime
        self._registry = realtime.registry
        self._limit = services.settings.ws_max_connections_per_user
        self._refused: TTLCache[bytes, bool] = TTLCache(REMEMBERED, REMEMBER_SECONDS)

    async def admit(self, tokens: Sequence[bytes], address: str) -> tuple[int, int | None]:
        """The user who may open a socket, and the newest number in his log.

        `tokens` are the raw values of the query's `token`, `address` is the client's. Raises Refused for a close
        after the upgrade, ApiError for a status before it.
        """
        if not tokens or not tokens[-1]:
            self._refuse(b"address:" + address.encode(), TOKEN_REQUIRED, Unauthorized("The socket needs ?token=<jwt>."))
        token = tokens[-1]
        key = b"token:" + token
        if self._is_remembered(key):
            self._count(INVALID_TOKEN)
            raise InvalidToken
        try:
            user_id = self._services.tokens.user_id(token.decode("ascii"))
            await self._bus.follow(user_id)
            latest = await self._services.work.run(check_caller, user_id)
        except (InvalidToken, UnicodeDecodeError):
            self._refuse(key, INVALID_TOKEN, InvalidToken())
        except Exception:
            logger.exception("authenticating a socket failed")
            self._count(AUTHENTICATION_FAILED)
            raise Refused(AUTHENTICATION_FAILED) from None
        if len(self._registry.of(user_id)) >= self._limit:
            await self._make_room(user_id)
        self._realtime.told_full.discard(user_id)
        return user_id, latest

    async def _make_room(self, user_id: int) -> None:
        """Close the user's dead sockets. Raises where all are alive."""
        probes = {connection.probe(): connection for connection in self._registry.of(user_id)}
        _, silent = await asyncio.wait(probes, timeout=PROBE_SECONDS)
        for probe in silent:
            probes[probe].close(NO_PONG)
        if len(self._registry.of(user_id)) < self._limit:
            return
        self._count(TOO_MANY_CONNECTIONS)
        if user_id in self._realtime.told_full:
            raise RateLimited(
                f"You have {self._limit} open sockets, the most a user may have. Close one first.",
                retry_after=RETRY_AFTER_SECONDS,
            )
        self._realtime.told_full.add(user_id)
        raise Refused(TOO_MANY_CONNECTIONS)

    def sweep(self) -> None:
        """Drop what is remembered of users who have room again."""
        self._realtime.told_full = {
            user_id for user_id in self._realtime.told_full if len(self._registry.of(user_id)) >= self._limit
        }

    def _refuse(self, key: bytes, close: Close, error: ApiError) -> NoReturn:
        self._count(close)
        if self._is_remembered(key):
            raise error
        self._refused[_digest(key)] = True
        raise Refused(close)

    def _is_remembered(self, key: bytes) -> bool:
        return _digest(key) in self._refused

    def _count(self, close: Close) -> None:
        self._services.metrics.refused[close.reason] += 1
