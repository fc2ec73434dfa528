"""Servers as processes, for crowds."""

from collections.abc import Callable

import pytest

from tests.support.process import ServerProcess, Start
from tests.support.traffic import FIRST_SENDER

Begin = Callable[..., ServerProcess]


@pytest.fixture
def begin(start: Start) -> Begin:
    """Starts `run.py` on a database, with so many senders in it and no limit to their calls."""

    def new(database_url: str, senders: int, **environment: str) -> ServerProcess:
        given = {
            "DATABASE_URL": database_url,
            "DEMO_USERS": str(FIRST_SENDER + senders),
            "RATE_LIMIT_WRITES_PER_MINUTE": "0",
            "RATE_LIMIT_READS_PER_MINUTE": "0",
        }
        return start(**given | environment)

    return new
