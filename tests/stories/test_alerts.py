"""Each of the four alerts fires and is resolved by what really happens to a server, and somebody is told."""

import asyncio
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from regoods import __version__
from regoods.features.alerts.rules import LEAST_FAILURES
from tests.support.crowd import Crowd
from tests.support.nodes import queued
from tests.support.process import ServerProcess, Start
from tests.support.prometheus import scrape
from tests.support.raw_socket import BINARY, connect_raw, dial_raw, eventually, frame
from tests.support.receiver import SECRET_PATH, Receiver
from tests.support.volume import locked

MIB = 1024 * 1024
WINDOW = "5000"
"""In it all that counts together has to happen, and be looked at."""


@pytest.fixture
def start(receiver: Receiver, start: Start) -> Start:
    given = {"ALERT_WEBHOOK_URL": receiver.url, "ALERT_WINDOW": WINDOW, "LOG_LEVEL": "debug"}
    return partial(start, **given, RATE_LIMIT_WRITES_PER_MINUTE="0")


async def alert(process: ServerProcess, name: str) -> dict[str, Any]:
    answer = await process.person(1).get("/health/alerts", root="", token="")
    assert answer.status == 200
    (found,) = [one for one in answer.body["alerts"] if one["name"] == name]
    assert (answer.body["status"] == "firing") >= (found["state"] == "firing")
    return dict(found)


async def fired(process: ServerProcess, receiver: Receiver, name: str) -> dict[str, Any]:
    """Wait for the notice, which the process says, too."""
    notice = dict(await receiver.next())
    assert (notice["alert"], notice["state"]) == (name, "firing")
    assert notice["value"] > notice["limit"]
    assert (notice["process"].rpartition(":")[2], notice["processId"]) == (process.port, process.process_id)
    assert notice["version"] == __version__
    assert (await scrape(process.person(1))).value("regoods_alerts_firing", alert=name) == 1
    assert notice["text"].partition(": ")[2] in await line_of(process, f"alert {name} is firing")
    return notice


async def resolved(process: ServerProcess, receiver: Receiver, notice: dict[str, Any]) -> None:
    """Wait for the notice that it is over."""
    name = notice["alert"]
    over = dict(await receiver.next())
    assert (over["alert"], over["state"], over["since"]) == (name, "resolved", notice["since"])
    assert over["at"] > over["since"]
    shown = await alert(process, name)
    assert (shown["state"], shown["since"]) == ("ok", over["at"])
    assert (await scrape(process.person(1))).value("regoods_alerts_firing", alert=name) == 0
    await line_of(process, f"alert {name} is resolved")
    assert process.errors.count(f"alert {name} is firing") == 1
    assert process.errors.count(f"alert {name} is resolved") == 1
    assert SECRET_PATH not in process.errors


async def line_of(process: ServerProcess, text: str) -> str:
    async def said() -> str:
        return next((line for line in process.errors.splitlines() if text in line), "")

    return await eventually(said)


async def refuse_some(process: ServerProcess) -> None:
    """More sockets than are an alert, each with another token that is none; at once, for they count together."""
    ann = process.person(1)

    async def dial(number: int) -> None:
        await (await dial_raw(ann, f"no-token-{number}")).closed()

    await asyncio.gather(*map(dial, range(LEAST_FAILURES + 10)))


async def test_handshakes_that_fail_and_then_succeed(start: Start, receiver: Receiver) -> None:
    process = await start().started()
    ann = process.person(1)
    (await ann.connect()).close()

    await refuse_some(process)

    notice = await fired(process, receiver, "connection_failures")
    assert notice["limit"] == 0.05
    assert notice["details"]["reasons"] == {"Invalid token": notice["details"]["failures"]}
    while not receiver.waiting:
        socket = await ann.connect()
        socket.close()
        await socket.closed()
    await resolved(process, receiver, notice)


async def test_deliveries_that_wait_for_the_database(start: Start, receiver: Receiver, tmp_path: Path) -> None:
    process = await start().started()
    ann, ben = process.person(1), process.person(2)
    at_ben = await ben.connect()
    await ann.connect()  # eight sends are more deliveries than it takes, whatever was before
    for _ in range(4):
        await ann.write(ben)

    with locked(tmp_path / "regoods.db"):
        sending = [asyncio.ensure_future(ann.write(ben)) for _ in range(8)]  # this client has ten connections
        await queued(ben, 8)
        await asyncio.sleep(1.2)  # what is slow about it
    await asyncio.gather(*sending)

    notice = await fired(process, receiver, "delivery_latency")
    assert (notice["unit"], notice["limit"]) == ("ms", 500)
    assert notice["details"]["p99Ms"] > 1000
    while not receiver.waiting:
        await ann.write(ben)
    await resolved(process, receiver, notice)
    assert len([event for event in await at_ben.quiet() if event["type"] == "message"]) > 12


async def test_sockets_that_go_at_once_and_come_back(start: Start, receiver: Receiver) -> None:
    # Whose sockets are lost is chance, and who comes back may do so before they are missed.
    process = await start(WS_MAX_CONNECTIONS_PER_USER="30").started()
    crowd = Crowd([process.person(user_id) for user_id in range(1, 7)])
    await crowd.come(30)

    async def are_seen() -> bool:
        return bool((await alert(process, "connections_dropped"))["details"].get("sockets") == 30)

    await eventually(are_seen)
    lost, crowd.visitors = crowd.visitors[:10], crowd.visitors[10:]
    for visitor in lost:
        visitor.transport.abort()

    notice = await fired(process, receiver, "connections_dropped")
    assert 20 <= notice["details"]["sockets"] < notice["details"]["mostSockets"] <= 30
    await crowd.come(10)
    await resolved(process, receiver, notice)

    # A server's own stop is no alert.
    process.signal(signal.SIGTERM)
    assert await process.exit_code() == 0
    assert receiver.waiting == 0
    assert process.errors.count("is firing") == 1


async def test_memory_that_is_taken_and_given_back(start: Start, receiver: Receiver) -> None:
    """By clients that begin large messages and do not end them."""
    process = await start(
        MEMORY_LIMIT=str(240 * MIB), WS_MAX_MESSAGE_SIZE=str(16 * MIB), WS_MAX_CONNECTIONS_PER_USER="20"
    ).started()
    ann = process.person(1)
    at_rest = process.memory("VmRSS")
    assert at_rest < 0.7 * 240 * MIB

    sockets = [await connect_raw(ann) for _ in range(12)]
    begun = frame(BINARY, bytes(15 * MIB), announced=16 * MIB)
    for socket in sockets:
        await socket.send(begun)
    notice = await fired(process, receiver, "memory")
    assert notice["details"]["memoryOf"] == "process"
    assert notice["details"]["totalBytes"] == 240 * MIB

    for socket in sockets:
        socket.close()
    await resolved(process, receiver, notice)


async def test_a_webhook_that_says_nothing_holds_nothing_up(start: Start, receiver: Receiver) -> None:
    process = await start().started()
    ann, ben = process.person(1), process.person(2)
    receiver.fall_silent()

    await refuse_some(process)

    async def is_tried() -> int:
        return receiver.tries

    await eventually(is_tried)
    assert (await alert(process, "connection_failures"))["state"] == "firing"
    at_ben = await ben.connect()
    sent = await ann.write(ben)
    assert (await at_ben.until("message"))["message"] == sent
    process.signal(signal.SIGTERM)
    assert await process.exit_code() == 0
    assert "Traceback" not in process.errors
    assert SECRET_PATH not in process.errors
    assert receiver.waiting == 0


LOOKS_UP_NO_NAME = """
import pathlib, socket, time

look_up = socket.getaddrinfo

def hang(host, *arguments, **named):
    if host == "hooks.example":
        pathlib.Path(__file__).with_name("asked").touch()
        time.sleep(3600)
    return look_up(host, *arguments, **named)

socket.getaddrinfo = hang
"""
"""As getaddrinfo(3) where no name server answers, only longer."""


async def test_a_name_that_nobody_looks_up_holds_no_end_up(start: Start, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LOOKS_UP_NO_NAME)
    address = {"ALERT_WEBHOOK_URL": "http://hooks.example/", "PYTHONPATH": str(tmp_path)}
    process = await start(**address).started()
    await refuse_some(process)

    async def is_asked() -> bool:
        return (tmp_path / "asked").exists()

    await eventually(is_asked)
    process.signal(signal.SIGTERM)

    assert await process.exit_code() == 0
    assert process.lines[-1] == "Stopped.\n"
    assert "Traceback" not in process.errors
