"""Access tokens: which speak for a user, until when, and which do not."""

import base64
import hmac
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from regoods.core.errors import InvalidToken
from regoods.core.keys import secret_key
from regoods.core.tokens import TokenVerifier, is_id, mint
from tests.support.clock import Watch

SECRET = "the-secret-that-signs-regoods-tokens, long enough for HS512 as well"
NOW = datetime(2026, 1, 6, 10, 0, tzinfo=UTC)
EXP = int(NOW.timestamp()) + 900
CLAIMS: dict[str, Any] = {"userId": 7, "email": "user7@example.com", "iat": EXP - 900, "exp": EXP}


@pytest.fixture
def watch() -> Watch:
    watch = Watch()
    watch.now = NOW.timestamp()
    return watch


@pytest.fixture
def verifier(watch: Watch) -> TokenVerifier:
    return TokenVerifier([secret_key(SECRET)], now=watch)


def signed(algorithm: str = "HS256", secret: str = SECRET, **claims: Any) -> str:
    values = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    return jwt.encode(values, secret, algorithm=algorithm)


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def misnamed(algorithm: str) -> str:
    """Signed by HS256, whatever its header says."""
    words = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(CLAIMS)}"
    signature = hmac.digest(SECRET.encode(), words.encode(), "sha256")
    return f"{words}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_a_token_speaks_for_its_user(verifier: TokenVerifier) -> None:
    assert verifier.user_id(signed()) == 7
    assert verifier.user_id(signed()) == 7
    assert verifier.user_id(misnamed("HS256")) == 7
    assert verifier.user_id(signed(userId=2**31 - 1)) == 2**31 - 1


def test_a_token_lives_fifteen_minutes_however_often_it_was_good(verifier: TokenVerifier, watch: Watch) -> None:
    token = mint(SECRET, 7, "user7@example.com", NOW)
    watch.now += 899.9
    assert verifier.user_id(token) == 7

    watch.now += 0.1
    with pytest.raises(InvalidToken):
        verifier.user_id(token)


def test_a_verified_token_is_held_nowhere(verifier: TokenVerifier) -> None:
    token = mint(SECRET, 1, "ann@example.org", NOW)
    before = sys.getrefcount(token)

    assert verifier.user_id(token) == 1

    assert sys.getrefcount(token) == before


def test_a_minted_token_carries_the_claims_of_the_contract() -> None:
    claims = jwt.decode(
        mint(SECRET, 7, "user7@example.com", NOW), SECRET, algorithms=["HS256"], options={"verify_exp": False}
    )

    assert claims == CLAIMS


def test_a_minted_token_is_good_by_the_real_clock() -> None:
    assert TokenVerifier([secret_key(SECRET)]).user_id(mint(SECRET, 7, "user7@example.com", datetime.now(UTC))) == 7
    with pytest.raises(InvalidToken):
        TokenVerifier([secret_key(SECRET)]).user_id(mint(SECRET, 7, "e", datetime.now(UTC) - timedelta(minutes=16)))


def test_an_issuer_whose_clock_is_ahead_is_no_forger(verifier: TokenVerifier) -> None:
    assert verifier.user_id(signed(iat=EXP - 870)) == 7


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "...",
        signed()[:-2],
        signed() + "x",
        signed() + "\0",
        signed(secret="another-secret-of-the-right-length!!"),
        signed(algorithm="HS512"),
        misnamed("HS512"),
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(CLAIMS)}.",
        f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(CLAIMS | {'userId': 8})}.{signed().rpartition('.')[2]}",
        f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part([1, 2])}.{signed().rpartition('.')[2]}",
        "🚲.🚲.🚲",
    ],
)
def test_a_forged_or_broken_token_is_invalid(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(InvalidToken):
        verifier.user_id(token)


@pytest.mark.parametrize(
    "claims",
    [
        {"userId": None},
        {"userId": 0},
        {"userId": -1},
        {"userId": 2**31},
        {"userId": 2**63},
        {"userId": True},
        {"userId": 7.0},
        {"userId": "7"},
        {"userId": [7]},
        {"exp": None},
        {"exp": EXP - 901},
        {"exp": EXP - 900},
        {"exp": 0},
        {"exp": True},
        {"exp": "soon"},
        {"exp": str(EXP)},
        {"exp": [EXP]},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 10**30},
        {"nbf": EXP - 899},
        {"nbf": EXP},
        {"nbf": "soon"},
        {"nbf": True},
        {"nbf": float("nan")},
    ],
)
def test_a_well_signed_token_with_bad_claims_is_invalid(
    verifier: TokenVerifier, watch: Watch, claims: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken):
        verifier.user_id(signed(**claims))


def test_a_token_is_good_from_its_nbf_on(verifier: TokenVerifier, watch: Watch) -> None:
    token = signed(nbf=EXP - 890)
    with pytest.raises(InvalidToken):
        verifier.user_id(token)

    watch.now += 10
    assert verifier.user_id(token) == 7


def test_a_verified_tokens_end_is_known(verifier: TokenVerifier) -> None:
    assert verifier.claims(signed()) == (7, EXP)
    assert verifier.claims(signed()) == (7, EXP)


def test_a_refused_token_is_refused_again(verifier: TokenVerifier) -> None:
    for _ in range(2):
        with pytest.raises(InvalidToken):
            verifier.user_id(signed(userId=0))


@pytest.mark.parametrize(("value", "good"), [(1, True), (2**31 - 1, True), (0, False), (2**31, False), (True, False)])
def test_an_id_is_a_positive_sql_int(value: Any, good: bool) -> None:
    assert is_id(value) is good


@pytest.mark.parametrize("value", [None, "1", 1.0, [1], False])
def test_nothing_else_is_an_id(value: Any) -> None:
    assert is_id(value) is False


def test_tokens_are_verified_by_wall_clock_by_default() -> None:
    verifier = TokenVerifier([secret_key(SECRET)])

    assert verifier.user_id(signed(exp=time.time() + 60)) == 7
