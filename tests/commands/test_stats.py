"""`run.py stats` beside a server, beside none, and beside something else."""

import argparse
import asyncio
import io
import json
import re
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
from rich.console import Console

from regoods.commands.running import LARGEST_ANSWER, address, address_of
from regoods.commands.stats.tables import tables
from regoods.core.settings import Settings
from tests.support.process import Start

HEALTHY = {"/health": b'{"status":"ok","timestamp":"2026-01-06T10:00:00.000Z"}'}


@asynccontextmanager
async def answering(bodies: Mapping[str, bytes]) -> AsyncIterator[str]:
    """The address of a server that answers these paths, and no other."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        status = "200 OK" if path in bodies else "404 Not Found"
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode() + bodies.get(path, b"{}"))
        writer.close()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_it_shows_the_figures_as_tables(start: Start) -> None:
    server = await start().started()
    await server.person(1).connect()

    # By the settings' own address, as one who is on the server's machine.
    stats = start("stats", PORT=server.port)

    assert await stats.exit_code() == 0, stats.errors
    shown = "".join(stats.lines)
    assert server.base_url in shown
    assert re.search(r"\bactive connections +1\b", shown)
    assert re.search(r"\bonline users +1\b", shown)
    assert re.search(r"\blongest lag +[\d.]+ ms", shown)


async def test_as_json(start: Start) -> None:
    server = await start().started()
    await server.person(1).connect()

    stats = start("stats", "--json", "--url", server.base_url)

    assert await stats.exit_code() == 0, stats.errors
    answers = json.loads("".join(stats.lines))
    assert answers["websocketStats"]["activeConnections"] == 1
    assert answers["health"]["status"] == "ok"
    assert answers["ready"] == {"status": "ok", "degraded": []}


async def test_what_an_older_server_does_not_answer_is_left_out(start: Start) -> None:
    async with answering(HEALTHY) as url:
        stats = start("stats", "--json", "--url", url)

        assert await stats.exit_code() == 0, stats.errors
        assert json.loads("".join(stats.lines)) == {"health": json.loads(HEALTHY["/health"])}


@pytest.mark.parametrize("bodies", [{}, {"/health": b"<html>"}], ids=["404", "HTML"])
async def test_another_program_at_the_address_is_one_line(start: Start, bodies: Mapping[str, bytes]) -> None:
    async with answering(bodies) as url:
        stats = start("stats", "--url", url)

        assert await stats.exit_code() == 2
        assert stats.lines == []
        (line,) = stats.errors.splitlines()
        assert f"{url} is no ReGoods messaging" in line


async def test_whatever_it_answers_moves_no_cursor_and_ends(start: Start) -> None:
    deep = b'{"in":' * 300 + b"1" + b"}" * 300
    odd = {
        "/health/ready": b'"ready"',
        "/version": b'{"version":"\\u001b[2J","[/red]":"[/red]","usedBytes":1e999,"none":NaN}',
        "/health/websocket-stats": b'{"several":[{"one":1},2,"\\u009b2J"],"deep":' + deep + b"}",
        "/health/alerts": b"[" * 100_000,
    }
    async with answering(HEALTHY | odd) as url:
        stats = start("stats", "--url", url)

        assert await stats.exit_code() == 0, stats.errors
        shown = "".join(stats.lines)
        assert r"\u001b[2J" in shown
        assert "[/red]" in shown
        assert not any(one in shown for one in "\x1b\x9b")


async def test_an_answer_without_end_is_not_read_to_its_end(start: Start) -> None:
    async with answering({"/health": HEALTHY["/health"] + b" " * LARGEST_ANSWER}) as url:
        stats = start("stats", "--url", url)

        assert await stats.exit_code() == 2
        (line,) = stats.errors.splitlines()
        assert f"{url} is no ReGoods messaging" in line


async def test_no_server_is_one_line(start: Start) -> None:
    stats = start("stats", PORT="1", APP_ENV="production", JWT_ACCESS_SECRET="")

    assert await stats.exit_code() == 2
    assert stats.lines == []
    (line,) = stats.errors.splitlines()
    assert "No server answers at http://127.0.0.1:1 (Connection refused)" in line


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:3000", "ftp://127.0.0.1", "http://127.0.0.1:3000/api", "http://[", "http:", "http://a..b", "http://.a"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no address of a server"):
        address(url)


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (Settings(), "http://127.0.0.1:3000"),
        (Settings(host="0.0.0.0", port=80), "http://127.0.0.1:80"),
        (Settings(host="::", tls_cert_file="cert.pem"), "https://[::1]:3000"),
    ],
    ids=["as they are", "on all addresses", "IPv6 and TLS"],
)
def test_without_an_address_it_is_where_the_settings_listen(settings: Settings, url: str) -> None:
    assert str(address_of(settings, None)) == url


def test_a_narrow_terminal_breaks_no_name_of_an_alert() -> None:
    details = {"handshakes": 21, "failures": 0, "reasons": {}}
    alert = {"name": "connection_failures", "state": "ok", "limit": 0.05, "resolvedUnder": 0.04, "unit": "ratio"}
    output = io.StringIO()

    answers = {"alerts": {"status": "ok", "alerts": [{**alert, "details": details, "value": 0.0}]}}
    Console(file=output, width=80).print(tables("http://127.0.0.1:3000", answers))

    assert "connection_failures" in output.getvalue()
    assert "…" not in output.getvalue()


def test_whatever_a_server_says_has_its_table() -> None:
    times = {"count": 1200, "p50Ms": 1.25}
    alert = {"name": "memory", "state": "firing", "value": 0.81, "details": {"usedBytes": 81_000_000, "p99Ms": 3}}
    answers = {
        "version": {"version": "0.1.0", "commit": None},
        "websocketStats": {"memory": {"residentBytes": 93_000_000}, "database": {"writes": times, "reads": times}},
        "alerts": {"status": "firing", "alerts": [alert]},
    }
    output = io.StringIO()

    Console(file=output, width=120).print(tables("http://127.0.0.1:3000", answers))

    # Narrow tables stand side by side.
    words = " ".join(output.getvalue().split())
    for figure in ("resident 93.0 MB", "writes 1,200 1.25 ms", "memory firing 0.81 used 81.0 MB, p99 3 ms", "commit –"):
        assert figure in words


async def test_it_watches_until_ctrl_c(start: Start) -> None:
    server = await start().started()
    watching = start("stats", "--watch", "--url", server.base_url)
    assert await watching.line(r"active connections +(\d+)") == "0"

    await server.person(1).connect()
    await watching.line(r"active connections +(1)\b")
    server.kill()
    await watching.line("(No server answers)")
    watching.signal(signal.SIGINT)

    assert await watching.exit_code() == 0
    assert watching.errors == ""
