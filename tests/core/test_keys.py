"""Keys: the previous secret, a public key, and those behind an address (a real one, in a thread). No algorithm but a
key's own is ever good."""

import asyncio
import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from jwt.algorithms import get_default_algorithms

from regoods import app
from regoods.core import keys
from regoods.core.errors import InvalidToken, ServiceUnavailable
from regoods.core.keys import KeySet, known_keys
from regoods.core.settings import Settings, SettingsError
from regoods.core.tokens import TokenVerifier, mint
from tests.support.people import LIMIT, Person
from tests.support.process import ServerProcess
from tests.support.raw_socket import connect_raw, dial_raw, eventually
from tests.support.server import RunningServer

SECRET, PREVIOUS = "the-secret-of-today-" * 2, "the-secret-of-yesterday-" * 2
RSA, OTHER_RSA = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
ED, OTHER_ED = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
KINDS: list[tuple[Any, str]] = [(RSA, "RS256"), (ED, "EdDSA")]


def pem(private: Any) -> str:
    return str(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def private_pem(private: Any) -> str:
    return str(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def signed(key: Any, algorithm: str, kid: str | None = None, **claims: Any) -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode({"userId": 7, "exp": int(time.time()) + 900} | claims, key, algorithm, headers=headers)


def verifier(**settings: str) -> TokenVerifier:
    return TokenVerifier(known_keys(Settings(**({"jwt_access_secret": ""} | settings))))  # type: ignore[arg-type]


def refuses(tokens: TokenVerifier, token: str) -> bool:
    with pytest.raises(InvalidToken):
        tokens.user_id(token)
    return True


def by_secret(secret: str) -> str:
    return mint(secret, 7, "user7@example.com", datetime.now(UTC))


# Rotation


def test_the_previous_secret_verifies_and_nothing_more(server: RunningServer) -> None:
    tokens = verifier(jwt_access_secret=SECRET, jwt_access_secret_previous=PREVIOUS)

    for secret in (SECRET, PREVIOUS):
        assert tokens.user_id(by_secret(secret)) == 7
    assert refuses(tokens, by_secret("a-third-secret-" * 3))
    assert refuses(tokens, jwt.encode({"userId": 7}, PREVIOUS, "HS256"))
    assert refuses(verifier(jwt_access_secret=SECRET), by_secret(PREVIOUS))


@pytest.mark.settings(jwt_access_secret_previous=PREVIOUS)
async def test_tokens_of_both_secrets_are_good_at_the_door_and_new_ones_are_by_the_new_one(
    server: RunningServer, ann: Person
) -> None:
    old = mint(PREVIOUS, 1, "user1@example.com", datetime.now(UTC))
    for token in (old, ann.token()):
        assert (await ann.get("/messages/unread-count", token=token)).status == 200
        await connect_raw(ann, token=token)

    minted = (await ann.post("/debug/token", {"userId": 2}, root="", token="")).data["token"]

    # The server's clock stands in its own year.
    jwt.decode(minted, server.settings.jwt_access_secret, ["HS256"], options={"verify_exp": False})
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(minted, PREVIOUS, ["HS256"])


# A public key


@pytest.mark.parametrize(("private", "algorithm"), KINDS, ids=["RSA", "Ed25519"])
@pytest.mark.parametrize("how", ["text", "one line", "file"])
def test_a_public_key_verifies(private: Any, algorithm: str, how: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem(private))
    given = {"text": pem(private), "one line": pem(private).replace("\n", "\\n"), "file": str(file)}[how]
    tokens = verifier(jwt_public_key=given)

    assert tokens.user_id(signed(private, algorithm)) == 7
    assert tokens.user_id(signed(private, algorithm, "any")) == 7
    for claims in ({"userId": "7"}, {"userId": True}, {"exp": int(time.time()) - 1}, {"nbf": int(time.time()) + 60}):
        assert refuses(tokens, signed(private, algorithm, **claims))


def forgeries(private: Any) -> Iterator[str]:
    """As who has the public key, and nothing else, would make them."""
    public = pem(private).encode()
    for key in (public, public.strip(), public + b"\n", pem(private).replace("\n", "\\n").encode()):
        for named in ("HS256", "HS512", "RS256", "EdDSA", "none", "hs256"):
            head, body = (
                base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
                for part in ({"alg": named, "typ": "JWT"}, {"userId": 7, "exp": int(time.time()) + 900})
            )
            digest = hashlib.sha512 if named == "HS512" else hashlib.sha256
            mac = base64.urlsafe_b64encode(hmac.digest(key, head + b"." + body, digest)).rstrip(b"=")
            yield (head + b"." + body + b"." + (b"" if named == "none" else mac)).decode()


@pytest.mark.parametrize(("private", "algorithm"), KINDS, ids=["RSA", "Ed25519"])
def test_a_public_key_is_no_secret(private: Any, algorithm: str) -> None:
    for tokens in (
        verifier(jwt_public_key=pem(private)),
        verifier(jwt_public_key=pem(private), jwt_access_secret=SECRET),
    ):
        for forged in forgeries(private):
            assert refuses(tokens, forged)


def test_no_algorithm_but_the_keys_own_is_good() -> None:
    by_rsa, by_ed = verifier(jwt_public_key=pem(RSA)), verifier(jwt_public_key=pem(ED))

    for algorithm in ("RS384", "RS512", "PS256"):
        assert refuses(by_rsa, signed(RSA, algorithm))
    for token in (signed(OTHER_RSA, "RS256"), signed(ED, "EdDSA"), by_secret(SECRET)):
        assert refuses(by_rsa, token)
    for token in (signed(OTHER_ED, "EdDSA"), signed(RSA, "RS256"), by_secret(SECRET)):
        assert refuses(by_ed, token)


def test_with_a_public_key_a_secret_is_good_only_where_it_is_set() -> None:
    both = verifier(jwt_public_key=pem(RSA), jwt_access_secret=SECRET)

    assert both.user_id(by_secret(SECRET)) == 7
    assert both.user_id(signed(RSA, "RS256")) == 7


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
CURVE = ec.generate_private_key(ec.SECP256R1())
NO_KEYS = {
    "small": pem(WEAK),
    "another curve": pem(CURVE),
    "another Edwards curve": pem(ed448.Ed448PrivateKey.generate()),
    "private": private_pem(RSA),
    "half": pem(RSA)[:200],
    "no such file": "/nowhere/key.pem",
    "a folder": "/tmp",
    "a secret": "hunter2-hunter2-hunter2-hunter2-hunter2",
}


@pytest.mark.parametrize("kind", list(NO_KEYS))
def test_what_is_no_public_key_ends_the_start_in_a_line_without_it(kind: str) -> None:
    with pytest.raises(SettingsError) as refused:
        verifier(jwt_public_key=NO_KEYS[kind])

    line = str(refused.value)
    assert line.startswith("JWT_PUBLIC_KEY is wrong: ")
    assert "\n" not in line
    assert NO_KEYS[kind].strip().splitlines()[-1][:20] not in line or kind in ("a folder",)


async def test_a_wrong_public_key_ends_a_real_start(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path, JWT_PUBLIC_KEY=private_pem(ED))
    try:
        assert await process.exit_code() == 2
        assert process.errors.startswith("JWT_PUBLIC_KEY is wrong: it holds no such key. Allowed: ")
        assert private_pem(ED).splitlines()[1] not in process.errors
    finally:
        await process.clean_up()


# Keys behind an address


class Issuer:
    """Serves a key set at `url`, says how often it was asked, and can be away or slow."""

    def __init__(self) -> None:
        self.document: Any = {"keys": []}
        self.status = 200
        self.asked = 0
        self.answers = threading.Event()
        self.answers.set()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                issuer.answers.wait(LIMIT)
                body = json.dumps(issuer.document).encode()
                self.send_response(issuer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"

    def publish(self, **by_kid: Any) -> None:
        self.document = {"keys": [jwk(private, kid) for kid, private in by_kid.items()]}

    def stop(self) -> None:
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def jwk(private: Any, kid: str, **more: Any) -> dict[str, Any]:
    name = "EdDSA" if isinstance(private, ed25519.Ed25519PrivateKey) else "RS256"
    of_it = get_default_algorithms()[name].to_jwk(private.public_key(), as_dict=True)
    return {**of_it, "kid": kid, "use": "sig", **more}


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.stop()


async def learned(tokens: TokenVerifier, token: str) -> int:
    learning = tokens.learning(token)
    if learning is not None:
        await learning
    return tokens.user_id(token)


async def test_keys_are_learned_from_their_address(issuer: Issuer) -> None:
    issuer.publish(one=RSA, two=ED)
    tokens = TokenVerifier([], KeySet(issuer.url))

    assert await learned(tokens, signed(RSA, "RS256", "one")) == 7
    assert await learned(tokens, signed(ED, "EdDSA", "two")) == 7

    assert issuer.asked == 1
    for token in (
        signed(ED, "EdDSA", "one"),
        signed(OTHER_RSA, "RS256", "one"),
        signed(RSA, "RS512", "one"),
        signed(RSA, "RS256"),
        by_secret(SECRET),
    ):
        assert refuses(tokens, token)


async def test_what_must_not_verify_is_left_out_of_a_key_set(issuer: Issuer) -> None:
    octets = base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"=").decode()
    issuer.document = {
        "keys": [
            {"kty": "oct", "k": octets, "kid": "secret", "use": "sig"},
            jwk(RSA, "large", alg="RS512"),
            jwk(RSA, "for encryption", use="enc"),
            jwk(WEAK, "weak"),
            json.loads(get_default_algorithms()["ES256"].to_jwk(CURVE.public_key())) | {"kid": "curve"},
            {"kty": "nonsense", "kid": "nonsense"},
            jwk(ED, "good"),
        ]
    }
    tokens = TokenVerifier([], KeySet(issuer.url))
    assert await learned(tokens, signed(ED, "EdDSA", "good")) == 7

    for key, algorithm, kid in (
        (SECRET, "HS256", "secret"),
        (RSA, "RS512", "large"),
        (RSA, "RS256", "for encryption"),
        (WEAK, "RS256", "weak"),
        (CURVE, "ES256", "curve"),
    ):
        assert refuses(tokens, signed(key, algorithm, kid))


async def test_a_new_key_is_asked_for_and_forged_names_are_not_each_time(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.publish(one=RSA)
    tokens = TokenVerifier([], KeySet(issuer.url))
    assert await learned(tokens, signed(RSA, "RS256", "one")) == 7

    for number in range(50):
        with pytest.raises(InvalidToken):
            await learned(tokens, signed(OTHER_ED, "EdDSA", f"made up {number}"))
    assert issuer.asked == 1

    monkeypatch.setattr(keys, "COOLDOWN_SECONDS", 0)  # the half minute is over
    tokens = TokenVerifier([], KeySet(issuer.url))
    assert await learned(tokens, signed(RSA, "RS256", "one")) == 7
    issuer.publish(one=RSA, new=ED)
    assert await learned(tokens, signed(ED, "EdDSA", "new")) == 7
    assert issuer.asked == 3


async def test_a_key_that_is_gone_verifies_no_more(issuer: Issuer) -> None:
    issuer.publish(one=RSA, two=ED)
    key_set = KeySet(issuer.url)
    tokens = TokenVerifier([], key_set)
    stolen = signed(RSA, "RS256", "one")
    assert await learned(tokens, stolen) == 7

    issuer.publish(two=ED)
    await key_set.fetch()

    assert refuses(tokens, stolen)  # though it had been verified before
    assert await learned(tokens, signed(ED, "EdDSA", "two")) == 7


@pytest.mark.parametrize("trouble", ["status", "nothing useful", "no JSON object", "gone"])
async def test_while_the_address_is_away_known_keys_go_on(issuer: Issuer, trouble: str) -> None:
    issuer.publish(one=RSA)
    key_set = KeySet(issuer.url)
    tokens = TokenVerifier(known_keys(Settings(jwt_access_secret=SECRET)), key_set)
    assert await learned(tokens, signed(RSA, "RS256", "one")) == 7

    if trouble == "status":
        issuer.status = 503
    elif trouble == "gone":
        issuer.stop()
    else:
        issuer.document = {"keys": []} if trouble == "nothing useful" else [1]
    await key_set.fetch()

    assert await learned(tokens, signed(RSA, "RS256", "one", userId=8)) == 8
    assert await learned(tokens, by_secret(SECRET)) == 7
    with pytest.raises(ServiceUnavailable):  # who knows?
        await learned(tokens, signed(ED, "EdDSA", "new"))


@pytest.fixture
def settings(settings: Settings, issuer: Issuer) -> Settings:
    return msgspec.structs.replace(settings, jwt_jwks_url=issuer.url)


@pytest.fixture
def asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment stands for the five minutes."""
    assert app.KEYS_MS == 300_000
    monkeypatch.setattr(app, "KEYS_MS", 100)


@pytest.fixture
def two_keys(issuer: Issuer) -> None:
    """Published before the server's start asks for them: who finds none does not ask again for five seconds."""
    issuer.publish(one=RSA, two=ED)


async def test_a_server_finds_out_by_itself_that_a_key_is_gone(
    asked_often: None, two_keys: None, issuer: Issuer, server: RunningServer, ann: Person
) -> None:
    stolen = signed(RSA, "RS256", "one", userId=1)
    assert (await ann.get("/messages/unread-count", token=stolen)).status == 200

    issuer.publish(two=ED)

    async def is_refused() -> bool:
        return (await ann.get("/messages/unread-count", token=stolen)).status == 401

    await eventually(is_refused)
    assert (await ann.get("/messages/unread-count", token=signed(ED, "EdDSA", "two", userId=1))).status == 200


@pytest.fixture
def silent_issuer(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Issuer:
    """One that takes the question of the server's start and does not answer yet; nobody gives up waiting for it."""
    monkeypatch.setattr(keys, "FETCH_SECONDS", LIMIT)
    issuer.answers.clear()
    issuer.publish(one=RSA)
    return issuer


async def test_a_server_that_waits_for_keys_serves_the_others_meanwhile(silent_issuer: Issuer, ann: Person) -> None:
    token = signed(RSA, "RS256", "one", userId=1)
    waiting = [
        asyncio.ensure_future(ann.get("/messages/unread-count", token=token)),
        asyncio.ensure_future(connect_raw(ann, token=token)),
    ]
    assert (await ann.get("/messages/unread-count")).status == 200  # by a secret
    assert not any(one.done() for one in waiting)

    silent_issuer.answers.set()

    assert (await waiting[0]).status == 200
    await waiting[1]


async def test_an_address_that_is_away_is_no_fault_of_the_token(
    server: RunningServer, issuer: Issuer, ann: Person
) -> None:
    issuer.status = 500
    issuer.publish(one=RSA)
    token = signed(RSA, "RS256", "one", userId=1)

    answer = await ann.get("/messages/unread-count", token=token)
    assert (answer.status, answer.error["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert answer.headers["Retry-After"] == "5"
    raw = await dial_raw(ann, token)
    assert await raw.closed() == (1011, "Authentication failed")
    assert (await ann.get("/messages/unread-count")).status == 200
