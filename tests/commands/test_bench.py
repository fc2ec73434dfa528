"""`run.py bench`: what it measures, what it leaves alone, and what it says of itself."""

import asyncio
import io
import re
import resource
import signal

import pytest
from rich.console import Console

from regoods.commands.bench.allowance import Allowance, Wanted, fit_rate
from regoods.commands.bench.latencies import Latencies
from regoods.commands.bench.load import Load, Outcome
from regoods.commands.bench.processes import Processes
from regoods.commands.bench.report import report
from regoods.commands.bench.sockets import Socket
from regoods.commands.running import address
from regoods.realtime.frames import PING_FRAME, text_frame
from run import parse
from tests.support.process import ServerProcess, Start
from tests.support.raw_socket import eventually

ASCII = {"PYTHONIOENCODING": "ascii"}
FEW = ("--sockets", "20", "--rate", "20", "--seconds", "2")


def shown(bench: ServerProcess) -> str:
    """What it printed, in one line: a narrow terminal breaks sentences."""
    return " ".join("".join(bench.lines).split())


async def until_it_sends(server: ServerProcess) -> None:
    """A recipient has one of its messages."""
    socket = await server.person(1).connect()
    await socket.until("message", lambda event: event["message"]["messageContent"].startswith("Benchmark message "))


# As a process


async def test_a_small_load_comes_through_whole(start: Start) -> None:
    server = await start().started()

    bench = start("bench", *FEW, "--url", server.base_url)

    assert await bench.exit_code() == 0, (bench.errors, bench.lines)
    words = shown(bench)
    assert "40 due, 40 sent, 40 accepted" in words
    assert "40 delivered, 0 lost, 0 twice" in words
    assert "sockets at once 10,000 20 20 –" in words
    assert "40 messages “Benchmark message n” were written between users 1 to 20" in words
    assert "eyJ" not in words + bench.errors

    async def are_gone() -> bool:
        stats = (await server.person(1).get("/health/websocket-stats", root="")).body
        return bool((stats["activeConnections"], stats["closed"]) == (0, {"1000": 20}))

    await eventually(are_gone)


async def test_its_table_is_readable_where_there_are_few_letters(start: Start) -> None:
    server = await start().started()

    bench = start("bench", "--sockets", "2", "--rate", "2", "--seconds", "1", "--url", server.base_url, **ASCII)

    assert await bench.exit_code() == 0, bench.errors
    assert re.search(r"2 a second, with 2 sockets \| [+x]", shown(bench))


async def test_what_the_server_would_refuse_is_not_sent(start: Start) -> None:
    server = await start(DEMO_USERS="2", RATE_LIMIT_WRITES_PER_MINUTE="30").started()

    bench = start("bench", "--sockets", "100", "--rate", "100", "--seconds", "2", "--url", server.base_url)

    assert await bench.exit_code() == 0, (bench.errors, bench.lines)
    words = shown(bench)
    assert "The server has 2 demo users with 5 sockets each: 10 sockets, not 100." in words
    assert "2 users 28 messages a second for 2 s, not 100" in words
    assert "DEMO_USERS=100 RATE_LIMIT_WRITES_PER_MINUTE=0 make run" in words
    # Each of them is heard at five sockets.
    assert "280 delivered, 0 lost, 0 twice" in words


async def test_a_server_that_may_open_few_files_gets_few_sockets(start: Start) -> None:
    server = await start(DEMO_USERS="100").started()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.prlimit(server.process_id, resource.RLIMIT_NOFILE, (250, hard))

    bench = start("bench", "--sockets", "100", "--rate", "20", "--seconds", "1", "--url", server.base_url)

    assert await bench.exit_code() == 0, (bench.errors, bench.lines)
    words = shown(bench)
    room = re.search(r"The server may open so many files more that (\d+) sockets have room", words)
    assert room
    assert int(room[1]) < 100
    assert f" second, with {room[1]} sockets " in words
    assert "start the server so: ulimit -n 65536; make run" in words


async def test_ctrl_c_leaves_a_table_of_what_was_done(start: Start) -> None:
    server = await start().started()
    bench = start("bench", "--sockets", "4", "--rate", "50", "--seconds", "120", "--url", server.base_url)
    await until_it_sends(server)

    bench.signal(signal.SIGINT)

    assert await bench.exit_code() == 130
    words = shown(bench)
    assert "It ended early" in words
    assert " 0 lost, 0 twice" in words


async def test_a_server_that_dies_is_no_success(start: Start) -> None:
    server = await start().started()
    bench = start("bench", "--sockets", "4", "--rate", "50", "--seconds", "120", "--url", server.base_url)
    await until_it_sends(server)

    server.kill()

    assert await bench.exit_code() == 1, bench.errors
    assert "socket broken: 4 times" in shown(bench)


@pytest.mark.parametrize(
    ("url", "environment", "why"),
    [
        ("http://127.0.0.1:1", {"APP_ENV": "production"}, "in development only"),
        ("http://192.0.2.1:3000", {}, "of this machine only"),
    ],
    ids=["production", "another machine"],
)
async def test_it_is_refused_before_anything_is_asked(
    start: Start, url: str, environment: dict[str, str], why: str
) -> None:
    bench = start("bench", "--url", url, **environment)

    assert await bench.exit_code() == 2
    (line,) = bench.errors.splitlines()
    assert why in line


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"APP_ENV": "production"}, "is none in development"),
        ({"JWT_ACCESS_SECRET": "another secret than the one of the command"}, "refuses the token of user 1"),
    ],
    ids=["production", "another secret"],
)
async def test_a_server_that_is_none_for_it_is_one_line(start: Start, environment: dict[str, str], why: str) -> None:
    if "APP_ENV" in environment:
        assert await start("migrate", **environment).exit_code() == 0
    server = await start(**environment).started()

    bench = start("bench", *FEW, "--url", server.base_url)

    assert await bench.exit_code() == 2
    (line,) = bench.errors.splitlines()
    assert why in line


@pytest.mark.parametrize("bound", [("--sockets", "20001"), ("--rate", "5001"), ("--seconds", "121"), ("--rate", "0")])
def test_its_bounds_are_hard(bound: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["bench", *bound])

    assert "is no whole number from" in capsys.readouterr().err


def test_writes_that_others_have_used_up_are_waited_for() -> None:
    half_used, used_up = Allowance(20, 100, 200), Allowance(20, 100, 200)

    # Each of 20 users writes a hundred times in ten seconds.
    fit_rate(half_used, 10, limit=300, left=150, seconds_left=41)
    fit_rate(used_up, 10, limit=300, left=100, seconds_left=41)

    assert (half_used.wait, half_used.rate) == (0, 200)
    assert used_up.wait > 41


# What it measures with


class Hearing:
    def __init__(self) -> None:
        self.numbers: list[tuple[int, bool]] = []
        self.ends: list[str] = []

    def heard(self, number: int, again: bool) -> None:
        self.numbers.append((number, again))

    def ended(self, socket: Socket, why: str) -> None:
        self.ends.append(why)


def pushed(seq: int, number: int, padding: int = 0) -> bytes:
    event = f'{{"seq":{seq},"type":"message","message":{{"messageContent":"Benchmark message {number}","x":"'
    return text_frame(event.encode() + b"x" * padding + b'"}}')


@pytest.mark.parametrize("size", [1, 7, 200_000], ids=["byte by byte", "in pieces", "at once"])
async def test_a_socket_counts_each_message_and_notices_one_that_comes_again(size: int) -> None:
    hearing = Hearing()
    socket = Socket(hearing, 0, b"")
    frames = (
        pushed(4, 1),
        text_frame(b'{"type":"presence","userId":2}'),
        PING_FRAME,
        text_frame(b'{"seq":5,"type":"message_sent","message":{"messageContent":"Benchmark message 9"}}'),
        text_frame(b'{"seq":6,"type":"message","message":{"messageContent":"Hello"}}'),
        pushed(7, 2, 300),
        pushed(7, 2, 70_000),
    )
    data = b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + text_frame(b'{"type":"connected"}') + b"".join(frames)

    for start in range(0, len(data), size):
        socket.data_received(data[start : start + size])

    assert await socket.opened == ""
    assert hearing.numbers == [(1, False), (2, False), (2, True)]


async def test_a_message_that_comes_again_under_another_number_hides_none_that_was_lost() -> None:
    load = Load(address("http://127.0.0.1:1"), Processes([]), ["ann", "ben"], Allowance(2, 3, 2), seconds=1)
    load._open_of = [1, 2]

    # From the second user, at the first one's socket; and the other way round, at two.
    for number in (1, 1, 2, 2):
        load.heard(number, again=False)

    load.outcome.expected = 4
    assert (load.outcome.delivery.count, load.outcome.twice, load.outcome.lost) == (3, 1, 1)


async def test_who_has_lost_all_his_lines_hears_how_his_sockets_end() -> None:
    """A server that is killed closes one connection after the other."""
    load = Load(address("http://127.0.0.1:1"), Processes([]), ["ann", "ben"], Allowance(2, 1, 2), seconds=1)
    socket = Socket(load, 0, b"")
    load._sockets.add(socket)
    asyncio.get_running_loop().call_later(0.1, load.ended, socket, "socket broken")

    await load._send()

    assert load.outcome.errors["socket broken"] == 1


def test_percentiles_are_true_to_two_percent() -> None:
    times = Latencies()
    for milliseconds in range(1, 1001):
        times.add(milliseconds / 1000)

    assert times.mean == pytest.approx(0.5005)
    assert times.percentile(50) == pytest.approx(0.5, rel=0.02)
    assert times.percentile(99) == pytest.approx(0.99, rel=0.02)
    assert times.percentile(100) == times.longest == 1.0


def text_of(outcome: Outcome, sockets: int, rate: int) -> str:
    output = io.StringIO()
    allowed = Allowance(users=sockets, sockets=sockets, rate=rate)
    Console(file=output, width=200).print(report(outcome, Wanted(sockets, rate, 10), allowed))
    return " ".join(output.getvalue().split())


def test_a_target_is_reached_missed_or_not_tried() -> None:
    outcome = Outcome(opened=10_000, open_seconds=5, memory_per_socket=2_400, send_seconds=10)
    outcome.due = outcome.sent = outcome.accepted = 9_000
    outcome.delivery.add(0.6)

    words = text_of(outcome, 10_000, 1_000)

    assert "sockets at once 10,000 10,000 10,000 ✓" in words
    assert "messages a second 1,000 900.0 1,000 a second ✗" in words
    assert "memory a socket 10 KB 2.4 KB with 10,000 sockets ✓" in words
    assert "delivery, mean 500 ms 600.0 ms 1,000 a second, with 10,000 sockets ✗" in words
    little = text_of(outcome, 100, 100)
    assert "messages a second 1,000 900.0 100 a second –" in little


@pytest.mark.parametrize(("share", "late"), [(0.9, 0.001), (0.1, 0.2)], ids=["busy", "late"])
def test_it_says_when_it_was_itself_the_bottleneck(share: float, late: float) -> None:
    outcome = Outcome(opened=10, open_seconds=1, due=10, send_seconds=10, generator_share=share)
    outcome.late.add(late)

    assert "The generator itself was the bottleneck" in text_of(outcome, 10, 1)
    outcome = Outcome(opened=10, open_seconds=1, due=10, send_seconds=10)
    assert "bottleneck" not in text_of(outcome, 10, 1)
