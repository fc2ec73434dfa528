"""Settings: defaults, production, and one plain line for each wrong value. The real command is run where it counts."""

import os
import re
import subprocess
import sys
from pathlib import Path

import dotenv
import msgspec
import pytest

from regoods.core.networks import parse_network
from regoods.core.settings import DEVELOPMENT_SECRET, ROOT, Settings, SettingsError, load_settings, parse_settings

SECRET = "s" * 32
PRODUCTION = {"APP_ENV": "production", "JWT_ACCESS_SECRET": SECRET}
EXAMPLE = ROOT / "config" / ".env.example"

DEFAULTS = {
    "APP_ENV": "development",
    "HOST": "127.0.0.1",
    "PORT": 3000,
    "DATABASE_URL": "sqlite:///data/regoods.db",
    "DB_NAMING": "auto",
    "DEMO_DATA": True,
    "DEMO_USERS": 20,
    "JWT_ACCESS_SECRET": DEVELOPMENT_SECRET,
    "JWT_ACCESS_SECRET_PREVIOUS": "",
    "JWT_PUBLIC_KEY": "",
    "JWT_JWKS_URL": "",
    "ALLOWED_ORIGINS": ("http://localhost:3000", "http://localhost:5173"),
    "TLS_CERT_FILE": "",
    "TLS_KEY_FILE": "",
    "PUBLIC_URL": "",
    "TRUSTED_PROXIES": (),
    "ATTACHMENTS_URL": "file:data/attachments",
    "REDIS_URL": "",
    "REDIS_PREFIX": "regoods",
    "WS_ENABLED": True,
    "WS_HEARTBEAT_INTERVAL": 30_000,
    "WS_MAX_CONNECTIONS_PER_USER": 5,
    "WS_IDLE_TIMEOUT": 300_000,
    "WS_RATE_LIMIT_PER_MINUTE": 100,
    "WS_MAX_MESSAGE_SIZE": 65_536,
    "WS_ENFORCE_TOKEN_EXPIRY": False,
    "RATE_LIMIT_WRITES_PER_MINUTE": 300,
    "RATE_LIMIT_READS_PER_MINUTE": 1_200,
    "METRICS_PORT": 0,
    "LOG_LEVEL": "info",
    "LOG_FORMAT": "auto",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "",
    "DEBUG_CHAT": True,
}

GOOD = [
    ("APP_ENV", "production", "production"),
    ("APP_ENV", "Development", "development"),
    ("DB_NAMING", "Snake", "snake"),
    ("HOST", "0.0.0.0", "0.0.0.0"),
    ("PORT", "0", 0),
    ("PORT", "65535", 65535),
    ("PORT", " 8080 ", 8080),
    ("DATABASE_URL", "postgresql://regoods:secret@db/regoods", "postgresql://regoods:secret@db/regoods"),
    ("DEMO_DATA", "off", False),
    ("DEMO_USERS", "20000", 20_000),
    ("JWT_ACCESS_SECRET", SECRET, SECRET),
    ("JWT_ACCESS_SECRET_PREVIOUS", SECRET, SECRET),
    ("JWT_JWKS_URL", "https://id.regoods.com/jwks.json", "https://id.regoods.com/jwks.json"),
    (
        "ALLOWED_ORIGINS",
        "https://regoods.com, http://localhost:4000/",
        ("https://regoods.com", "http://localhost:4000"),
    ),
    ("ALLOWED_ORIGINS", "HTTPS://ReGoods.com", ("https://regoods.com",)),
    ("PUBLIC_URL", "https://chat.regoods.com", "https://chat.regoods.com"),
    ("TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1", (parse_network("10.0.0.0/8"), parse_network("127.0.0.1/32"))),
    ("ATTACHMENTS_URL", "file:///var/lib/regoods", "file:///var/lib/regoods"),
    ("ATTACHMENTS_URL", "s3://bucket/prefix", "s3://bucket/prefix"),
    ("ATTACHMENTS_URL", "az://container", "az://container"),
    ("REDIS_URL", "redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
    ("REDIS_URL", "rediss+cluster://a:secret@redis:6379", "rediss+cluster://a:secret@redis:6379"),
    ("REDIS_URL", "unix:///run/redis/redis.sock", "unix:///run/redis/redis.sock"),
    ("REDIS_PREFIX", "regoods-staging", "regoods-staging"),
    ("WS_ENABLED", "0", False),
    ("WS_ENABLED", "TRUE", True),
    ("WS_HEARTBEAT_INTERVAL", "500", 500),
    ("WS_HEARTBEAT_INTERVAL", "300000", 300_000),
    ("WS_MAX_CONNECTIONS_PER_USER", "1", 1),
    ("WS_IDLE_TIMEOUT", "0", 0),
    ("WS_RATE_LIMIT_PER_MINUTE", "1", 1),
    ("WS_MAX_MESSAGE_SIZE", "1024", 1024),
    ("WS_ENFORCE_TOKEN_EXPIRY", "true", True),
    ("RATE_LIMIT_WRITES_PER_MINUTE", "0", 0),
    ("RATE_LIMIT_READS_PER_MINUTE", "0", 0),
    ("METRICS_PORT", "9100", 9100),
    ("LOG_LEVEL", "DEBUG", "debug"),
    ("LOG_FORMAT", "JSON", "json"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", "http://127.0.0.1:4318"),
    ("DEBUG_CHAT", "no", False),
]

WRONG = [
    ("APP_ENV", "staging", "development | production"),
    ("PORT", "abc", "from 0 to 65535"),
    ("PORT", "-1", "from 0 to 65535"),
    ("PORT", "65536", "from 0 to 65535"),
    ("PORT", "3000.5", "from 0 to 65535"),
    ("DATABASE_URL", "regoods.db", "sqlite:///"),
    ("DB_NAMING", "camel", "auto | pascal | snake"),
    ("DEMO_DATA", "maybe", "true | false"),
    ("DEMO_USERS", "1", "from 2"),
    ("DEMO_USERS", "many", "from 2"),
    ("JWT_ACCESS_SECRET", "s" * 31, "32 characters or more"),
    ("JWT_ACCESS_SECRET_PREVIOUS", "s" * 31, "32 characters or more"),
    ("JWT_JWKS_URL", "id.regoods.com/jwks.json", "an http(s) URL"),
    ("WS_ENFORCE_TOKEN_EXPIRY", "sometimes", "true | false"),
    ("ALLOWED_ORIGINS", "*", "https://regoods.com"),
    ("ALLOWED_ORIGINS", "regoods.com", "https://regoods.com"),
    ("ALLOWED_ORIGINS", "https://regoods.com/chat", "https://regoods.com"),
    ("ALLOWED_ORIGINS", "https://regoods.com?x=1", "https://regoods.com"),
    ("ALLOWED_ORIGINS", "https://regoods.com#top", "https://regoods.com"),
    ("ALLOWED_ORIGINS", "https://ann@regoods.com", "https://regoods.com"),
    ("ALLOWED_ORIGINS", "https://:443", "https://regoods.com"),
    ("ALLOWED_ORIGINS", "https://regoods.com:port", "https://regoods.com"),
    ("ALLOWED_ORIGINS", "https://[::1", "https://regoods.com"),
    ("ALLOWED_ORIGINS", "http://localhost:3000, ftp://x", "https://regoods.com"),
    ("PUBLIC_URL", "chat.regoods.com", "http(s) URL"),
    ("PUBLIC_URL", "ftp://chat.regoods.com", "http(s) URL"),
    ("TRUSTED_PROXIES", "localhost", "addresses or networks"),
    ("TRUSTED_PROXIES", "10.0.0.0/8,10.0.0.0/33", "addresses or networks"),
    ("ATTACHMENTS_URL", "data/attachments", "file:data/attachments"),
    ("ATTACHMENTS_URL", "https://example.com/attachments", "s3://bucket/prefix"),
    ("ATTACHMENTS_URL", "file:", "file:///a/folder"),
    ("REDIS_URL", "localhost:6379", "redis://host:6379/0"),
    ("REDIS_URL", "http://localhost:6379", "redis://host:6379/0"),
    ("REDIS_URL", "redis://", "redis://host:6379/0"),
    ("REDIS_PREFIX", "re goods", "A-Z"),
    ("WS_ENABLED", "2", "true | false"),
    ("WS_HEARTBEAT_INTERVAL", "499", "from 500 to 300000"),
    ("WS_HEARTBEAT_INTERVAL", "300001", "from 500 to 300000"),
    ("WS_HEARTBEAT_INTERVAL", "30s", "from 500 to 300000"),
    ("WS_MAX_CONNECTIONS_PER_USER", "0", "from 1"),
    ("WS_IDLE_TIMEOUT", "-1", "0 = never"),
    ("WS_RATE_LIMIT_PER_MINUTE", "0", "from 1"),
    ("WS_MAX_MESSAGE_SIZE", "64k", "(bytes)"),
    ("RATE_LIMIT_WRITES_PER_MINUTE", "-1", "0 = off"),
    ("RATE_LIMIT_READS_PER_MINUTE", "lots", "0 = off"),
    ("METRICS_PORT", "65473", "0 = off"),
    ("LOG_LEVEL", "verbose", "debug | info | warning | error"),
    ("LOG_FORMAT", "xml", "auto | json | text"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "an http(s) URL"),
    ("DEBUG_CHAT", "perhaps", "true | false"),
]


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`python run.py …`, which is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "run.py", *arguments],
        cwd=ROOT,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def values(settings: Settings) -> dict[str, object]:
    return {name.upper(): value for name, value in msgspec.structs.asdict(settings).items()}


def test_defaults() -> None:
    assert values(load_settings({}, None)) == DEFAULTS


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_each_setting_is_read_from_its_variable(name: str, text: str, value: object) -> None:
    environ = PRODUCTION | {name: text} if text == "production" else {name: text}

    assert values(load_settings(environ, None))[name] == value


def test_every_setting_is_tried_both_ways() -> None:
    files = {"TLS_CERT_FILE", "TLS_KEY_FILE"}  # below
    files |= {"JWT_PUBLIC_KEY"}  # tests/core/test_keys.py
    assert {name for name, _, _ in GOOD} == set(DEFAULTS) - files
    assert {name for name, _, _ in WRONG} == set(DEFAULTS) - files - {
        "HOST"
    }  # any text may be a host until it is bound


@pytest.mark.parametrize(("name", "text", "allowed"), WRONG)
def test_a_wrong_value_is_one_line_that_names_it_and_says_what_is_allowed(name: str, text: str, allowed: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: text}, None)

    line = str(refused.value)
    assert "\n" not in line
    assert line.startswith(name)
    assert " is wrong: " in line
    assert allowed in line.partition("Allowed: ")[2]


@pytest.mark.parametrize(
    "url", ["redis://:secret/word@redis:6379/0", "redis://redis:99999", "redis://redis/0?secret=1"]
)
def test_a_redis_url_that_cannot_be_tried_ends_the_start(url: str) -> None:
    done = run("serve", "--workers", "2", REDIS_URL=url, PORT="0")

    assert done.returncode == 2
    assert done.stderr.startswith("REDIS_URL is wrong: ")
    assert len(done.stderr.splitlines()) == 1
    assert "secret" not in done.stderr


def test_an_empty_variable_is_as_good_as_none() -> None:
    for name in DEFAULTS:
        assert values(load_settings({name: "  "}, None)) == DEFAULTS


def test_certificate_and_key_are_files_and_come_together(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    both = {"TLS_CERT_FILE": str(certificate), "TLS_KEY_FILE": str(key)}
    certificate.touch()

    with pytest.raises(SettingsError, match=r"^TLS_KEY_FILE.*key\.pem.* is wrong: .*Allowed: .+\.$"):
        load_settings(both, None)
    key.touch()
    assert values(load_settings(both, None)) == DEFAULTS | both
    for name, other in (("TLS_CERT_FILE", "TLS_KEY_FILE"), ("TLS_KEY_FILE", "TLS_CERT_FILE")):
        with pytest.raises(SettingsError, match=f"^{other} is missing"):
            load_settings({name: both[name]}, None)


def test_variables_of_others_are_left_alone() -> None:
    assert values(load_settings({"PATH": "/bin", "port": "abc", "PORTS": "x"}, None)) == DEFAULTS


def test_production_is_bare_unless_told_otherwise() -> None:
    settings = load_settings(PRODUCTION, None)

    assert (settings.development, settings.demo_data, settings.debug_chat) == (False, False, False)
    assert load_settings(PRODUCTION | {"DEMO_DATA": "true"}, None).demo_data is True


def test_production_gives_no_token_for_the_asking() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(PRODUCTION | {"DEBUG_CHAT": "true"}, None)

    line = str(refused.value)
    assert line.startswith("DEBUG_CHAT=true is wrong: with APP_ENV=production")
    assert "\n" not in line
    assert load_settings(PRODUCTION | {"DEBUG_CHAT": "false"}, None).debug_chat is False


@pytest.mark.parametrize("secret", ["", DEVELOPMENT_SECRET, "short", "s" * 31])
def test_production_needs_a_secret_of_its_own(secret: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(PRODUCTION | {"JWT_ACCESS_SECRET": secret}, None)

    line = str(refused.value)
    assert line.startswith("JWT_ACCESS_SECRET")
    assert "32 characters or more" in line
    assert "\n" not in line
    assert not secret or secret not in line


@pytest.mark.parametrize("name", ["JWT_PUBLIC_KEY", "JWT_JWKS_URL"])
def test_who_has_public_keys_needs_no_secret_and_then_none_is_good(name: str) -> None:
    given = {"JWT_PUBLIC_KEY": "/etc/regoods/key.pem", "JWT_JWKS_URL": "https://id.regoods.com/jwks.json"}[name]
    for environment in ("production", "development"):
        settings = load_settings({"APP_ENV": environment, name: given}, None)
        assert settings.jwt_access_secret == ""
        assert not settings.mints_tokens
        assert load_settings({"JWT_ACCESS_SECRET": SECRET, name: given}, None).jwt_access_secret == SECRET

    with pytest.raises(SettingsError):
        load_settings(PRODUCTION | {name: given, "JWT_ACCESS_SECRET": DEVELOPMENT_SECRET}, None)


def test_production_knows_no_development_secret_not_even_as_the_previous_one() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(PRODUCTION | {"JWT_ACCESS_SECRET_PREVIOUS": DEVELOPMENT_SECRET}, None)

    assert str(refused.value).startswith("JWT_ACCESS_SECRET_PREVIOUS")
    assert DEVELOPMENT_SECRET not in str(refused.value)


def test_production_takes_no_keys_from_who_stands_on_the_way() -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(PRODUCTION | {"JWT_JWKS_URL": "http://id.regoods.com/jwks.json"}, None)

    assert "https" in str(refused.value)
    for address in ("https://id.regoods.com/jwks.json", "http://127.0.0.1:4000/jwks.json"):
        assert load_settings(PRODUCTION | {"JWT_JWKS_URL": address}, None).jwt_jwks_url == address


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("JWT_ACCESS_SECRET", "hunter2"),
        ("JWT_ACCESS_SECRET_PREVIOUS", "hunter2"),
        ("JWT_JWKS_URL", "ftp://regoods:hunter2@id.example.com/jwks.json"),
        ("DATABASE_URL", "regoods:hunter2@db.example.com/regoods"),
        ("DATABASE_URL", "Driver={ODBC Driver 18};Server=db;PWD=hunter2"),
    ],
)
def test_a_wrong_secret_or_password_is_never_shown(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings({name: text}, None)

    assert "hunter2" not in str(refused.value)
    assert str(refused.value).startswith(name)


def test_a_file_sets_what_the_environment_does_not(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# ours\nPORT=4000\nHOST='0.0.0.0'\nLOG_LEVEL=warning # quiet\nEMPTY\n")

    settings = load_settings({"PORT": "5000"}, file)

    assert (settings.port, settings.host, settings.log_level) == (5000, "0.0.0.0", "warning")


def test_without_a_file_the_environment_is_all(tmp_path: Path) -> None:
    assert load_settings({"PORT": "5000"}, tmp_path / "missing.env").port == 5000


def test_the_example_lists_every_variable_with_its_default() -> None:
    listed = {name: text or "" for name, text in dotenv.dotenv_values(EXAMPLE, interpolate=False).items()}

    assert set(listed) == set(DEFAULTS)
    assert values(parse_settings(listed)) == DEFAULTS


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "abc"),
        ("HOST", "no.such.host.invalid"),
        ("DATABASE_URL", "oracel://regoods:hunter2@db/regoods"),
        ("DATABASE_URL", "postgresql://regoods:hunter2@db:port/regoods"),
        ("DATABASE_URL", "sqlite:////proc/regoods/regoods.db"),
    ],
)
def test_the_server_does_not_start_with_a_wrong_value(tmp_path: Path, name: str, text: str) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/regoods.db", "PORT": "0"} | {name: text}

    ended = run(**environ)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert name in ended.stderr
    if name == "DATABASE_URL":
        assert "hunter2" not in ended.stderr


def test_a_development_token_is_printed_for_a_user() -> None:
    ended = run("token", "--user", "2", APP_ENV="development", JWT_ACCESS_SECRET=SECRET)

    assert ended.returncode == 0
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", ended.stdout)


def test_production_prints_no_token() -> None:
    ended = run("token", "--user", "2", **PRODUCTION)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
