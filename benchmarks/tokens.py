"""Access tokens as ReGoods issues them: HS256, claims userId, email, iat, exp."""

import base64
import hashlib
import hmac
import json
import time


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


HEADER = _part(b'{"alg":"HS256","typ":"JWT"}')


def mint(user_id: int, email: str, secret: str, seconds: int = 7200) -> str:
    """A token valid for that many seconds: longer than the 15 minutes of real ones, for a run outlasts those."""
    now = int(time.time())
    claims = {"userId": user_id, "email": email, "iat": now, "exp": now + seconds}
    signed = HEADER + b"." + _part(json.dumps(claims, separators=(",", ":")).encode())
    return (signed + b"." + _part(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()
