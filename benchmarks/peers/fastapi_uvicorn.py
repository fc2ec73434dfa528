"""FastAPI on uvicorn (uvloop, httptools), with one aiosqlite connection that commits each message by itself."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

import aiosqlite
import uvicorn
from fastapi import Body, FastAPI, Header, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from shapes import (
    ADD_USERS,
    JSON,
    SCHEMA,
    Refused,
    message_json,
    now_iso,
    person,
    read_settings,
    user_of_header,
    user_of_token,
    validated,
)

SETTINGS = read_settings()
SELECT_USER = "SELECT UserID, FullName, ProfilePictureURL, IsActive FROM Users WHERE UserID = ?"
INSERT_MESSAGE = (
    "INSERT INTO Messages (SenderID, RecipientID, MessageContent, MessageType, AttachmentURL, CreatedAt, UpdatedAt)"
    " VALUES (:senderId, :recipientId, :messageContent, :messageType, :attachmentUrl, :now, :now)"
)
connections: dict[int, set[WebSocket]] = defaultdict(set)


@asynccontextmanager
async def database(app: FastAPI) -> AsyncIterator[None]:
    async with aiosqlite.connect(SETTINGS.database, isolation_level=None) as connection:
        await connection.execute("PRAGMA journal_mode = WAL")
        await connection.execute("PRAGMA synchronous = FULL")
        await connection.executescript(SCHEMA)
        await connection.execute(ADD_USERS, (SETTINGS.users,))
        app.state.database = connection
        yield


app = FastAPI(lifespan=database)


async def push(user_id: int, event: JSON) -> None:
    text = json.dumps(event)
    for socket in list(connections.get(user_id, ())):
        with suppress(WebSocketDisconnect, RuntimeError):  # it left meanwhile; its own handler cleans up
            await socket.send_text(text)


async def active_user(connection: aiosqlite.Connection, user_id: int, otherwise: Refused) -> JSON:
    for row in await connection.execute_fetchall(SELECT_USER, (user_id,)):
        if row[3]:
            return person(row[0], row[1], row[2])
    raise otherwise


@app.exception_handler(Refused)
async def refused(_request: Request, error: Refused) -> JSONResponse:
    return JSONResponse(error.envelope(), error.status)


@app.get("/health")
async def health() -> JSON:
    return {"status": "ok", "timestamp": now_iso()}


@app.post("/api/v1/messages", status_code=201)
async def send(body: Annotated[Any, Body()], authorization: Annotated[str | None, Header()] = None) -> JSONResponse:
    sender_id = user_of_header(authorization, SETTINGS.secret)
    values = validated(body, sender_id)
    connection: aiosqlite.Connection = app.state.database
    sender = await active_user(connection, sender_id, Refused(403, "FORBIDDEN", "Sender is inactive"))
    not_found = Refused(404, "RESOURCE_NOT_FOUND", "Recipient not found")
    recipient = await active_user(connection, values["recipientId"], not_found)
    now = now_iso()
    inserted = await connection.execute_insert(INSERT_MESSAGE, {**values, "senderId": sender_id, "now": now})
    message = message_json(inserted[0] if inserted else 0, sender, recipient, values, now)
    await push(values["recipientId"], {"type": "message", "message": message})
    await push(sender_id, {"type": "message_sent", "message": message})
    return JSONResponse({"success": True, "data": message}, 201)


@app.websocket("/messages")
async def messages(socket: WebSocket, token: str = "") -> None:
    await socket.accept()
    try:
        user_id = user_of_token(token, SETTINGS.secret)
    except Refused:
        await socket.close(1008, "Invalid token")
        return
    connections[user_id].add(socket)
    try:
        await socket.send_json({"type": "connected", "userId": user_id})
        while True:
            frame = await socket.receive_json()
            if frame.get("type") == "ping":
                await socket.send_json({"type": "pong"})
    except WebSocketDisconnect:
        pass
    finally:
        connections[user_id].discard(socket)
        if not connections[user_id]:
            del connections[user_id]


class AnnouncingServer(uvicorn.Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        print(f"listening on {SETTINGS.port}", flush=True)


if __name__ == "__main__":
    config = uvicorn.Config(
        app, host="127.0.0.1", port=SETTINGS.port, log_level="warning", access_log=False,
        ws_ping_interval=30, ws_ping_timeout=30,
    )  # fmt: skip
    AnnouncingServer(config).run()
