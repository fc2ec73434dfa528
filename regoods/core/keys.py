"""The keys that verify access tokens: secrets (HS256), a public key, the public keys behind an address (JWKS).

Which algorithm a key is for is the key's own: a token's header is never asked (RFC 8725, 2.1 and 3.1).
"""

import asyncio
import base64
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jwt
from jwt import PyJWK
from jwt.algorithms import get_default_algorithms

from regoods.core.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

HMAC = "HS256"
RSA = "RS256"
ED25519 = "EdDSA"

LEAST_RSA_BITS = 2048
"""RFC 7518, section 3.3."""

FETCH_SECONDS = 5.0
COOLDOWN_SECONDS = 30.0
"""Between two fetches for keys that are not among the known ones: forged tokens name as many as they like."""
RETRY_SECONDS = 5.0
"""Before an address that did not answer is asked again."""


def known_keys(settings: Settings) -> Sequence[PyJWK]:
    """The keys that the settings hold, the likeliest first. Raises SettingsError for a public key that is none."""
    secrets = (settings.jwt_access_secret, settings.jwt_access_secret_previous)
    keys = [secret_key(secret) for secret in secrets if secret]
    if settings.jwt_public_key:
        keys.append(_public_key(settings.jwt_public_key))
    return keys


def secret_key(secret: str) -> PyJWK:
    # Prepared once: PyJWT would look each time whether the secret might be a PEM or SSH key.
    encoded = base64.urlsafe_b64encode(secret.encode()).rstrip(b"=").decode()
    return PyJWK.from_dict({"kty": "oct", "k": encoded}, algorithm=HMAC)


def _public_key(given: str) -> PyJWK:
    """Of a PEM text, in which `\\n` may stand for a new line, or of a file that holds one."""
    try:
        pem = given.replace("\\n", "\n") if given.startswith("-----BEGIN ") else Path(given).read_text()
        return _from_pem(pem)
    except (OSError, ValueError, TypeError) as error:
        # Nothing of the value: it may be a private key.
        reason = error.strerror if isinstance(error, OSError) else "it holds no such key"
        raise SettingsError(
            f"JWT_PUBLIC_KEY is wrong: {reason}. Allowed: an RSA key of {LEAST_RSA_BITS} bits or more, or an Ed25519 "
            "key, as PEM text (-----BEGIN PUBLIC KEY-----) or the path of its file."
        ) from None


def _from_pem(pem: str) -> PyJWK:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key: Any = load_pem_public_key(pem.encode())
    algorithm = _algorithm_of(key)
    if algorithm is None:
        raise ValueError
    return PyJWK.from_dict(get_default_algorithms()[algorithm].to_jwk(key, as_dict=True), algorithm=algorithm)


def _algorithm_of(key: Any) -> str | None:
    """None for a key that must not verify: another kind, too small, or a private one."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, RSAPublicKey) and key.key_size >= LEAST_RSA_BITS:
        return RSA
    return ED25519 if isinstance(key, Ed25519PublicKey) else None


class KeySet:
    """The public keys behind JWT_JWKS_URL (RFC 7517), by their `kid`. On the loop's thread; fetched in another.

    While the address does not answer, the keys that are known go on.
    """

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, timeout=FETCH_SECONDS, cache_jwk_set=False)
        self._keys: dict[str, PyJWK] = {}
        self._fetching: asyncio.Task[None] | None = None
        self._next_fetch = 0.0
        self._said: str | None = None
        self.away = True
        """Whether the last fetch failed: what is not known may be good all the same."""
        self.changed: Callable[[], None] = lambda: None
        """Called when a key is gone or another one: what it has verified counts no more."""

    @property
    def count(self) -> int:
        return len(self._keys)

    def find(self, kid: str) -> PyJWK | None:
        return self._keys.get(kid)

    def may_learn(self, kid: str) -> bool:
        """Whether a fetch now may bring this key."""
        return kid not in self._keys and (self._fetching is not None or time.monotonic() >= self._next_fetch)

    async def fetch(self) -> None:
        """Ask the address; all who want it at a time share one request. Raises nothing: `away` tells."""
        if self._fetching is None:
            self._fetching = asyncio.ensure_future(self._fetch())
        await asyncio.shield(self._fetching)

    def stop(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()

    async def _fetch(self) -> None:
        try:
            signing = await asyncio.to_thread(self._client.get_signing_keys, refresh=True)
            keys = {str(key.key_id): key for key in signing if key.algorithm_name == _algorithm_of(key.key)}
        except (jwt.PyJWTError, OSError, ValueError, TypeError, AttributeError) as error:
            self.away = True
            self._next_fetch = time.monotonic() + RETRY_SECONDS
            self._say(f"JWT_JWKS_URL gave no keys, those known before go on: {error}")
            return
        finally:
            self._fetching = None
        self.away = False
        self._said = None
        self._next_fetch = time.monotonic() + COOLDOWN_SECONDS
        kept = all(kid in keys and keys[kid].key == key.key for kid, key in self._keys.items())
        self._keys = keys
        if not kept:
            self.changed()

    def _say(self, trouble: str) -> None:
        """Once, however often it is asked until it answers again."""
        if trouble != self._said:
            logger.error("%s", trouble)
        self._said = trouble
