"""Settings from the environment and `.env`, typed and checked once, at start.

`config/.env.example` lists every variable; a test holds it against this file.
"""

import os
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import dotenv
import msgspec
from msgspec import Meta

from regoods.core.networks import Network, parse_network

DEVELOPMENT_SECRET = "regoods-development-secret-not-for-production"  # noqa: S105 - refused in production
ROOT = Path(__file__).resolve().parents[2]

TRUE_WORDS = ("true", "1", "yes", "on")
FALSE_WORDS = ("false", "0", "no", "off")

SETTINGS_ERROR = 2
"""Exit code of a process that cannot start as it is told to."""


class SettingsError(Exception):
    """One line for the person who starts the server: the variable, what is wrong, what is allowed."""


def whole(least: int, most: int, unit: str = "") -> Any:
    return Meta(ge=least, le=most, description=f"a whole number from {least} to {most}{unit}")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One field a variable, of the same name in lower case. Intervals in ms, sizes in bytes."""

    app_env: Literal["development", "production"] = "development"
    host: Annotated[str, Meta(min_length=1, description="a host name or address")] = "127.0.0.1"
    port: Annotated[int, whole(0, 65535, "; 0 takes any free port")] = 3000
    drain_delay: Annotated[int, whole(0, 60_000, " (ms)")] = 0
    database_url: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9+]+://",
            description="without quotes, sqlite:///data/regoods.db, "
            "mssql+pyodbc://user:password@host:1433/ReGoods?driver=…, "
            "or postgresql+psycopg://user:password@host:5432/regoods",
        ),
    ] = "sqlite:///data/regoods.db"
    db_naming: Literal["auto", "pascal", "snake"] = "auto"
    demo_data: bool = True
    demo_users: Annotated[int, whole(2, 1_000_000)] = 20
    jwt_access_secret: Annotated[
        str, Meta(min_length=32, description="32 characters or more, the secret that signs ReGoods' tokens")
    ] = DEVELOPMENT_SECRET
    """Empty: no token by a secret is good."""
    jwt_access_secret_previous: Annotated[
        str, Meta(min_length=32, description="32 characters or more, the secret before JWT_ACCESS_SECRET")
    ] = ""
    jwt_public_key: Annotated[str, Meta(description="a public key as PEM text, or the path of its file")] = ""
    jwt_jwks_url: Annotated[str, Meta(pattern=r"^https?://[^/]+.*$", description="an http(s) URL")] = ""
    allowed_origins: tuple[str, ...] = ("http://localhost:3000", "http://localhost:5173")
    tls_cert_file: Annotated[str, Meta(description="the path of a PEM file")] = ""
    tls_key_file: Annotated[str, Meta(description="the path of a PEM file")] = ""
    public_url: Annotated[str, Meta(pattern=r"^(https?://[^/]+.*)?$", description="an http(s) URL, or nothing")] = ""
    trusted_proxies: tuple[Network, ...] = ()
    attachments_url: Annotated[
        str,
        Meta(
            pattern=r"^(file:|s3://|az://|abfss?://).",
            description="file:data/attachments, file:///a/folder, s3://bucket/prefix or az://container/prefix",
        ),
    ] = "file:data/attachments"
    redis_url: Annotated[
        str,
        Meta(
            pattern=r"^((rediss?|rediss?\+cluster)://[^/].*|unix:///.+)?$",
            description="redis://host:6379/0, rediss:// with TLS, redis+cluster:// for a cluster, "
            "unix:///a/socket, or nothing",
        ),
    ] = ""
    redis_prefix: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9_.\-]{1,50}$", description="1 to 50 of A-Z a-z 0-9 _ . -")
    ] = "regoods"
    ws_enabled: bool = True
    ws_heartbeat_interval: Annotated[int, whole(500, 300_000, " (ms)")] = 30_000
    ws_max_connections_per_user: Annotated[int, whole(1, 1000)] = 5
    ws_idle_timeout: Annotated[int, whole(0, 86_400_000, " (ms; 0 = never)")] = 300_000
    ws_rate_limit_per_minute: Annotated[int, whole(1, 1_000_000)] = 100
    ws_enforce_token_expiry: bool = False
    ws_max_message_size: Annotated[int, whole(1024, 16_777_216, " (bytes)")] = 65_536
    rate_limit_writes_per_minute: Annotated[int, whole(0, 1_000_000, "; 0 = off")] = 300
    rate_limit_reads_per_minute: Annotated[int, whole(0, 1_000_000, "; 0 = off")] = 1_200
    metrics_port: Annotated[int, whole(0, 65_472, "; 0 = off")] = 0
    alert_webhook_url: Annotated[
        str,
        Meta(
            pattern=r"^https?://([^\s/?#@]+@)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:[0-9]{1,5})?([/?#]\S*)?$",
            description="an http(s) URL",
        ),
    ] = ""
    alert_window: Annotated[int, whole(1_000, 3_600_000, " (ms)")] = 300_000
    memory_limit: Annotated[int, whole(0, 2**50, " (bytes; 0 = what the machine or the cgroup has)")] = 0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "text"] = "auto"
    """auto: json in production, text elsewhere."""
    otel_exporter_otlp_endpoint: Annotated[str, Meta(pattern=r"^https?://[^/]+.*$", description="an http(s) URL")] = ""
    """Where traces are sent; empty: there are none."""
    debug_chat: bool = True

    def __repr__(self) -> str:
        """Without the values: a secret and a database password are among them."""
        return f"<Settings {self.app_env}>"

    @property
    def development(self) -> bool:
        return self.app_env == "development"

    @property
    def mints_tokens(self) -> bool:
        """Whether tokens are given out here: in development, by the secret that verifies them."""
        return self.development and bool(self.jwt_access_secret)

    @property
    def one_of_many(self) -> bool:
        """Whether other processes serve the same users."""
        return bool(self.redis_url)


UNSHOWN = {
    "database_url": "it does not begin like a URL of a database",
    "redis_url": "it is no URL of a Redis",
    "jwt_jwks_url": "it is no URL",
    "alert_webhook_url": "it is no URL that can be posted to",
    "otel_exporter_otlp_endpoint": "it is no URL",
}
"""What is said of a value that may hold a password."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")

SECRETS = ("jwt_access_secret", "jwt_access_secret_previous")

PRODUCTION_DEFAULTS = {"demo_data": False, "debug_chat": False}


def load_settings(
    environ: Mapping[str, str] | None = None, env_file: Path | None = ROOT / ".env", *, tokens: bool = True
) -> Settings:
    """Read `env_file` (if it exists), then `environ` (default: the process's own) over it.

    `tokens`: whether tokens will be checked or made, for which production needs its secret.
    Raises SettingsError for the first variable that is wrong.
    """
    values: dict[str, str] = {}
    if env_file is not None:
        try:
            values.update({name: text for name, text in dotenv.dotenv_values(env_file).items() if text is not None})
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{env_file} cannot be read: {error}.") from None
    values.update(os.environ if environ is None else environ)
    return parse_settings(values, tokens=tokens)


def parse_settings(values: Mapping[str, str], *, tokens: bool = True) -> Settings:
    hints = typing.get_type_hints(Settings, include_extras=True)
    fields: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        text = values.get(field.name.upper(), "").strip()
        if text:
            fields[field.name] = _parse(field.name, text, hints[field.name])
    if fields.get("jwt_public_key") or fields.get("jwt_jwks_url"):
        # Whoever has public keys would not think of a secret that he has not set.
        fields.setdefault("jwt_access_secret", "")
    if fields.get("app_env") == "production":
        fields = PRODUCTION_DEFAULTS | fields
        if tokens:
            _check_production_keys(fields)
        if fields["debug_chat"]:
            raise SettingsError(
                "DEBUG_CHAT=true is wrong: with APP_ENV=production nobody is to get a token for the asking. "
                "Allowed: false, or nothing."
            )
    settings = Settings(**fields)
    _check_tls(settings)
    return settings


def _check_production_keys(fields: Mapping[str, Any]) -> None:
    if fields.get("jwt_access_secret", DEVELOPMENT_SECRET) == DEVELOPMENT_SECRET:
        raise SettingsError(
            "JWT_ACCESS_SECRET is missing: in production set it to the secret (32 characters or more) "
            "that signs ReGoods' tokens, or set JWT_PUBLIC_KEY or JWT_JWKS_URL."
        )
    if fields.get("jwt_access_secret_previous") == DEVELOPMENT_SECRET:
        raise SettingsError(
            "JWT_ACCESS_SECRET_PREVIOUS is wrong: everybody knows the development secret. "
            "Allowed: the secret before JWT_ACCESS_SECRET, or nothing."
        )
    address = urlsplit(fields.get("jwt_jwks_url", ""))
    if address.scheme == "http" and address.hostname not in LOOPBACK:
        raise SettingsError(
            "JWT_JWKS_URL is wrong: by http anybody on the way can put in his own key. "
            "Allowed in production: https, or an address of this machine."
        )


def _check_tls(settings: Settings) -> None:
    if bool(settings.tls_cert_file) != bool(settings.tls_key_file):
        missing = "TLS_KEY_FILE" if settings.tls_cert_file else "TLS_CERT_FILE"
        raise SettingsError(f"{missing} is missing: give both files, or neither and let a proxy end TLS.")
    for name in ("tls_cert_file", "tls_key_file"):
        path = getattr(settings, name)
        trouble = _why_no_file(path) if path else ""
        if trouble:
            raise SettingsError(f"{name.upper()}={path!r} is wrong: {trouble}. Allowed: a PEM file.")


def _why_no_file(path: str) -> str:
    """Nothing where there is one."""
    try:
        return "" if Path(path).is_file() else "there is no such file"
    except OSError as error:
        # Such as a folder on the way that this user may not enter.
        return error.strerror or str(error)


def _parse(name: str, text: str, kind: Any) -> Any:
    if name == "trusted_proxies":
        return tuple(_parse_network(item) for item in _split(text))
    if name == "allowed_origins":
        return tuple(_parse_origin(item) for item in _split(text))
    if kind is bool:
        return _parse_bool(name, text)
    if typing.get_origin(kind) is Literal:
        text = text.lower()
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        # A secret or a database password must not end in a terminal or a log.
        shown = "" if name in SECRETS or name in UNSHOWN else f"={text!r}"
        reason = UNSHOWN.get(name, error)
        raise SettingsError(f"{name.upper()}{shown} is wrong: {reason}. Allowed: {_allowed(kind)}.") from None


def _allowed(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return " | ".join(typing.get_args(kind))
    return str(next(meta.description for meta in kind.__metadata__ if isinstance(meta, Meta)))


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _parse_bool(name: str, text: str) -> bool:
    word = text.lower()
    if word not in TRUE_WORDS + FALSE_WORDS:
        raise SettingsError(f"{name.upper()}={text!r} is wrong: it is a switch. Allowed: true | false.")
    return word in TRUE_WORDS


def _parse_network(text: str) -> Network:
    try:
        return parse_network(text)
    except ValueError as error:
        raise SettingsError(
            f"TRUSTED_PROXIES={text!r} is wrong: {error}. Allowed: addresses or networks, separated by commas."
        ) from None


def _parse_origin(text: str) -> str:
    """An origin as a browser sends it: scheme and host in lower case, no path."""
    if not _is_origin(text):
        raise SettingsError(
            f"ALLOWED_ORIGINS={text!r} is wrong: it is no origin. "
            "Allowed: scheme, host and port, such as https://regoods.com, separated by commas."
        )
    return text.rstrip("/").lower()


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    host = parts.hostname or ""
    bare = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}" + (f":{port}" if port is not None else "")
    return parts.scheme in ("http", "https") and bool(host) and text.removesuffix("/").lower() == bare
