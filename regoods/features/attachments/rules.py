"""How many uploads, how large, and how long they are kept. Pure functions."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from regoods.core.database import Row
from regoods.core.errors import RateLimited

LARGEST_FILE = 5 * 1024 * 1024
LARGEST_FORM = LARGEST_FILE + 64 * 1024
"""With the form's other fields and what frames them."""

UPLOADS_AN_HOUR = 50
TRIES_AN_HOUR = 100
"""With those that were refused: decoding a file only to refuse it costs as much as any other."""

HOUR = timedelta(hours=1)
UNSENT = timedelta(hours=24)
SENT = timedelta(days=7)
"""So often a sent picture's messages are looked for again: the old API tells of no deletion."""

CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}
NAME_PATTERN = rf"[0-9a-f]{{40}}\.(?:{'|'.join(CONTENT_TYPES)})"


def new_name(extension: str) -> str:
    """160 random bits: who has the address was given it."""
    return f"{secrets.token_hex(20)}.{extension}"


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def content_type(name: str) -> str:
    return CONTENT_TYPES[name.rpartition(".")[2]]


def check_hour(uploads: Sequence[Row], now: datetime) -> None:
    """Whether one more may follow these of the past hour, oldest first. Raises RateLimited."""
    kept = [one for one in uploads if not one.is_refused]
    for several, limit in ((kept, UPLOADS_AN_HOUR), (uploads, TRIES_AN_HOUR)):
        if len(several) >= limit:
            wait = several[len(several) - limit].created_at + HOUR - now
            raise RateLimited(
                f"You may upload {UPLOADS_AN_HOUR} pictures an hour. Wait a while and try again.",
                retry_after=max(1, ceil(wait.total_seconds())),
            )


def check_again(upload: Row, now: datetime, *, removed: bool) -> datetime | None:
    """When to look at an upload again that was looked at now; None: its row can go.

    A row without a file stays for its hour, in which it counts.
    """
    if upload.used_by is not None:
        return now + SENT
    if not removed:
        return now + HOUR
    counts_until: datetime = upload.created_at + HOUR
    return counts_until if counts_until > now else None
