"""A server that ends TLS itself: the same chat, the same frames, behind the same interface."""

import asyncio
import shutil
from collections.abc import Iterator

import msgspec
import pytest
from tornado.ioloop import IOLoop

from regoods.core.settings import Settings
from tests.support.nginx import make_certificate
from tests.support.nodes import holds
from tests.support.people import Person
from tests.support.raw_socket import connect_raw, dial_raw, text
from tests.support.server import RunningServer, serving


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    certificate, key = make_certificate(tmp_path_factory.mktemp("tls"))
    return str(certificate), str(key)


@pytest.fixture
def server(io_loop: IOLoop, settings: Settings, pem: tuple[str, str]) -> Iterator[RunningServer]:
    settings = msgspec.structs.replace(settings, tls_cert_file=pem[0], tls_key_file=pem[1])
    with serving(io_loop, RunningServer(settings)) as server:
        server.base_url = server.base_url.replace("http:", "https:")
        yield server


async def test_two_people_chat_over_tls(server: RunningServer, ann: Person, ben: Person) -> None:
    at_ann, at_ben = await ann.connect(), await ben.connect()

    sent = await ann.write(ben, "x" * 5000)

    assert await at_ben.next() == {"type": "message", "message": sent}
    at_ben.send({"type": "typing", "conversationId": 1})
    assert (await at_ann.until("typing"))["userId"] == 2
    assert server.app.registry.is_online(1)
    at_ann.close()
    await at_ann.closed()
    await at_ben.quiet()
    assert not server.app.registry.is_online(1)


async def test_a_stop_closes_tls_sockets_with_1001(server: RunningServer, ann: Person) -> None:
    at_ann = await ann.connect()

    await server.app.realtime.stop(5)

    assert await at_ann.closed() == (1001, "Server is restarting")


async def test_an_oversized_message_is_refused_over_tls(server: RunningServer, ann: Person) -> None:
    at_ann = await ann.connect()

    at_ann.send("x" * 70_000)

    assert (await at_ann.closed())[0] == 1009


async def test_frames_of_many_sizes_arrive_whole(ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()
    texts = ["x" * size for size in (1, 125, 126, 1000, 5000)]

    for content in texts:
        await ann.write(ben, content)

    assert [(await at_ben.next())["message"]["messageContent"] for _ in texts] == texts


async def test_a_first_frame_says_whose_socket_it_is_over_tls(server: RunningServer, ann: Person, ben: Person) -> None:
    raw = await dial_raw(ann, b"", headers={"Sec-WebSocket-Protocol": "regoods"})
    await raw.send(text({"type": "auth", "token": ann.token()}))
    assert [(await raw.event())["type"] for _ in range(2)] == ["connected", "authenticated"]

    await raw.send(text({"type": "ping"}))
    assert await raw.event() == {"type": "pong"}
    await ben.write(ann)
    assert (await raw.event())["type"] == "message"
    raw.close()
    await holds(lambda: not server.app.registry.is_online(1))

    refused = await dial_raw(ann, b"", headers={"Sec-WebSocket-Protocol": "regoods"})
    await refused.send(text({"type": "ping"}))
    assert await refused.closed() == (1008, "Token required")
    refused.close()
    await holds(lambda: not server.app.newcomers.here)


async def test_faults_on_purpose_reach_tls_sockets(server: RunningServer, ann: Person, ben: Person) -> None:
    async def kill(how: str) -> None:
        assert (await ann.post("/debug/faults/kill", {"userId": 2, "how": how}, root="", token="")).status == 200

    server.app.heartbeat.stop()
    silent = await connect_raw(ben)
    await kill("silent")
    await silent.send(text({"type": "ping"}))
    assert not server.app.registry.is_online(2)

    cut = await connect_raw(ben)
    await kill("reset")
    assert await cut.ended() == b""
    with pytest.raises(TimeoutError):  # all that he could have been told before that is here
        await asyncio.wait_for(silent.reader.read(1), 0.1)
    await holds(lambda: server.app.metrics.closed_by_code == {"1006": 2})
