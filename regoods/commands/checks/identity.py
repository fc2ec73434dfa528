"""Settings that start a server and are wrong in production all the same; keys that verify tokens; certificates."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from regoods.app import tls
from regoods.commands.checks.finding import Finding, advice, bad, good
from regoods.core.keys import KeySet, known_keys
from regoods.core.settings import DEVELOPMENT_SECRET, LOOPBACK, Settings, SettingsError

FEW_DAYS = 14


def look(settings: Settings) -> Iterator[Finding]:
    if not settings.development:
        yield from _production(settings)
    yield from _keys(settings)
    if settings.tls_cert_file:
        yield from _certificate(settings)


def _production(settings: Settings) -> Iterator[Finding]:
    local = [origin for origin in settings.allowed_origins if urlsplit(origin).hostname in LOOPBACK]
    if local:
        yield advice(
            "ALLOWED_ORIGINS",
            f"pages of the reader's own machine ({', '.join(local)}) may call",
            "Set it to the addresses of the site, such as https://regoods.com.",
        )
    if not settings.public_url:
        yield advice(
            "PUBLIC_URL",
            "it is empty, so pictures get the address by which the upload came, which a proxy may not tell",
            "Set it to the address that clients use.",
        )
    if not settings.trusted_proxies and not settings.tls_cert_file:
        yield advice(
            "TRUSTED_PROXIES",
            "it is empty, so behind a proxy all clients without a token count as one",
            "Set it to the proxy's address.",
        )


def _keys(settings: Settings) -> Iterator[Finding]:
    try:
        count = len(known_keys(settings))
    except SettingsError as error:
        yield bad(error)
        return
    # Without the secret that production must have, which is said elsewhere, the default stands in its place.
    if count and (settings.development or settings.jwt_access_secret != DEVELOPMENT_SECRET):
        yield good("Tokens", f"{count} key{'s' if count > 1 else ''} in the settings to verify them")
    if settings.jwt_jwks_url:
        key_set = KeySet(settings.jwt_jwks_url)
        asyncio.run(key_set.fetch())
        if key_set.away:
            yield advice(
                "JWT_JWKS_URL",
                "it gives no keys, and tokens by them are answered 503 until it does",
                "Open the address from this machine.",
            )
        else:
            yield good("JWT_JWKS_URL", f"it gives {key_set.count} keys")


def _certificate(settings: Settings) -> Iterator[Finding]:
    from cryptography import x509

    try:
        tls(settings)
    except SettingsError as error:
        yield bad(error)
        return
    certificate = x509.load_pem_x509_certificate(Path(settings.tls_cert_file).read_bytes())
    end = certificate.not_valid_after_utc
    left = (end - datetime.now(UTC)).days
    if left < FEW_DAYS:
        when = "ended" if left < 0 else "ends"
        yield advice("TLS_CERT_FILE", f"it {when} on {end:%Y-%m-%d}", "Put a new one there and restart.")
    else:
        yield good("TLS_CERT_FILE", f"good until {end:%Y-%m-%d}")
