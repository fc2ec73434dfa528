"""Behind config/nginx.conf: a real nginx before two nodes and a stand-in for ReGoods' existing API."""

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from regoods.core import patience
from regoods.core.settings import Settings
from regoods.features.attachments.rules import LARGEST_FORM
from tests.conftest import start_or_skip
from tests.support.contract import openapi_document
from tests.support.databases import server_folder
from tests.support.nginx import CONFIGURATION, Nginx
from tests.support.nodes import joined
from tests.support.people import LIMIT, Answer, Person
from tests.support.pictures import END, FORM, form, opened, padded, photo
from tests.support.process import ServerProcess, Start
from tests.support.prometheus import scrape
from tests.support.raw_socket import PING, PONG, connect_raw, eventually, frame
from tests.support.redis import RedisServer

pytestmark = pytest.mark.editions("postgresql")

MIB = 1024 * 1024
UPLOAD = "/messages/attachments"
INSIDE = ("/debug/chat", "/debug/token", "/metrics", "/health/alerts", "/api/v1/health/alerts")
DISGUISED = ("//debug/chat", "/%64ebug/chat", "/health/../debug/chat", "/health//alerts", "/health/%61lerts")


class ExistingApi(RequestHandler):
    """Says what it was asked."""

    def prepare(self) -> None:
        request = self.request
        said = {"existing": True, "method": request.method, "uri": request.uri, "body": request.body.decode()}
        self.finish(said | {"headers": dict(request.headers)})


class Deployment:
    """nginx, two nodes, and the existing API."""

    def __init__(self, nodes: list[ServerProcess], folder: Path, edits: dict[str, str]) -> None:
        self.nodes = nodes
        self.existing_api = HTTPServer(Application([(".*", ExistingApi)]))
        sockets = bind_sockets(0, "127.0.0.1")
        self.existing_api.add_sockets(sockets)
        ports = [node.port for node in nodes]
        self.nginx = start_or_skip(lambda place: Nginx(place, ports, sockets[0].getsockname()[1], edits), folder)
        self.people: list[Person] = []

    def person(self, user_id: int) -> Person:
        """One who knows nginx's address alone."""
        person = Person(self.nginx.base_url, user_id, self.nodes[0].environment["JWT_ACCESS_SECRET"])
        self.people.append(person)
        return person

    async def stop(self) -> None:
        for person in self.people:
            for socket in person.sockets:
                socket.close()
        self.nginx.stop()
        self.existing_api.stop()
        await self.existing_api.close_all_connections()

    async def logged(self, line: str) -> str:
        """The access log, once a line that matches is there: nginx writes it after the answer."""

        async def written() -> str:
            return self.nginx.accesses if re.search(line, self.nginx.accesses) else ""

        return await eventually(written)


@pytest.fixture
def start(database_url: str, redis: RedisServer, start: Start) -> Start:
    """Starts nodes of one community."""
    return partial(start, DATABASE_URL=database_url, REDIS_URL=redis.url, TRUSTED_PROXIES="127.0.0.1")


@pytest.fixture
def environment() -> dict[str, str]:
    """Of the nodes; a test's `parametrize` gives another."""
    return {}


@pytest.fixture
def edits() -> dict[str, str]:
    """More that an operator changed in nginx.conf."""
    return {}


@pytest.fixture
def deployment(
    io_loop: IOLoop, start: Start, environment: dict[str, str], edits: dict[str, str]
) -> Iterator[Deployment]:
    async def deploy() -> Deployment:
        nodes = [await start(**environment).started(), await start(**environment).started()]
        for node in nodes:
            await joined(node.person(1))
        return Deployment(nodes, folder, edits)

    with server_folder() as folder:
        running = io_loop.run_sync(deploy)
        yield running
        io_loop.run_sync(running.stop)


@pytest.fixture
def ann(deployment: Deployment) -> Person:
    return deployment.person(1)


@pytest.fixture
def ben(deployment: Deployment) -> Person:
    return deployment.person(2)


def is_of_nginx(answer: Answer) -> bool:
    """A node names origins; only nginx's own answers are for all."""
    return answer.headers.get("Access-Control-Allow-Origin") == "*"


async def upload(person: Person, content: bytes, **headers: str) -> Answer:
    return await person.post(UPLOAD, raw=form(content) + END, headers=FORM | headers)


async def sockets_of(node: ServerProcess) -> int:
    stats = await node.person(1).get("/health/websocket-stats", root="", token="")
    return int(stats.body["activeConnections"])


# One address


async def test_people_write_and_read_through_one_address(ann: Person, ben: Person) -> None:
    sent = await ann.write(ben, "Is the bike still there? 🚲", postId=1)

    assert (await ben.get("/messages/user/1")).data[-1] == sent
    assert (await ben.get("/messages/conversations")).data[0]["lastMessage"] == "Is the bike still there? 🚲"
    assert (await ben.post(f"/messages/{sent['messageId']}/read")).data["isRead"] is True
    assert (await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "Is it?"})).data["isEdited"] is True
    assert (await ann.delete(f"/messages/{sent['messageId']}")).status == 200
    refused = await ann.post("/messages", {"recipientId": 1, "messageContent": "To myself"})
    assert (refused.status, refused.field) == (400, "recipientId")
    assert (await ann.get("/messages/unread-count", token="")).error["code"] == "UNAUTHORIZED"


async def test_each_call_that_we_have_reaches_us(ann: Person) -> None:
    for path, operations in openapi_document()["paths"].items():
        for method in operations:
            answer = await ann.call(method.upper(), re.sub(r"\{\w+\}", "1", path), root="", token="")
            assert b"existing" not in answer.raw, path
            assert is_of_nginx(answer) == (path in INSIDE), path


async def test_every_other_call_reaches_the_existing_api(ann: Person) -> None:
    token = ann.token()
    for path in ("/api/v1/posts", "/api/v1/messagesque", "/api/v1/users/1/messages", "/api/v1/healthy", "/api/v1/"):
        heard = (await ann.call("PATCH", f"{path}?q=caf%C3%A9%2F1&n=2", {"a": 1}, root="", token=token)).body
        assert heard["existing"] is True
        assert (heard["method"], heard["uri"]) == ("PATCH", f"{path}?q=caf%C3%A9%2F1&n=2")
        assert json.loads(heard["body"]) == {"a": 1}
        assert heard["headers"]["Authorization"] == f"Bearer {token}"
        assert heard["headers"]["Host"] == ann.base_url.removeprefix("https://")
        assert heard["headers"]["X-Forwarded-Proto"] == "https"
        assert "Upgrade" not in heard["headers"]


async def test_a_page_of_another_origin_may_call_and_is_told_what_failed(deployment: Deployment, ann: Person) -> None:
    origin = {"Origin": "http://localhost:5173"}

    asked = await ann.call("OPTIONS", "/messages", headers=origin | {"Access-Control-Request-Method": "POST"}, token="")
    assert (asked.status, asked.headers["Access-Control-Allow-Origin"]) == (204, origin["Origin"])
    assert (await ann.get("/messages/unread-count", headers=origin)).headers.get_list(
        "Access-Control-Allow-Origin"
    ) == [origin["Origin"]]
    with pytest.raises(HTTPClientError, match="403"):
        await ann.dial(headers={"Origin": "https://evil.example"})
    for node in deployment.nodes:
        node.kill()
    failed = await ann.get("/messages/unread-count", headers=origin)
    assert (failed.error["code"], failed.status, failed.headers["Retry-After"]) == ("SERVICE_UNAVAILABLE", 503, "2")
    assert failed.headers["Access-Control-Allow-Origin"] == "*"


async def test_what_is_for_those_inside_stays_inside(deployment: Deployment, ann: Person) -> None:
    at_the_node = deployment.nodes[0].person(1)
    assert (await at_the_node.get("/debug/chat", root="", token="")).status == 200

    for path in (*INSIDE, *DISGUISED, "/", "/favicon.ico"):
        answer = await ann.get(path, root="", token="")
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND"), path
        assert is_of_nginx(answer), path
    for path in ("/version", "/health", "/health/websocket-stats", "/api/v1/health"):
        assert (await ann.get(path, root="", token="")).status == 200


async def test_an_unencrypted_call_is_sent_to_https_without_its_query(deployment: Deployment, ann: Person) -> None:
    token = ann.token()
    for path in ("/messages", "/messages%3F", "/a%0d%0aSet-Cookie:x"):
        answer = await AsyncHTTPClient().fetch(
            f"http://127.0.0.1:{deployment.nginx.http_port}{path}?token={token}",
            follow_redirects=False,
            raise_error=False,
        )
        assert answer.code == 308
        assert answer.headers["Location"] == f"https://127.0.0.1{path.removesuffix('%3F')}"
        assert "Set-Cookie" not in answer.headers
        assert token.encode() not in (answer.body or b"")


# Who is calling


async def test_a_client_s_word_about_where_it_comes_from_is_not_believed(ann: Person) -> None:
    false = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Real-IP": "203.0.113.7",
        "Forwarded": "for=203.0.113.7",
    }

    heard = (await ann.get("/posts", headers=false)).body["headers"]
    assert (heard["X-Forwarded-For"], heard["X-Real-Ip"]) == ("127.0.0.1", "127.0.0.1")
    assert heard["X-Forwarded-Proto"] == "https"
    assert "Forwarded" not in heard
    assert (await upload(ann, photo(), **false)).data["url"].startswith(f"{ann.base_url}/attachments/")
    # Who sends no token is remembered by his address, by each node: one who could choose it were never refused.
    outcomes = []
    for number in range(4):
        try:
            socket = await ann.dial("", headers={"X-Forwarded-For": f"203.0.113.{number}"})
        except HTTPClientError as error:
            outcomes.append(error.code)
        else:
            outcomes.append((await socket.closed())[0])
    assert outcomes[0] == 1008
    assert outcomes[2:] == [401, 401]


# Pictures


async def test_a_picture_is_sent_through_one_node_and_seen_through_both(deployment: Deployment, ann: Person) -> None:
    url = (await upload(ann, photo())).data["url"]

    assert url.startswith(f"{ann.base_url}/attachments/")
    path = url.removeprefix(ann.base_url)
    for person in (ann, *(node.person(1) for node in deployment.nodes)):
        assert opened((await person.get(path, root="", token="")).raw).format == "JPEG"


async def test_what_is_too_large_is_refused_in_the_envelope(deployment: Deployment, ann: Person) -> None:
    by_a_node = await upload(ann, padded(photo(), 6 * MIB))
    assert (by_a_node.status, by_a_node.error["code"], by_a_node.field) == (413, "VALIDATION_ERROR", "file")
    by_nginx = await upload(ann, padded(photo(), 9 * MIB))
    assert (by_nginx.status, by_nginx.error["code"], by_nginx.field) == (413, "VALIDATION_ERROR", "body")
    assert is_of_nginx(by_nginx)
    # The existing API has its own limits.
    heard = await ann.post("/posts/1/images", raw=b"x" * 9 * MIB)
    assert len(heard.body["body"]) == 9 * MIB


# Sockets


async def test_a_socket_opens_over_wss_and_the_next_one_on_the_other_node(
    deployment: Deployment, ann: Person, ben: Person
) -> None:
    at_ann, at_ben = await ann.connect(), await ben.connect()

    assert await at_ann.quiet() == []
    assert await at_ben.quiet() == []
    assert [await sockets_of(node) for node in deployment.nodes] == [1, 1]
    at_ann.close()
    await at_ann.closed()
    assert await at_ben.quiet() == []


async def test_two_people_chat_whichever_node_each_is_on(deployment: Deployment, ann: Person, ben: Person) -> None:
    at_ann, at_ben = await ann.connect(), await ben.connect()
    assert [await sockets_of(node) for node in deployment.nodes] == [1, 1]

    for number in range(4):  # each node gets some of them
        sent = await ann.write(ben, f"Number {number}")
        assert (await at_ben.until("message"))["message"] == sent
        assert (await at_ann.until("message_sent"))["message"] == sent
        read = await ben.post(f"/messages/{sent['messageId']}/read")
        assert read.status == 200
        for socket in (at_ann, at_ben):
            assert (await socket.until("message_read"))["messageId"] == sent["messageId"]
    for writer, reader, at_reader in ((ann, ben, at_ben), (ben, ann, at_ann)):
        socket = at_ann if writer is ann else at_ben
        socket.send({"type": "typing", "conversationId": reader.user_id})
        assert (await at_reader.until("typing"))["userId"] == writer.user_id
        (preview,) = [
            one for one in (await writer.get("/messages/conversations")).data if one["userId"] == reader.user_id
        ]
        assert preview["isOnline"] is True
    edited = (await ann.put(f"/messages/{sent['messageId']}", {"messageContent": "Number four"})).data
    for socket in (at_ann, at_ben):
        assert (await socket.until("message_edited"))["message"] == edited
    assert (await ben.delete(f"/messages/{sent['messageId']}")).status == 200
    for socket in (at_ann, at_ben):
        assert (await socket.until("message_deleted"))["messageId"] == sent["messageId"]
        assert socket.numbers == sorted(set(socket.numbers))


@pytest.mark.parametrize("environment", [{"WS_HEARTBEAT_INTERVAL": "1000"}])
@pytest.mark.parametrize("edits", [{"proxy_read_timeout 330s;": "proxy_read_timeout 3s;"}])
async def test_a_quiet_socket_outlives_nginx_s_patience_by_its_heartbeat(ann: Person) -> None:
    raw = await connect_raw(ann)

    for _ in range(5):  # 4 s at least, in which nobody says anything else
        await raw.send(frame(PONG, (await raw.until(PING)).payload))

    assert await raw.quiet() == []


def test_nginx_waits_longer_than_the_nodes_do() -> None:
    text = CONFIGURATION.read_text()
    of_sockets = int(re.findall(r"location = /messages \{.*?proxy_read_timeout (\d+)s;", text, re.DOTALL)[0])
    kept_open = int(re.findall(r"upstream nodes \{.*?keepalive_timeout (\d+)s;", text, re.DOTALL)[0])
    largest_heartbeat, defaults = 300_000, Settings()

    assert of_sockets * 1000 > max(largest_heartbeat, defaults.ws_heartbeat_interval, defaults.ws_idle_timeout)
    assert kept_open < patience.IDLE_SECONDS
    assert "client_max_body_size 8m;" in text
    assert LARGEST_FORM < 8 * MIB


# Nodes that come and go


async def some_more(written: list[str]) -> None:
    """Wait until twenty more are there."""
    enough = len(written) + 20

    async def is_enough() -> bool:
        return len(written) >= enough

    await eventually(is_enough)


async def is_asked(node: ServerProcess) -> None:
    """Wait until nginx does not pass over it any more, as it does for 2 s with one that was away."""

    async def has_sent() -> bool:
        return (await scrape(node.person(1))).value("regoods_send_latency_seconds_count") > 0

    await eventually(has_sent)


async def test_a_chat_goes_on_when_a_node_dies(deployment: Deployment, ann: Person, ben: Person) -> None:
    sockets = [await ann.connect(), await ben.connect()]
    first, second = deployment.nodes
    assert await sockets_of(first) == await sockets_of(second) == 1

    first.kill()

    _, pending = await asyncio.wait(
        [asyncio.ensure_future(socket.closed()) for socket in sockets],
        timeout=LIMIT,
        return_when=asyncio.FIRST_COMPLETED,
    )
    for still_open in pending:
        still_open.cancel()
    for number in range(10):
        await ann.write(ben, f"Number {number}")
    at_ann, at_ben = await ann.connect(), await ben.connect()
    sent = await ann.write(ben, "Are you there?")
    assert (await at_ben.until("message"))["message"] == sent
    assert (await at_ann.until("message_sent"))["message"] == sent


@pytest.mark.parametrize("writing", [True, False], ids=["written", "read"])
async def test_only_reads_that_a_dying_node_had_received_are_asked_of_the_other(
    deployment: Deployment, ann: Person, ben: Person, writing: bool
) -> None:
    dying = deployment.nodes[0]
    dying.signal(signal.SIGSTOP)
    texts = [f"Number {number}" for number in range(4)]

    async def send(text: str) -> int:
        return (await ann.post("/messages", {"recipientId": 2, "messageContent": text})).status

    async def read(_text: str) -> int:
        return (await ann.get("/messages/conversations")).status

    async def is_received() -> bool:
        return unread_by(dying) > 0

    asking = [asyncio.ensure_future((send if writing else read)(text)) for text in texts]
    await eventually(is_received)
    dying.kill()

    outcomes = dict(zip(texts, await asyncio.gather(*asking), strict=True))
    stored = {message["messageContent"] for message in (await ben.get("/messages/user/1")).data} & set(texts)
    assert set(outcomes.values()) == ({201, 503} if writing else {200})
    assert stored == {text for text, status in outcomes.items() if status == 201}


def unread_by(node: ServerProcess) -> int:
    """Connections whose bytes have come to a node that has not read them (proc_net_tcp(5): state 01, established)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    port = f":{int(node.port):04X}"
    return sum(
        local.endswith(port) and state == "01" and not queues.endswith(":00000000")
        for _, local, _, state, queues, *_ in lines
    )


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("environment", [{"RATE_LIMIT_WRITES_PER_MINUTE": "0", "RATE_LIMIT_READS_PER_MINUTE": "0"}])
async def test_nobody_notices_that_one_node_after_the_other_is_restarted(
    deployment: Deployment, start: Start, environment: dict[str, str], ann: Person, ben: Person
) -> None:
    written: list[str] = []
    restarted = asyncio.Event()

    async def write_on(name: str) -> None:
        number = 0
        while not restarted.is_set():
            number += 1
            written.append((await ann.write(ben, f"{name} {number}"))["messageContent"])
            assert (await ben.get("/messages/unread-count")).status == 200

    writing = [asyncio.ensure_future(write_on(name)) for name in "abcd"]
    for number, node in enumerate(deployment.nodes):
        await some_more(written)
        node.signal(signal.SIGTERM)
        assert await node.exit_code() == 0
        again = deployment.nodes[number] = await start(PORT=node.port, **environment).started()
        await is_asked(again)
    restarted.set()
    await asyncio.gather(*writing)

    stored: list[str] = []
    for offset in range(0, len(written) + 100, 100):
        page: list[dict[str, Any]] = (await ben.get(f"/messages/user/1?limit=100&offset={offset}")).data
        stored += [message["messageContent"] for message in page]
    assert sorted(text for text in stored if re.fullmatch(r"[abcd] \d+", text)) == sorted(written)


@pytest.mark.parametrize("environment", [{"DRAIN_DELAY": "60000"}])
async def test_the_other_node_opens_what_one_that_drains_refuses(deployment: Deployment, ann: Person) -> None:
    draining, other = deployment.nodes
    inside = draining.person(1)
    draining.signal(signal.SIGTERM)

    async def is_draining() -> bool:
        return (await inside.get("/health/ready", root="", token="")).body["status"] == "draining"

    await eventually(is_draining)
    for _ in range(4):
        await ann.connect()

    assert await sockets_of(other) == 4


# Logs


async def test_no_token_and_no_query_is_in_a_log(deployment: Deployment, ann: Person) -> None:
    token = ann.token()

    async def dial(path: str = "/messages", **headers: str) -> int:
        try:
            await ann.dial(token, path=path, headers=headers)
        except HTTPClientError as error:
            return int(error.code)
        return 101

    async def ask(path: str, method: str = "GET", body: bytes | None = None) -> int:
        answer = await ann.call(
            method, f"{path}?token={token}", raw=body, root="", headers={"Referer": f"https://regoods.example/?{token}"}
        )
        return answer.status

    assert await dial() == 101
    assert await dial(Origin="https://evil.example") == 403
    assert await dial("/messages/") == 404
    assert await ask("/messages") == 400
    assert await ask("/messages%3Fx=1") == 404
    assert await ask("/api/v1/posts") == 200
    assert await ask("/api/v1/messages", "POST", b"x" * 9 * MIB) == 413
    deployment.existing_api.stop()
    await deployment.existing_api.close_all_connections()
    assert await ask("/api/v1/posts") == 503
    for node in deployment.nodes:
        node.kill()
    assert await dial() == 503
    assert await ask("/messages") == 503
    assert await ask("/api/v1/messages/unread-count") == 503
    deployment.nginx.stop()

    accesses, errors = deployment.nginx.accesses, deployment.nginx.errors
    assert re.search(r'"GET /messages HTTP/1.1" 101 .* "127\.0\.0\.1:\d+" "101"', accesses)
    assert re.search(r'"GET /messages HTTP/1.1" 503 .* "(127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+|nodes)" "502', accesses)
    assert re.search(r'"GET /api/v1/posts HTTP/1.1" 503 .* "127\.0\.0\.1:\d+" "502"', accesses)
    for log in (accesses, errors, (deployment.nginx.folder / "output").read_text()):
        assert token.rpartition(".")[2] not in log
        assert "token" not in log
        assert "?" not in log
