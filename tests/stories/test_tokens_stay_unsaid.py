"""No token stands in anything a server says or keeps: lines, answers, metrics, files, Redis. Real processes that log
all they can, with their Redis away, their keys out of reach and at last without their table of users."""

import asyncio
import contextlib
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import ed25519

from regoods.core.tokens import mint
from tests.support.people import LIMIT, Person
from tests.support.process import ServerProcess
from tests.support.raw_socket import KEY, closing, eventually, frame, text
from tests.support.redis import RedisServer

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}
NOWHERE = "http://127.0.0.1:9/jwks.json"


class Eavesdropper:
    """Sends whatever carries a token, and keeps all that comes back."""

    def __init__(self, process: ServerProcess) -> None:
        self.process = process
        self.heard: list[bytes] = []
        self._address = urlsplit(process.base_url)

    async def say(self, *parts: bytes, until_end: bool = True) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        writer.write(b"".join(parts))
        if until_end:
            with contextlib.suppress(OSError):  # it may have refused already
                writer.write_eof()
            # A server that refuses before it has read all resets the connection; what it said before counts.
            with contextlib.suppress(ConnectionError):
                while data := await asyncio.wait_for(reader.read(65_536), LIMIT):
                    self.heard.append(data)
            writer.close()
        else:
            self.heard.append(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT))
        return writer

    async def ask(self, line: str, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        await self.say(self.head(line, {"Connection": "close"} | (headers or {}), len(body)), body)

    async def knock(self, path: str, *frames: bytes, headers: dict[str, str] | None = None) -> None:
        await self.say(self.head(f"GET {path}", HANDSHAKE | (headers or {})), *frames, closing(1000))

    def head(self, line: str, headers: dict[str, str], length: int = 0) -> bytes:
        given = {"Host": self._address.netloc} | ({"Content-Length": str(length)} if length else {}) | headers
        return "\r\n".join(
            [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
        ).encode()


def tokens_of(person: Person) -> list[str]:
    """Good, spoiled in each way there is, and by keys that nobody here has."""
    now = datetime.now(UTC)
    later = int(now.timestamp()) + 900
    good = person.token()
    unknown_key = ed25519.Ed25519PrivateKey.generate()
    return [
        good,
        person.token(timedelta(minutes=12)),
        person.token(timedelta(seconds=-5)),
        person.token(timedelta(minutes=13)) + "tail",
        mint("another-secret-of-nobody-here-" * 2, 1, "user1@example.com", now),
        mint(person.secret, 999_999, "user999999@example.com", now),
        jwt.encode({"userId": "1", "exp": later}, person.secret, "HS256"),
        jwt.encode({"userId": 1, "exp": later, "nbf": later}, person.secret, "HS256"),
        jwt.encode({"userId": 1, "exp": later}, person.secret * 2, "HS512"),
        jwt.encode({"userId": 1, "exp": later}, unknown_key, "EdDSA", headers={"kid": "unknown"}),
    ]


async def say_everywhere(line: Eavesdropper, token: str) -> None:
    """Wherever a token may stand by right or by mistake."""
    bearer = {"Authorization": f"Bearer {token}"}
    escaped = quote(token.replace(".", "%2E"), safe="%")
    for path in (
        "/api/v1/messages/unread-count",
        f"/api/v1/messages/unread-count?token={token}",
        f"/api/v1/messages/{token}",
        f"/api/v1/{token}/x?{token}",
        f"/{escaped}",
        f"/debug?token={token}",
        f"/debug/chat/?token={token}#{token}",
        f"/attachments/{token}",
        f"/health?token={token}",
        f"/health/websocket-stats?token={token}",
        f"/messages?token={token}",
        f"//evil.example.com/{token}",
        f"http://evil.example.com/{token}",
    ):
        for headers in ({}, bearer, {"Referer": f"/messages?token={token}", "Cookie": token, "X-Request-Id": token}):
            await line.ask(f"GET {path}", headers)
    for scheme in ("Token", "Basic", "Bearer x"):
        await line.ask("GET /api/v1/messages/conversations", {"Authorization": f"{scheme} {token}"})
    for body in (b"{" + token.encode(), f'{{"recipientId":"{token}","{token}":1}}'.encode(), token.encode() * 9000):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            await line.ask(f"{method} /api/v1/messages", bearer | {"Idempotency-Key": token}, body)
    await line.ask(f"{token} /messages", bearer)
    await line.ask(f"OPTIONS /api/v1/messages?{token}", {"Origin": "http://localhost:5173"})
    await line.say(f"GET /messages?token={token} HTTP/1.1\r\nno colon {token}\r\n\r\n".encode())
    await line.say(f"GET /messages?token={token} NONSENSE/{token}\r\n\r\n".encode())
    for broken in (f"Authorization: Bearer {token}\0", f"{token} x: y", f"Content-Length: {token}", f"Host: /{token}"):
        await line.say(f"GET /messages?token={token} HTTP/1.1\r\n{broken}\r\n\r\n".encode())
    await line.say(f"GET /{token * 200} HTTP/1.1\r\n\r\n".encode())
    hostile = [
        text({"type": "auth", "token": token}),
        text({"type": token, "token": token}),
        text({"type": "typing", "conversationId": token}),
        frame(0x2, token),
        frame(0x3, token),
    ]
    for headers in (
        {},
        {"Sec-WebSocket-Protocol": f"regoods, bearer.{token}"},
        {"Sec-WebSocket-Protocol": f"bearer.{token}"},
        {"Sec-WebSocket-Protocol": "regoods"},
        {"Sec-WebSocket-Version": "99"},
        {"Origin": f"https://{token}.example.com"},
        {"Upgrade": token},
    ):
        for path in (
            f"/messages?token={token}",
            f"/messages?token={token}%00",
            "/messages",
            f"/elsewhere?token={token}",
        ):
            await line.knock(path, *hostile, headers=headers)


def files_in(folder: Path) -> dict[str, str]:
    """What a server has written there: its log, its database, its database's log."""
    return {path.name: path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()}


def kept_by(redis: RedisServer) -> str:
    """Each key with what it holds."""
    client = redis.client
    read = {
        "string": client.get,
        "hash": client.hgetall,
        "set": client.smembers,
        "zset": lambda key: client.zrange(key, 0, -1),
        "none": lambda _key: "",  # it has expired meanwhile
    }
    return repr([(key, read[client.type(key)](key)) for key in client.scan_iter()])


@pytest.mark.gen_test(timeout=240)
@pytest.mark.parametrize(("app_env", "log_format"), [("development", "text"), ("production", "json")])
async def test_no_token_is_ever_said_again(
    tmp_path: Path, own_redis: RedisServer, app_env: str, log_format: str
) -> None:
    database = sa.create_engine(f"sqlite:///{tmp_path}/regoods.db")
    settings = {"LOG_LEVEL": "debug", "REDIS_URL": own_redis.url, "JWT_JWKS_URL": NOWHERE, "LOG_FORMAT": log_format}
    many = {"RATE_LIMIT_WRITES_PER_MINUTE": "0", "RATE_LIMIT_READS_PER_MINUTE": "0"}
    processes: list[ServerProcess] = []
    try:
        processes.append(await ServerProcess(tmp_path, **settings, **many).started())
        if app_env == "production":  # whose database has to be there
            processes[0].signal(signal.SIGTERM)
            await processes[0].exit_code()
            workers = ("--workers", "2")
            processes.append(await ServerProcess(tmp_path, *workers, APP_ENV=app_env, **settings, **many).started())
        process = processes[-1]
        ann = process.person(1)
        line = Eavesdropper(process)
        tokens = tokens_of(ann)
        for token in tokens:
            await say_everywhere(line, token)

        held = line.head(f"GET /messages?token={tokens[0]}", HANDSHAKE)
        # One who never reads what he is sent, and one who never ends what he sends.
        unread = [await line.say(held, until_end=False)]
        _, slow = await asyncio.open_connection(*urlsplit(process.base_url).netloc.split(":"))
        slow.write(f"POST /api/v1/messages?{tokens[1]} HTTP/1.1\r\nAuthorization: Bearer {tokens[1]}".encode())
        in_redis = kept_by(own_redis)
        own_redis.kill()
        for token in tokens[:3]:
            await say_everywhere(line, token)

        # What no code of ours reckons with, and what the database refuses.
        with database.begin() as connection:
            connection.execute(sa.text("""UPDATE "Messages" SET "CreatedAt" = 'never'"""))

        async def a_traceback_is_logged() -> bool:
            # Of so many lines one may be left out by the log, so that nobody waits for whoever reads it.
            await line.ask("GET /api/v1/messages/conversations", {"Authorization": f"Bearer {tokens[0]}"})
            return "Traceback" in process.errors

        await eventually(a_traceback_is_logged)
        with database.begin() as connection:
            connection.execute(sa.text('ALTER TABLE "Users" RENAME TO "Elsewhere"'))
        for token in (ann.token(timedelta(minutes=7)), tokens[1]):
            tokens.append(token)
            await line.ask("GET /api/v1/messages/conversations", {"Authorization": f"Bearer {token}"})
            await line.knock(f"/messages?token={token}")
            await line.knock(
                "/messages", text({"type": "auth", "token": token}), headers={"Sec-WebSocket-Protocol": "regoods"}
            )
        for path in (
            "/health",
            "/health/ready",
            "/health/websocket-stats",
            "/health/alerts",
            "/metrics",
            "/version",
            "/api/v1/asyncapi.json",
        ):
            await line.ask(f"GET {path}")
        process.signal(signal.SIGTERM)
        assert await process.exit_code() == 0
        for writer in (*unread, slow):
            writer.close()
    finally:
        database.dispose()
        for process in processes:
            await process.clean_up()

    lines = "".join(process.errors for process in processes)
    printed = "".join(one for process in processes for one in process.lines)
    answers = b"".join(line.heard).decode("utf-8", "replace")
    files = files_in(tmp_path)
    assert "regoods.db" in files
    assert ":refused:" in in_redis
    assert "Traceback" in lines  # of what was provoked
    assert "/api/v1/messages/unread-count" in lines
    assert "101 Switching Protocols" in answers
    assert '"code":"INVALID_TOKEN"' in answers
    # A start in development prints tokens for whoever tries it out, which are none of these.
    assert (app_env == "production") or jwt.decode(printed.split("\n  ")[1].split()[0], ann.secret, ["HS256"])
    for token in tokens:
        _, claims, signature = token.split(".")
        for said in (lines, printed, answers, in_redis, *files.values()):
            assert token not in said
            for part in (claims, signature):
                assert part not in said
