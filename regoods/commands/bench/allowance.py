"""What a server lets a generator do: asked before, so that nothing is sent that it would refuse."""

import math
from dataclasses import dataclass, field
from http import HTTPStatus

from regoods.commands.bench.processes import Processes
from regoods.commands.running import Address
from regoods.commands.token import demo_token
from regoods.core.settings import Settings

LINES = 128
"""Connections that messages are sent over."""

SPARE_FILES = 64
"""Of each process, beside its sockets and lines."""

SPARE_WRITES = 2
"""Of a user's in a minute: one is used up by asking for the limit."""


class Refused(Exception):
    """One line: why there can be no load."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """By whoever started it: messages a second for so many seconds, with so many sockets open."""

    sockets: int
    rate: int
    seconds: int


@dataclass(slots=True)
class Allowance:
    """How much of it there will be."""

    users: int
    """Ids 1 to this, each with one socket at least."""
    sockets: int
    rate: int
    wait: int = 0
    """Seconds until a minute of writes is over that others have used up."""
    notes: list[str] = field(default_factory=list)
    """What holds it back."""
    remedy: str = ""
    """How the server is started that holds nothing back."""


def learn(server: Address, settings: Settings, wanted: Wanted, processes: Processes, own_files: int) -> Allowance:
    """Ask the server. Raises Refused, Unreachable."""
    if server.ask("/debug/users").status != HTTPStatus.OK:
        raise Refused(f"The server at {server} is none in development, or has DEBUG_CHAT=false: bench writes messages.")
    token = demo_token(settings, 1)
    limit, left, seconds_left = _writes(server, token)
    users = _users(server, token, wanted.sockets)
    if users == 1:
        raise Refused(f"The server at {server} has no user 2 for user 1 to write to: start it with DEMO_DATA=true.")
    each = settings.ws_max_connections_per_user
    allowed = Allowance(users, min(wanted.sockets, users * each), wanted.rate)
    more: list[str] = []
    if allowed.sockets < wanted.sockets:
        allowed.notes.append(
            f"The server has {users:,} demo users with {each} sockets each: {allowed.sockets:,} sockets, "
            f"not {wanted.sockets:,}."
        )
        more.append(f"DEMO_USERS={wanted.sockets}")
    needs_files = _fit_files(allowed, wanted, processes, own_files)
    if limit and fit_rate(allowed, wanted.seconds, limit, left, seconds_left):
        more.append("RATE_LIMIT_WRITES_PER_MINUTE=0")
    if needs_files:
        more.insert(0, "ulimit -n 65536;")
    if more:
        allowed.remedy = " ".join([*more, "make run"])
    return allowed


def _writes(server: Address, token: str) -> tuple[int, int, int]:
    """A user's limit of writes a minute (0: none), how many are left, and for how many seconds it is so."""
    # A body that is refused: asking writes nothing.
    reply = server.ask("/api/v1/messages", method="POST", token=token, body={})
    if reply.status == HTTPStatus.UNAUTHORIZED:
        raise Refused(
            f"The server at {server} refuses the token of user 1: there is no such active user, or it verifies tokens "
            "by another JWT_ACCESS_SECRET."
        )
    limit, left, seconds = (reply.headers.get(f"RateLimit-{name}", "0") for name in ("Limit", "Remaining", "Reset"))
    return int(limit), int(left), int(seconds)


def _users(server: Address, token: str, most: int) -> int:
    """The highest id, up to this, of demo users that are numbered from 1."""
    low, high = 1, most
    while low < high:
        # The last one first: where there are enough, that is all that is asked.
        middle = high if (low, high) == (1, most) else (low + high + 1) // 2
        if _is_there(server, token, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _is_there(server: Address, token: str, user_id: int) -> bool:
    reply = server.ask(f"/api/v1/messages/user/{user_id}?limit=1", token=token)
    if reply.status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
        raise Refused(f"The server at {server} does not say who its users are: {reply.status}. Try again in a minute.")
    return reply.status == HTTPStatus.OK


def _fit_files(allowed: Allowance, wanted: Wanted, processes: Processes, own_files: int) -> bool:
    """Whether the server may open too few for what was wanted."""
    room = own_files - LINES - SPARE_FILES
    if room < allowed.sockets:
        allowed.sockets = max(2, room)
        allowed.notes.append(
            f"This process may open {own_files:,} files: {allowed.sockets:,} sockets. More with `ulimit -Hn`."
        )
    server_room = processes.free_files() - LINES - SPARE_FILES if processes else wanted.sockets
    if server_room < allowed.sockets:
        allowed.sockets = max(2, server_room)
        allowed.notes.append(f"The server may open so many files more that {allowed.sockets:,} sockets have room.")
    allowed.users = min(allowed.users, allowed.sockets)
    return server_room < wanted.sockets


def fit_rate(allowed: Allowance, seconds: int, limit: int, left: int, seconds_left: int) -> bool:
    """Whether the limit is too low for what was wanted. A window of a minute begins with a user's first write, so no
    minute may have more than the limit."""
    window = min(seconds, 60)
    most = allowed.users * max(0, limit - SPARE_WRITES) // window
    if not most:
        raise Refused(
            f"A user may write {limit} times a minute: too few. Start it with RATE_LIMIT_WRITES_PER_MINUTE=0."
        )
    too_low = most < allowed.rate
    if too_low:
        allowed.notes.append(
            f"A user may write {limit} times a minute: {allowed.users:,} users {most:,} messages a second for "
            f"{seconds} s, not {allowed.rate:,}."
        )
        allowed.rate = most
    if left <= math.ceil(allowed.rate * window / allowed.users):
        # The others' minutes began up to a second after the first user's, if it was a run like this one.
        allowed.wait = seconds_left + 2
    return too_low
