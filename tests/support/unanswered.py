"""Clients that go away before they have their answer."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

from regoods.core.work import Work, writes_for_anyone
from regoods.features.messages.repeats import UnansweredSends
from tests.support.people import LIMIT, Person
from tests.support.raw_socket import eventually
from tests.support.server import RunningServer


class Held:
    """Keeps the writer of a user busy until it is let go."""

    def __init__(self, server: RunningServer, user_id: int, then: Callable[[Work], None] | None = None) -> None:
        self._then = then
        self._go = threading.Event()
        self._begun = threading.Event()
        self._holding = asyncio.ensure_future(server.app.services.work.run(writes_for_anyone(self._hold), user_id))

    def _hold(self, work: Work, _user_id: int) -> None:
        self._begun.set()
        assert self._go.wait(LIMIT)
        if self._then is not None:
            self._then(work)

    async def begun(self) -> "Held":
        await asyncio.to_thread(self._begun.wait, LIMIT)
        return self

    async def let_go(self) -> None:
        self._go.set()
        await self._holding


def said(person: Person, body: dict[str, Any]) -> bytes:
    data = json.dumps(body).encode()
    head = f"POST /api/v1/messages HTTP/1.1\r\nHost: regoods\r\nAuthorization: Bearer {person.token()}\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data


async def say_and_leave(server: RunningServer, person: Person, body: dict[str, Any]) -> None:
    """POST a message and close the connection, of which the server takes note, before it is answered."""
    before, in_flight = list(lost(server).values()), len(server.app.patience._requests)
    _, writer = await asyncio.open_connection("127.0.0.1", int(server.base_url.rpartition(":")[2]))
    writer.write(said(person, body))
    await writer.drain()

    async def waits() -> Any:
        return len(server.app.patience._requests) > in_flight

    await eventually(waits)
    writer.close()

    async def noticed() -> Any:
        return list(lost(server).values()) != before

    await eventually(noticed)


def lost(server: RunningServer) -> Any:
    return server.app.services.state(UnansweredSends)._lost
