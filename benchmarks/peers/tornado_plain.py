"""Plain Tornado: WebSocketHandler.write_message, and an ORM session a request in a thread pool."""

import asyncio
import json
import signal
import sqlite3
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import tornado.web
import tornado.websocket
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
from sqlalchemy import create_engine, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

HEARTBEAT_SECONDS = 30
SETTINGS = read_settings()
POOL = ThreadPoolExecutor(max_workers=2)  # of 1, 2 and 8 the fastest: SQLite has one writer
ENGINE = create_engine(f"sqlite:///{SETTINGS.database}", pool_size=2, connect_args={"timeout": 30})
NewSession = sessionmaker(ENGINE, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "Users"
    id: Mapped[int] = mapped_column("UserID", primary_key=True)
    full_name: Mapped[str] = mapped_column("FullName")
    picture: Mapped[str | None] = mapped_column("ProfilePictureURL")
    is_active: Mapped[bool] = mapped_column("IsActive")


class Message(Base):
    __tablename__ = "Messages"
    id: Mapped[int] = mapped_column("MessageID", primary_key=True)
    sender_id: Mapped[int] = mapped_column("SenderID")
    recipient_id: Mapped[int] = mapped_column("RecipientID")
    content: Mapped[str] = mapped_column("MessageContent")
    type: Mapped[str] = mapped_column("MessageType")
    attachment_url: Mapped[str | None] = mapped_column("AttachmentURL")
    created_at: Mapped[str] = mapped_column("CreatedAt")
    updated_at: Mapped[str] = mapped_column("UpdatedAt")


@event.listens_for(ENGINE, "connect")
def durable(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def prepare_database() -> None:
    connection = sqlite3.connect(SETTINGS.database)
    connection.executescript(SCHEMA)
    connection.execute(ADD_USERS, (SETTINGS.users,))
    connection.commit()
    connection.close()


def send(session: Session, sender_id: int, body: JSON) -> JSON:
    sender, recipient = session.get(User, sender_id), session.get(User, body["recipientId"])
    if sender is None or not sender.is_active:
        raise Refused(403, "FORBIDDEN", "Sender is inactive")
    if recipient is None or not recipient.is_active:
        raise Refused(404, "RESOURCE_NOT_FOUND", "Recipient not found")
    now = now_iso()
    message = Message(
        sender_id=sender.id, recipient_id=recipient.id, content=body["messageContent"], type=body["messageType"],
        attachment_url=body["attachmentUrl"], created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(message)
    session.commit()
    people = [person(user.id, user.full_name, user.picture) for user in (sender, recipient)]
    return message_json(message.id, *people, body, now)


def send_in_thread(sender_id: int, body: JSON) -> JSON:
    with NewSession() as session:
        return send(session, sender_id, body)


class MessageSocket(tornado.websocket.WebSocketHandler):
    connections: dict[int, set["MessageSocket"]] = defaultdict(set)
    user_id = 0

    def open(self) -> None:
        try:
            self.user_id = user_of_token(self.get_query_argument("token", ""), SETTINGS.secret)
        except Refused:
            self.close(1008, "Invalid token")
            return
        self.connections[self.user_id].add(self)
        self.write_message({"type": "connected", "userId": self.user_id})

    def on_message(self, message: str | bytes) -> None:
        if json.loads(message).get("type") == "ping":
            self.write_message({"type": "pong"})

    def on_close(self) -> None:
        self.connections[self.user_id].discard(self)
        if not self.connections[self.user_id]:
            del self.connections[self.user_id]

    @classmethod
    def push(cls, user_id: int, event: JSON) -> None:
        text = json.dumps(event)
        for socket in cls.connections.get(user_id, ()):
            socket.write_message(text)


class Messages(tornado.web.RequestHandler):
    async def post(self) -> None:
        try:
            sender_id = user_of_header(self.request.headers.get("Authorization"), SETTINGS.secret)
            body = validated(json.loads(self.request.body), sender_id)
            loop = asyncio.get_running_loop()
            message = await loop.run_in_executor(POOL, send_in_thread, sender_id, body)
        except ValueError:
            raise tornado.web.HTTPError(400) from None
        except Refused as refused:
            self.set_status(refused.status)
            self.finish(refused.envelope())
            return
        MessageSocket.push(body["recipientId"], {"type": "message", "message": message})
        MessageSocket.push(sender_id, {"type": "message_sent", "message": message})
        self.set_status(201)
        self.finish({"success": True, "data": message})


class Health(tornado.web.RequestHandler):
    def get(self) -> None:
        self.finish({"status": "ok", "timestamp": now_iso()})


async def main() -> None:
    prepare_database()
    application = tornado.web.Application(
        [("/health", Health), ("/messages", MessageSocket), ("/api/v1/messages", Messages)],
        websocket_ping_interval=HEARTBEAT_SECONDS,
        websocket_ping_timeout=HEARTBEAT_SECONDS,
        log_function=lambda _handler: None,
    )
    server = application.listen(SETTINGS.port, "127.0.0.1")
    print(f"listening on {SETTINGS.port}", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    server.stop()


if __name__ == "__main__":
    asyncio.run(main())
