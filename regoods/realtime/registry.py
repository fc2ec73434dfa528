"""Who is connected here: user -> sockets. A plain structure without Tornado.

Cost a socket: one dict entry and one tuple for its user, one dict entry for its heartbeat slice.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Peer(Protocol):
    """What the registry needs to know of a socket."""

    user_id: int
    slice_index: int


C = TypeVar("C", bound=Peer)


class ConnectionRegistry(Generic[C]):
    """Open sockets by user, and all of them in `slices` of equal size for the heartbeat."""

    def __init__(self, slices: int = 1) -> None:
        # Tuples, so that a push may close sockets while it walks over them.
        self._by_user: dict[int, tuple[C, ...]] = {}
        # Dictionaries for sets: the same, in a third of the bytes.
        self._slices: list[dict[C, None]] = [{} for _ in range(slices)]
        self._next_slice = 0

    def add(self, connection: C) -> bool:
        """Whether it is its user's first."""
        others = self._by_user.get(connection.user_id, ())
        if connection in others:
            return False
        self._by_user[connection.user_id] = (*others, connection)
        connection.slice_index = self._next_slice
        self._slices[self._next_slice][connection] = None
        self._next_slice = (self._next_slice + 1) % len(self._slices)
        return not others

    def remove(self, connection: C) -> bool:
        """Remove only this very socket; may be called twice. Whether it was its user's last."""
        others = self._by_user.get(connection.user_id, ())
        if connection not in others:
            return False
        left = tuple(other for other in others if other is not connection)
        if left:
            self._by_user[connection.user_id] = left
        else:
            del self._by_user[connection.user_id]
        self._slices[connection.slice_index].pop(connection, None)
        return not left

    def of(self, user_id: int) -> tuple[C, ...]:
        return self._by_user.get(user_id, ())

    def is_online(self, user_id: int) -> bool:
        """Whether the user has a socket now. Safe from any thread: a single dict look-up."""
        return user_id in self._by_user

    def user_ids(self) -> list[int]:
        """Who has a socket now."""
        return list(self._by_user)

    def slice(self, index: int) -> list[C]:
        """The sockets of one heartbeat slice, as they are now."""
        return list(self._slices[index])

    @property
    def slices(self) -> int:
        return len(self._slices)

    @property
    def users(self) -> int:
        return len(self._by_user)

    def __len__(self) -> int:
        return sum(map(len, self._slices))

    def __iter__(self) -> Iterator[C]:
        for index in range(len(self._slices)):
            yield from self.slice(index)
