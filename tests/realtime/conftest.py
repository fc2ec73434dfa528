"""What tests of sockets share."""

from functools import partial

import pytest

from regoods import app
from regoods.core.tokens import TokenVerifier
from tests.support.clock import Ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Ahead:
    """By which a server that is started afterwards verifies tokens and ends their sockets."""
    clock = Ahead()
    monkeypatch.setattr(app, "TokenVerifier", partial(TokenVerifier, now=clock))
    return clock
