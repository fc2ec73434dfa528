"""People who use the server as clients do: REST over HTTP, frames over a WebSocket (Tornado's own clients)."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from regoods.core.tokens import mint
from tests.support.contract import check_answer, check_event

LIMIT = 30.0
"""Seconds a test waits for an event before it fails: a process that starts in one may take ten on a busy machine."""


@dataclass
class Answer:
    status: int
    headers: Any
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def data(self) -> Any:
        """`data` of a success envelope."""
        assert self.body["success"] is True, self.body
        return self.body["data"]

    @property
    def error(self) -> Any:
        """`error` of a failure envelope, whose form is checked on the way."""
        body = self.body
        assert body["success"] is False, body
        assert body["message"] == body["error"]["message"]
        assert body["error"]["statusCode"] == self.status
        return body["error"]

    @property
    def field(self) -> str:
        """The field that a 400 names."""
        return str(self.error["details"][0]["field"])


class Socket:
    """One open WebSocket of a client."""

    def __init__(self, connection: WebSocketClientConnection) -> None:
        self.connection = connection
        self.seen: list[dict[str, Any]] = []
        self.numbers: list[int] = []
        """The `seq` of each logged event that came."""
        self.latest = 0
        """What `connected` said."""
        self.presences: deque[dict[str, Any]] = deque()
        """Who came and went, in the order they were read: most tests have nothing to do with it."""
        self._events: deque[dict[str, Any]] = deque()

    async def next(self) -> dict[str, Any]:
        """The next event but `presence`, without its number."""
        event = await self.next_numbered()
        number = event.pop("seq", None)
        if number is not None:
            self.numbers.append(number)
        return event

    async def next_numbered(self) -> dict[str, Any]:
        """The next event but `presence`, as it came."""
        while not self._events:
            await self._read()
        return self._events.popleft()

    async def next_presence(self) -> tuple[int, bool, str]:
        """The next `presence` event: userId, isOnline, lastSeenAt."""
        while not self.presences:
            await self._read()
        event = self.presences.popleft()
        assert event.keys() == {"type", "userId", "isOnline", "lastSeenAt"}
        return event["userId"], event["isOnline"], event["lastSeenAt"]

    async def _read(self) -> None:
        message = await asyncio.wait_for(asyncio.ensure_future(self.connection.read_message()), LIMIT)
        assert message is not None, f"closed: {self.connection.close_code} {self.connection.close_reason}"
        event: dict[str, Any] = json.loads(message)
        check_event(event)
        self.seen.append(event)
        (self.presences if event["type"] == "presence" else self._events).append(event)

    async def until(self, kind: str, matches: Callable[[dict[str, Any]], bool] = lambda _event: True) -> dict[str, Any]:
        """The next event of a type; those before it are kept in `seen`."""
        while True:
            event = await self.next()
            if event["type"] == kind and matches(event):
                return event

    async def quiet(self) -> list[dict[str, Any]]:
        """Everything that was on its way to this socket: events up to the answer to a ping sent now."""
        self.send({"type": "ping"})
        events: list[dict[str, Any]] = []
        while (event := await self.next())["type"] != "pong":
            events.append(event)
        return events

    def send(self, frame: Any) -> None:
        self.connection.write_message(frame if isinstance(frame, str) else json.dumps(frame))

    def send_bytes(self, data: bytes) -> None:
        self.connection.write_message(data, binary=True)

    async def closed(self) -> tuple[int | None, str | None]:
        """Code and reason, once the server has closed."""
        while await asyncio.wait_for(asyncio.ensure_future(self.connection.read_message()), LIMIT) is not None:
            pass
        return self.connection.close_code, self.connection.close_reason

    def close(self) -> None:
        self.connection.close()


@dataclass
class Person:
    """A user with a token; sockets are closed by the fixture that made the person."""

    base_url: str
    user_id: int
    secret: str
    sockets: list[Socket] = field(default_factory=list)

    def token(self, lifetime: timedelta = timedelta(minutes=15)) -> str:
        return mint(self.secret, self.user_id, f"user{self.user_id}@example.com", datetime.now(UTC), lifetime)

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        token: str | None = None,
        root: str = "/api/v1",
    ) -> Answer:
        """A REST call; `path` follows `root`, `token=""` sends none."""
        sent = {"Content-Type": "application/json"} | (headers or {})
        token = self.token() if token is None else token
        if token:
            sent["Authorization"] = f"Bearer {token}"
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = HTTPRequest(
            self.base_url + root + path,
            method=method,
            headers=sent,
            body=data if data is not None or method in ("GET", "DELETE", "OPTIONS") else b"",
            allow_nonstandard_methods=True,
            request_timeout=LIMIT,
            validate_cert=False,
        )
        response = await AsyncHTTPClient().fetch(request, raise_error=False)
        if response.code == 599:
            raise ConnectionError(response.error)
        answer = Answer(response.code, response.headers, response.body or b"")
        check_answer(method, root + path, answer.status, answer.raw)
        return answer

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.call("POST", path, body, **options)

    async def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return await self.call("PUT", path, body, **options)

    async def delete(self, path: str, **options: Any) -> Answer:
        return await self.call("DELETE", path, **options)

    async def write(self, recipient: "Person", content: str = "Hello", **more: Any) -> dict[str, Any]:
        """Send a message; the stored Message."""
        answer = await self.post("/messages", {"recipientId": recipient.user_id, "messageContent": content, **more})
        assert answer.status == 201, answer.raw
        message: dict[str, Any] = answer.data
        return message

    async def dial(
        self, token: str | None = None, headers: dict[str, str] | None = None, path: str = "/messages"
    ) -> Socket:
        """Open a socket and take what comes; raises tornado's HTTPClientError for a status before the upgrade."""
        token = self.token() if token is None else token
        query = f"?token={quote(token)}" if token else ""
        url = self.base_url.replace("http", "ws", 1) + path + query
        request = HTTPRequest(url, headers=headers or {}, validate_cert=False)
        socket = Socket(await asyncio.wait_for(asyncio.ensure_future(websocket_connect(request)), LIMIT))
        self.sockets.append(socket)
        return socket

    async def connect(self) -> Socket:
        """Open a socket and wait until it is registered."""
        socket = await self.dial()
        greeting = await socket.next()
        assert (greeting["type"], greeting["userId"]) == ("connected", self.user_id)
        socket.latest = greeting["latest"]
        return socket
