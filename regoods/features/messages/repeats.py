"""POSTs whose clients went away before they had the answer, or were answered that nobody knows yet what came of them:
the SPA sends such a one again, without a key.

What is remembered lives in memory, and for a minute. All nodes are told, for a balancer sends the second time anywhere.
"""

import asyncio
from typing import Literal, NamedTuple

import msgspec
from cachetools import TTLCache
from msgspec import Raw

from regoods.core.errors import Undecided
from regoods.core.feature import Services
from regoods.core.wire import Shape, decode, encode
from regoods.features.messages.events import NewMessage, digest

REMEMBER_SECONDS = 60
REMEMBERED = 1_000
"""Of 20 KB each at most."""

HERE_SECONDS = 10.0
"""How long a client is kept who asks again: longer than a write takes on a database that is well."""

ELSEWHERE_SECONDS = 10.0
"""How long what comes of it on another node is waited for: longer than a write takes on a database that is well, and
the node may be dead."""

NOTICE = "unanswered_send"
NOTHING = Raw(b"null")

Call = tuple[int, int]
State = Literal["storing", "stored", "failed", "answered"]
Outcome = asyncio.Future[Raw]


class Unanswered(Shape):
    """What another node knows of a POST whose client is gone; `answered`: he has come back and got it."""

    user_id: int
    digest: int
    state: State
    message: Raw = NOTHING
    """Where it is stored."""


_unanswered = msgspec.json.Decoder(Unanswered)


class _Lost(NamedTuple):
    """What comes of a send, by what is known here, and by what other nodes tell."""

    here: Outcome | None = None
    elsewhere: Outcome | None = None


class UnansweredSends:
    """Of one server; on the loop's thread."""

    def __init__(self) -> None:
        self._lost: TTLCache[Call, _Lost] = TTLCache(REMEMBERED, REMEMBER_SECONDS)

    def lost(self, user_id: int, new: NewMessage) -> Outcome:
        """A client is gone, or has to go, before it is known what comes of its message; the future wants to be told."""
        outcome: Outcome = asyncio.get_running_loop().create_future()
        call = user_id, digest(new)
        self._lost[call] = self._lost.get(call, _Lost())._replace(here=outcome)
        return outcome

    async def again(self, user_id: int, new: NewMessage) -> Raw | None:
        """The message of an equal POST of this user whose client went away; None where there was none, or it failed.

        Raises Undecided where it is still not known: stored again it might be there twice.
        """
        lost = self._lost.get((user_id, digest(new))) if self._lost else None
        if lost is None:
            return None
        for outcome, seconds in zip(lost, (HERE_SECONDS, ELSEWHERE_SECONDS), strict=True):
            if outcome is not None:
                await asyncio.wait([outcome], timeout=seconds)
                if outcome.done() and not outcome.cancelled():
                    return outcome.result()
                if outcome is lost.here and not outcome.done():
                    raise Undecided(outcome)
        return None

    def answered(self, user_id: int, new: NewMessage) -> None:
        """Its client has come back and got it: the same words again are another message."""
        self._lost.pop((user_id, digest(new)), None)

    def hear(self, told: Unanswered) -> None:
        """Another node tells."""
        call = told.user_id, told.digest
        if told.state == "answered":
            self._lost.pop(call, None)
            return
        lost = self._lost.get(call, _Lost())
        outcome = lost.elsewhere
        if outcome is None or outcome.cancelled():
            outcome = asyncio.get_running_loop().create_future()
            self._lost[call] = lost._replace(elsewhere=outcome)
        if told.state == "failed":
            outcome.cancel()
        elif told.state == "stored" and not outcome.done():
            outcome.set_result(told.message)


def tell(services: Services, user_id: int, new: NewMessage, state: State, message: Raw = NOTHING) -> None:
    """Tell all other nodes."""
    services.notify(NOTICE, encode(Unanswered(user_id=user_id, digest=digest(new), state=state, message=message)))


def lost(services: Services, user_id: int, new: NewMessage) -> Outcome:
    """As `UnansweredSends.lost`, for all nodes."""
    tell(services, user_id, new, "storing")
    return services.state(UnansweredSends).lost(user_id, new)


def tell_outcome(services: Services, user_id: int, new: NewMessage, outcome: Outcome, message: Raw | None) -> None:
    """What came of it, to who waits here and to all other nodes; None where nothing was stored."""
    if message is None:
        outcome.cancel()
        tell(services, user_id, new, "failed")
    else:
        outcome.set_result(message)
        tell(services, user_id, new, "stored", message)


def follow(services: Services, user_id: int, new: NewMessage, outcome: Outcome, decided: Outcome) -> None:
    """As `tell_outcome`, once it is decided."""
    decided.add_done_callback(
        lambda done: tell_outcome(services, user_id, new, outcome, None if done.cancelled() else done.result())
    )


def hear(services: Services, fact: bytes) -> None:
    """Another node has told."""
    services.state(UnansweredSends).hear(decode(fact, _unanswered))
