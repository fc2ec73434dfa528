"""Follows one user's events at one server, without a gap: it counts them as docs/sync.md says, and asks for what it
missed after a reconnect or a `resync`."""

import asyncio
import json
import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from regoods.commands.running import Address, Unreachable
from regoods.commands.token import demo_token
from regoods.core.settings import Settings

FIRST_WAIT = 0.5
LONGEST_WAIT = 10.0
"""Seconds before it dials again: twice as many each time, and up to a half more."""

AT_ONCE = 100
"""Missed events that are asked for in one call."""

NO_TOKEN = 1008
REFUSED = ("Token required", "Invalid token")

Show = Callable[[dict[str, Any], bool], None]
"""One event, and whether it was missed when it was pushed."""
Say = Callable[[str], None]


class Follower:
    """Of one user."""

    def __init__(self, server: Address, settings: Settings, user_id: int, show: Show, say: Say) -> None:
        self._server = server
        self._settings = settings
        self._user_id = user_id
        self._show = show
        self._say = say
        self._reached: int | None = None
        """The number up to which all was shown; None before the first `connected`."""
        self._reading: int | None = None
        """The number of the `message_read` events that are coming in: several may have it, and one more event."""
        self._wait = FIRST_WAIT
        self._told_wait: float | None = None
        """Seconds until the server is back, by its own word."""

    async def follow(self) -> None:
        """For ever. Raises Unreachable where there is no sense in dialling again."""
        while True:
            try:
                async with self._dial() as socket:
                    await self._listen(socket)
            except ConnectionClosed as closed:
                self._say(self._ended(closed))
            except (OSError, TimeoutError, InvalidHandshake) as error:
                self._say(self._refused(error))
            except Unreachable as unreachable:
                self._say(f"What was missed cannot be had: {unreachable}")
            seconds, self._told_wait = self._told_wait or self._next_wait(), None
            self._say(f"Dialling again in {seconds:.1f} s.")
            await asyncio.sleep(seconds)

    def _dial(self) -> connect:
        # Among the subprotocols a token is in no address, and the server warns before its end.
        offered = [Subprotocol("regoods"), Subprotocol(f"bearer.{self._token()}")]
        return connect(
            self._server.socket_url, subprotocols=offered, ssl=self._server.tls(), compression=None, proxy=None
        )

    async def _listen(self, socket: ClientConnection) -> None:
        while True:
            event: dict[str, Any] = json.loads(await socket.recv())
            kind = event["type"]
            if "seq" in event:
                await self._take(event)
                continue
            self._show(event, False)
            if kind == "connected":
                self._wait = FIRST_WAIT
                await self._come_back(event.get("latest"))
            elif kind == "resync" and event["latest"] > (self._reached or 0):
                await self._catch_up()
            elif kind == "going_away":
                self._told_wait = event["retryAfterMs"] / 1000
            elif kind == "token_expiring":
                await socket.send(json.dumps({"type": "auth", "token": self._token()}))

    async def _come_back(self, latest: int | None) -> None:
        if self._reading is not None:
            self._reached, self._reading = self._reading, None
        if self._reached is None:
            self._reached = latest
        elif latest is not None and latest != self._reached:
            await self._catch_up()

    async def _take(self, event: dict[str, Any]) -> None:
        """An event of the log, as it was pushed."""
        number = event["seq"]
        if self._reading is not None and number != self._reading:
            self._reached, self._reading = self._reading, None
        if self._reached is None or number <= self._reached:
            return
        if number > self._reached + 1:
            await self._catch_up()
            if number <= self._reached:
                return
        self._show(event, False)
        if event["type"] == "message_read":
            self._reading = number
        else:
            self._reached, self._reading = number, None

    async def _catch_up(self) -> None:
        """Show what the log has behind what was shown. Raises Unreachable."""
        more, shown = True, 0
        while more:
            missed = await asyncio.to_thread(self._ask, self._reached or 0)
            if not missed["complete"]:
                self._say("The log no longer has all that was missed; it goes on from the newest.")
                self._reached = missed["latest"]
                return
            for event in missed["events"]:
                self._show(event, True)
                self._reached = event["seq"]
                shown += 1
            more = missed["more"]
        self._say(f"Missed and shown: {shown}.")

    def _ask(self, since: int) -> dict[str, Any]:
        path = f"/api/v1/messages/sync?since={since}&limit={AT_ONCE}"
        reply = self._server.ask(path, token=self._token())
        if reply.status != HTTPStatus.OK:
            raise Unreachable(f"{path} was answered {reply.status}.")
        data: dict[str, Any] = reply.body["data"]
        return data

    def _token(self) -> str:
        return demo_token(self._settings, self._user_id)

    def _next_wait(self) -> float:
        wait = self._wait
        self._wait = min(2 * wait, LONGEST_WAIT)
        return wait * random.uniform(1, 1.5)

    def _ended(self, closed: ConnectionClosed) -> str:
        """Raises Unreachable where the token is not good."""
        close = closed.rcvd
        if close is None:
            return "The connection broke."
        if close.code == NO_TOKEN and close.reason in REFUSED:
            raise Unreachable(self._no_token())
        return f"Closed by the server: {close.code} {close.reason}".rstrip() + "."

    def _refused(self, error: Exception) -> str:
        """Raises Unreachable where there was no server to begin with, or it will say no again."""
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            if status == HTTPStatus.UNAUTHORIZED:
                raise Unreachable(self._no_token())
            if status == HTTPStatus.NOT_FOUND:
                raise Unreachable(f"There are no sockets at {self._server}: WS_ENABLED=false, or another program.")
            return f"The server refuses a socket now: {status}."
        if self._reached is None:
            raise Unreachable(self._server.nothing_there(error))
        return "The server does not answer."

    def _no_token(self) -> str:
        return (
            f"The server at {self._server} refuses the token of user {self._user_id}: there is no such active user, "
            "or it verifies tokens by another JWT_ACCESS_SECRET."
        )
