"""Who gets a socket, and how a refusal is said so that the SPA's reconnect loop ends (contract, section 4).

The SPA resets its retry counter whenever a socket opens. So the first refusal is a close code, which a client can
read, and the same refusal again within a minute is a status before the upgrade, after which the SPA gives up.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from regoods.core import log, origin
from regoods.core.errors import ApiError, InvalidToken, RateLimited, ServiceUnavailable, Unauthorized
from regoods.core.feature import Services
from regoods.core.tokens import Claims
from regoods.core.work import Work, reads
from regoods.realtime.bus import Bus
from regoods.realtime.closing import (
    AUTHENTICATION_FAILED,
    INVALID_TOKEN,
    TOKEN_REQUIRED,
    TOO_MANY_CONNECTIONS,
    Close,
)
from regoods.realtime.places import Places
from regoods.realtime.refusals import Refusals

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 30

FOREIGN_ORIGIN = "Foreign origin"
"""As what it is counted that a page of another origin dialled, who is told a status alone."""

REFUSALS = (
    *(one.reason for one in (TOKEN_REQUIRED, INVALID_TOKEN, TOO_MANY_CONNECTIONS, AUTHENTICATION_FAILED)),
    FOREIGN_ORIGIN,
)
"""All that handshakes are refused for."""


class Refused(Exception):
    """The handshake is completed, then the socket closed with `close`."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close


class Admitted(NamedTuple):
    """Whose socket it is, the newest number in his log, the place that it is to have or to give up, and the end of its
    token in seconds of Unix time."""

    user_id: int
    latest: int | None
    place: int
    expires: float


@reads
def check_caller(work: Work, user_id: int) -> int | None:
    """The user's latest number, after the check that every action begins with: he exists and is active."""
    return work.latest_number(user_id)


class Admission:
    """Decides about each handshake of one server."""

    def __init__(self, services: Services, bus: Bus, places: Places, refusals: Refusals) -> None:
        self._services = services
        self._bus = bus
        self._places = places
        self._refusals = refusals

    async def admit(self, tokens: Sequence[bytes], address: str) -> Admitted:
        """The user who may open a socket.

        `tokens` are the raw values that came with the handshake, of which the last counts; `address` is the client's.
        Raises Refused for a close after the upgrade, ApiError for a status before it.
        """
        if not tokens or not tokens[-1]:
            missing = Unauthorized("The socket needs a token: ?token=<jwt>, or as asyncapi.json says.")
            await self._refuse(b"address:" + address.encode(), TOKEN_REQUIRED, missing)
        token = tokens[-1]
        key = b"token:" + token
        if self._refusals.is_known(key):
            self.count(INVALID_TOKEN)
            raise InvalidToken
        try:
            user_id, expires = await self._claims(token.decode("ascii"))
            await self._bus.follow(user_id)
            latest = await self._services.work.run(check_caller, user_id)
        except (InvalidToken, UnicodeDecodeError):
            await self._refuse(key, INVALID_TOKEN, InvalidToken())
        except Exception as error:
            # A database that is away is said once by who knows it, not by each of thousands who come back.
            if not isinstance(error, ServiceUnavailable):
                logger.exception("authenticating a socket failed")
            self.count(AUTHENTICATION_FAILED)
            raise Refused(AUTHENTICATION_FAILED) from None
        return Admitted(user_id, latest, await self._take_place(user_id), expires)

    async def admit_by_frame(self, token: str) -> Admitted:
        """The user of a socket that is open already. Raises Refused."""
        try:
            return await self.admit([token.encode()], "")
        except InvalidToken:
            raise Refused(INVALID_TOKEN) from None
        except RateLimited:
            raise Refused(TOO_MANY_CONNECTIONS) from None

    def give_up(self, admitted: Admitted) -> None:
        """There will be no socket."""
        self._places.give_up(admitted.user_id, admitted.place)

    def count(self, close: Close) -> None:
        """One more is refused so."""
        self.count_as(close.reason)

    def count_as(self, reason: str) -> None:
        """One more is refused for this, whatever he is told."""
        self._services.metrics.refused[reason] += 1
        request = origin.current.get()
        known = {} if request is None else {"requestId": request.request_id}
        log.event.info("socket_refused", reason=reason, **known)

    async def _claims(self, token: str) -> Claims:
        learning = self._services.tokens.learning(token)
        if learning is not None:
            await learning
        return self._services.tokens.claims(token)

    async def _take_place(self, user_id: int) -> int:
        """Raises where he has his full number, and all are alive."""
        place = await self._places.take(user_id)
        if not place:
            await self._places.make_room(user_id)
            place = await self._places.take(user_id)
        if place:
            return place
        self.count(TOO_MANY_CONNECTIONS)
        if await self._places.tell_full(user_id):
            limit = self._services.settings.ws_max_connections_per_user
            raise RateLimited(
                f"You have {limit} open sockets, the most a user may have. Close one first.",
                retry_after=RETRY_AFTER_SECONDS,
            )
        raise Refused(TOO_MANY_CONNECTIONS)

    async def _refuse(self, key: bytes, close: Close, error: ApiError) -> NoReturn:
        self.count(close)
        if await self._refusals.note(key):
            raise error
        raise Refused(close)
