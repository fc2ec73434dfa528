"""Access tokens (contract, section 1): issued elsewhere in ReGoods, only verified here."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

import jwt
from cachetools import TLRUCache
from jwt import PyJWK

from regoods.core.errors import InvalidToken, ServiceUnavailable
from regoods.core.keys import HMAC, RETRY_SECONDS, KeySet

LIFETIME = timedelta(minutes=15)
LARGEST_ID = 2**31 - 1
REMEMBERED = 20_000

LATEST = 253_402_300_799
"""The last second of the year 9999: beyond it there are no dates to say."""


class Claims(NamedTuple):
    """Whom a good token speaks for, and its `exp` in seconds of Unix time."""

    user_id: int
    expires: float


class TokenVerifier:
    """Verifies tokens and remembers the good ones until they expire.

    Verifying costs 36 µs by a secret, remembering 1; at most `REMEMBERED` tokens (some 0.35 KB each) are held, by their
    digests: a token as it came is held nowhere.
    """

    def __init__(
        self, keys: Sequence[PyJWK], key_set: KeySet | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._key_set = key_set
        self.now = now
        self._verified: TLRUCache[bytes, Claims] = TLRUCache(
            REMEMBERED, ttu=lambda _digest, claims, _now: claims.expires, timer=now
        )
        self._ended: dict[int, int] = {}
        """By user, the second before which a token must not have been issued; for developers of clients."""
        if key_set is not None:
            key_set.changed = self._verified.clear

    def learning(self, token: str) -> Awaitable[None] | None:
        """What to wait for before this token is looked at, if anything: its key may have to be fetched first."""
        if self._key_set is None or _digest(token) in self._verified:
            return None
        kid = _kid_of(token)
        return self._key_set.fetch() if kid is not None and self._key_set.may_learn(kid) else None

    def user_id(self, token: str) -> int:
        """The user a good token speaks for. Raises as `claims`."""
        return self.claims(token).user_id

    def claims(self, token: str) -> Claims:
        """Raises InvalidToken; ServiceUnavailable where its key may be one that could not be fetched."""
        # Not by KeyError: it would carry the token into the traceback of whatever fails behind it.
        digest = _digest(token)
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._verified[digest] = self._checked(self._decoded(token))
        return claims

    def end(self, user_id: int) -> None:
        """As if all of the user's tokens had expired that were issued before this second."""
        self._ended[user_id] = int(self.now())
        for digest, claims in list(self._verified.items()):
            if claims.user_id == user_id:
                self._verified.pop(digest, None)

    def _decoded(self, token: str) -> dict[str, Any]:
        for key in self._keys:
            try:
                return _decode(token, key)
            except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
                continue
            except (jwt.PyJWTError, ValueError, RecursionError):
                raise InvalidToken from None
        kid = _kid_of(token) if self._key_set is not None else None
        if self._key_set is None or kid is None:
            raise InvalidToken
        found = self._key_set.find(kid)
        if found is None:
            raise ServiceUnavailable(retry_after=int(RETRY_SECONDS)) if self._key_set.away else InvalidToken()
        try:
            return _decode(token, found)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise InvalidToken from None

    def _checked(self, claims: dict[str, Any]) -> Claims:
        user_id, expires, begins = claims["userId"], claims["exp"], claims.get("nbf", 0)
        now = self.now()
        if not is_id(user_id) or not _is_time(expires) or not _is_time(begins):
            raise InvalidToken
        if not begins <= now < expires <= LATEST:
            raise InvalidToken
        if user_id in self._ended:
            issued = claims.get("iat", 0)
            if not _is_time(issued) or issued < self._ended[user_id]:
                raise InvalidToken
        return Claims(user_id, expires)


def _decode(token: str, key: PyJWK) -> dict[str, Any]:
    return jwt.decode(
        token,
        key,
        algorithms=[key.algorithm_name],
        # `iat` says when, not whether: an issuer whose clock is a second ahead is no forger (RFC 7519, 4.1.6).
        options={
            "require": ["exp", "userId"],
            "verify_iat": False,
            "verify_aud": False,
            "verify_exp": False,
            "verify_nbf": False,
        },
    )


def _kid_of(token: str) -> str | None:
    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    return kid if isinstance(kid, str) else None


def _digest(token: str) -> bytes:
    # What is no ASCII is no token, and is refused later in its turn.
    return blake2b(token.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _is_time(value: Any) -> bool:
    return type(value) is int or type(value) is float


def is_id(value: Any) -> bool:
    """A positive SQL INT; `bool` is an `int` in Python and no id."""
    return type(value) is int and 1 <= value <= LARGEST_ID


def mint(secret: str, user_id: int, email: str, now: datetime, lifetime: timedelta = LIFETIME) -> str:
    """A token as ReGoods issues it, for development and tests."""
    issued = int(now.timestamp())
    claims = {"userId": user_id, "email": email, "iat": issued, "exp": issued + int(lifetime.total_seconds())}
    return jwt.encode(claims, secret, algorithm=HMAC)
