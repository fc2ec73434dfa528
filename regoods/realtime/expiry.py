"""Tokens that end while their sockets are open: a warning before, a newer token in place, and if it is to be, the end.

A socket is watched where its client speaks `regoods` or has sent `auth`, and each one with WS_ENFORCE_TOKEN_EXPIRY. The
others cost nothing here.
"""

import asyncio
import math
from collections.abc import Awaitable

import msgspec
from tornado.ioloop import PeriodicCallback

from regoods.core.errors import Forbidden
from regoods.core.tokens import TokenVerifier
from regoods.core.wire import decode
from regoods.realtime.closing import TOKEN_EXPIRED
from regoods.realtime.connection import Connection
from regoods.realtime.events import AuthFrame, authenticated_frame, token_expiring_frame

WARNING_SECONDS = 60
TICK_MS = 500
DONE_AT_ONCE = 200
"""Sockets warned or closed before the loop gets its turn: some 2 ms."""

_auth = msgspec.json.Decoder(AuthFrame)


class Expiry:
    """Of one server, on the loop's thread."""

    def __init__(self, tokens: TokenVerifier, *, enforced: bool) -> None:
        self._tokens = tokens
        self.enforced = enforced
        """Whether a socket is closed when its token ends."""
        self._due: dict[int, set[Connection]] = {}
        """By the second of Unix time in which something is to be done."""
        self.callback = PeriodicCallback(self.tick, TICK_MS)

    def watch(self, connection: Connection) -> None:
        """From now on; `connection.expires` is its token's end."""
        self._put(connection, math.ceil(connection.expires - WARNING_SECONDS))

    def forget(self, connection: Connection) -> None:
        """May be called for one that is not watched."""
        others = self._due.get(connection.due)
        if others is not None:
            others.discard(connection)
            if not others:
                del self._due[connection.due]
        connection.due = 0

    def renew(self, connection: Connection, payload: bytes) -> Awaitable[None] | None:
        """What a frame `auth` does on an open socket. Raises ApiError, and the socket stays as it was."""
        token = decode(payload, _auth).token
        learning = self._tokens.learning(token)
        if learning is not None:
            return self._renew_later(connection, token, learning)
        self._renew(connection, token)
        return None

    def end(self, connection: Connection, seconds: float) -> None:
        """As if its token ended in so many seconds, and that were enforced: warned now, then closed if not renewed."""
        self.forget(connection)
        connection.expires = ends = self._tokens.now() + seconds
        connection.push(token_expiring_frame(ends))
        asyncio.get_running_loop().call_later(seconds, self._close_unless_renewed, connection, ends)

    async def tick(self) -> None:
        """Warn and close those whose time has come."""
        now, done = self._tokens.now(), 0
        for second in sorted(second for second in self._due if second <= now):
            for connection in self._due.pop(second, ()):
                # It may have been renewed, or have gone, while the loop had its turn.
                if connection.due != second:
                    continue
                connection.due = 0
                self._serve(connection, now)
                done += 1
                if done % DONE_AT_ONCE == 0:
                    await asyncio.sleep(0)

    async def _renew_later(self, connection: Connection, token: str, learning: Awaitable[None]) -> None:
        await learning
        self._renew(connection, token)

    def _renew(self, connection: Connection, token: str) -> None:
        claims = self._tokens.claims(token)
        if claims.user_id != connection.user_id:
            raise Forbidden("This token is another user's: open a socket of its own with it.")
        if connection.is_open:
            self.forget(connection)
            # Two on their way may overtake each other.
            connection.expires = max(connection.expires, claims.expires)
            self.watch(connection)
            connection.push(authenticated_frame(connection.expires))

    def _close_unless_renewed(self, connection: Connection, ends: float) -> None:
        if connection.expires == ends:
            connection.close(TOKEN_EXPIRED)

    def _put(self, connection: Connection, second: int) -> None:
        connection.due = second
        self._due.setdefault(second, set()).add(connection)

    def _serve(self, connection: Connection, now: float) -> None:
        if now < connection.expires:
            connection.push(token_expiring_frame(connection.expires))
            if self.enforced:
                self._put(connection, math.ceil(connection.expires))
        elif self.enforced:
            connection.close(TOKEN_EXPIRED)
