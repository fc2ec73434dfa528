"""Access tokens (contract, section 1): HS256, issued elsewhere in ReGoods, only verified here."""

import base64
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import jwt
from cachetools import TLRUCache

from regoods.core.errors import InvalidToken

ALGORITHM = "HS256"
LIFETIME = timedelta(minutes=15)
LARGEST_ID = 2**31 - 1
REMEMBERED = 20_000


class TokenVerifier:
    """Verifies tokens and remembers the good ones until they expire.

    Verifying costs 36 µs, remembering 0.1; at most `REMEMBERED` tokens (about 0.5 KB each) are held.
    """

    def __init__(self, secret: str, now: Callable[[], float] = time.time) -> None:
        # Prepared once: PyJWT would look each time whether the secret might be a PEM or SSH key.
        self._key = jwt.PyJWK.from_dict({"kty": "oct", "k": _base64url(secret)}, algorithm=ALGORITHM)
        self._now = now
        self._verified: TLRUCache[str, tuple[int, float]] = TLRUCache(
            REMEMBERED, ttu=lambda _token, claims, _now: claims[1], timer=now
        )

    def user_id(self, token: str) -> int:
        """The user a good token speaks for. Raises InvalidToken."""
        try:
            return self._verified[token][0]
        except KeyError:
            claims = self._verify(token)
            self._verified[token] = claims
            return claims[0]

    def _verify(self, token: str) -> tuple[int, float]:
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                # `iat` says when, not whether: an issuer whose clock is a second ahead is no forger (RFC 7519, 4.1.6).
                options={"require": ["exp", "userId"], "verify_iat": False, "verify_aud": False, "verify_exp": False},
            )
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise InvalidToken from None
        user_id = claims["userId"]
        expires = claims["exp"]
        if not is_id(user_id) or isinstance(expires, bool) or not isinstance(expires, int | float):
            raise InvalidToken
        if not expires > self._now():
            raise InvalidToken
        return user_id, expires


def _base64url(secret: str) -> str:
    return base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()


def is_id(value: Any) -> bool:
    """A positive SQL INT; `bool` is an `int` in Python and no id."""
    return type(value) is int and 1 <= value <= LARGEST_ID


def mint(secret: str, user_id: int, email: str, now: datetime, lifetime: timedelta = LIFETIME) -> str:
    """A token as ReGoods issues it, for development and tests."""
    issued = int(now.timestamp())
    claims = {"userId": user_id, "email": email, "iat": issued, "exp": issued + int(lifetime.total_seconds())}
    return jwt.encode(claims, secret, algorithm=ALGORITHM)
