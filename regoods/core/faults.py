"""What may be broken for one user's sockets, so that a client's author sees how his client copes. Development only."""

from typing import NamedTuple, Protocol


class Disturbance(NamedTuple):
    """What becomes of a user's events on their way. Of an `every`, 3 means each third event, 0 means none."""

    drop_every: int = 0
    duplicate_every: int = 0
    """Of those that are not dropped: comes twice, one behind the other."""
    reorder_every: int = 0
    """Likewise: comes behind the one that follows it."""
    delay_ms: int = 0
    """Each comes so late, and all in their order."""


class Tally(NamedTuple):
    """What a disturbance has done so far, counted in events."""

    events: int
    """All that came to it."""
    dropped: int
    duplicated: int
    reordered: int
    held: int
    """Still to come: delayed, or waiting to be overtaken."""


class Disturbed(NamedTuple):
    disturbance: Disturbance
    tally: Tally
    seconds_left: int


class Faults(Protocol):
    """Of the sockets that this process has; on the loop's thread."""

    def disturb(self, user_id: int, disturbance: Disturbance, seconds: float) -> None:
        """From now on, in the place of what was before, for so long."""
        ...

    def calm(self, user_id: int) -> None:
        """Undisturbed from now on; what is held comes at once, in its order."""
        ...

    def disturbed(self, user_id: int) -> Disturbed | None:
        """What is disturbed at the moment, if anything."""
        ...

    def sockets(self, user_id: int) -> int:
        """How many he has open."""
        ...

    def reset(self, user_id: int) -> None:
        """End his TCP connections by RST, without a close frame."""
        ...

    def close(self, user_id: int, code: int, reason: str) -> None:
        """Close his sockets in good order."""
        ...

    def silence(self, user_id: int) -> None:
        """Neither hear nor answer his sockets any more; their TCP connections stay open, and he counts as offline."""
        ...

    def expire(self, user_id: int, seconds: float) -> None:
        """Warn his sockets by `token_expiring`, and close those with 1008 that are not renewed in so many seconds."""
        ...

    def fill(self, user_id: int, size: int) -> None:
        """Send so many bytes, as fast as he reads them: whoever does not is closed with 4008."""
        ...
