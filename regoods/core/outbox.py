"""What a unit of work tells once it is committed, and the log in which each receiver finds it again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from regoods.core.database import Session
from regoods.core.metrics import event_type
from regoods.core.origin import Origin


class Subject(NamedTuple):
    """The message that something is about, and whom it was written to."""

    message_id: int
    recipient_id: int


class Publication:
    """An encoded event for some users; `EventLog.append` gives it its numbers."""

    __slots__ = ("audience", "creates", "echoes", "event", "numbers", "of", "origin")

    def __init__(
        self,
        audience: Sequence[int],
        event: bytes,
        echoes: Sequence[bytes],
        of: Subject | None,
        creates: bool,
    ) -> None:
        self.audience = audience
        self.event = event
        self.echoes = echoes
        """Events that say the same in other words: pushed before it under its number, kept nowhere."""
        self.of = of
        """The message that it is about, where it is about one."""
        self.creates = creates
        """Whether it tells that message's creation."""
        self.numbers: Sequence[int] = ()
        """Its number in each receiver's log, in the order of `audience`; none where there is no log."""
        self.origin: Origin | None = None
        """The request it came of, where it was one."""

    @property
    def kind(self) -> str:
        """Its `type` on the wire."""
        return event_type(self.event).decode()


Outbox = list[Publication]


@dataclass(frozen=True, slots=True)
class EventLog:
    """How a feature keeps what is published, so that a client finds what it missed."""

    append: Callable[[Session, Sequence[Publication], datetime], None]
    """Number and store publications, as the last thing in their transaction."""
    latest: Callable[[Session, int], int]
    """The number of the newest event in a user's log, 0 where there is none."""
    latest_of: Callable[[Session, Sequence[int]], Mapping[int, int]]
    """The same of several users; those without any are left out."""
    holds: Callable[[Session, Sequence[Publication]], bool]
    """Whether the publications of a transaction whose commit broke off are kept. Waits until it can no longer become
    so; changes nothing that anybody sees. All of them were numbered in that transaction, and there is one at least."""


def numbered(event: bytes, number: int) -> bytes:
    """The event with its `seq`; an encoded event is an object that has its `type` at least."""
    return b'{"seq":%d,' % number + event[1:]
