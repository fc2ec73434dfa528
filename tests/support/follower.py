"""A client that misses nothing: it counts events as docs/sync.md says, and comes back when its socket ends."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tornado.httpclient import HTTPClientError
from tornado.websocket import websocket_connect

from tests.support.people import LIMIT, Person
from tests.support.process import ServerProcess

REDIAL_SECONDS = 0.1


class Follower:
    """`person(attempt)` gives the user at the node to be dialled."""

    def __init__(self, person: Callable[[int], Person]) -> None:
        self._person = person
        self.messages: Counter[int] = Counter()
        """Ids of `message` events, as often as the client took them."""
        self.resyncs = 0
        self.dials = 0
        self.reached: int | None = None
        self._changed = asyncio.Event()
        self._task = asyncio.ensure_future(self._follow())

    async def connected(self) -> "Follower":
        await self.until(lambda: self.reached is not None)
        return self

    async def until(self, holds: Callable[[], bool], limit: float = LIMIT) -> None:
        """Wait until this holds, which is looked at after each event."""
        async with asyncio.timeout(limit):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _follow(self) -> None:
        while True:
            person = self._person(self.dials)
            self.dials += 1
            url = person.base_url.replace("http", "ws", 1) + f"/messages?token={person.token()}"
            with contextlib.suppress(OSError, HTTPClientError, ConnectionError):
                await self._listen(person, await websocket_connect(url, connect_timeout=2))
            await asyncio.sleep(REDIAL_SECONDS)

    async def _listen(self, person: Person, connection: Any) -> None:
        try:
            while (text := await connection.read_message()) is not None:
                event = json.loads(text)
                if event["type"] == "connected":
                    if self.reached is None:
                        self.reached = event["latest"]
                    elif event["latest"] != self.reached:
                        await self._catch_up(person)
                elif event["type"] == "resync":
                    self.resyncs += 1
                    if event["latest"] > (self.reached or 0):
                        await self._catch_up(person)
                elif "seq" in event:
                    await self._take(person, event)
                self._changed.set()
        finally:
            connection.close()

    async def _take(self, person: Person, event: dict[str, Any]) -> None:
        assert self.reached is not None
        if event["seq"] > self.reached + 1:
            await self._catch_up(person)
        elif event["seq"] == self.reached + 1:
            self.reached = event["seq"]
            if event["type"] == "message":
                self.messages[event["message"]["messageId"]] += 1

    async def _catch_up(self, person: Person) -> None:
        more = True
        while more:
            reply = await person.get(f"/messages/sync?since={self.reached}&limit=100")
            if reply.status == 503:
                await asyncio.sleep(REDIAL_SECONDS)
                continue
            answer = reply.data
            assert answer["complete"]
            for event in answer["events"]:
                await self._take(person, event)
            more = answer["more"]


async def follow_all(process: ServerProcess, user_ids: Iterable[int]) -> dict[int, Follower]:
    """A follower for each of these users, at one server that may be killed and come back at its port."""

    def follower(user_id: int) -> Follower:
        return Follower(lambda _attempt: process.person(user_id))

    return {user_id: await follower(user_id).connected() for user_id in user_ids}
