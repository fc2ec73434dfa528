"""More connections than the system gives files for."""

import itertools
import os
import resource
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.nodes import holds
from tests.support.process import ServerProcess
from tests.support.raw_socket import dial_raw

SAID = "no more connections can be accepted for 1 s: Too many open files"


def crowd(process: ServerProcess) -> list[socket.socket]:
    """More connections than it may have."""
    address = urlsplit(process.base_url)
    return [socket.create_connection((address.hostname, address.port)) for _ in range(80)]


def has_connections(process: ServerProcess) -> bool:
    """Which it has not closed (proc_net_tcp(5): established, or closed by the peer alone)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(
        local.endswith(f":{int(process.port):04X}") and state in ("01", "08") for _, local, _, state, *_ in lines
    )


@pytest.mark.gen_test(timeout=60)
async def test_where_no_file_is_left_those_who_are_here_are_served_and_others_later(tmp_path: Path) -> None:
    process = await ServerProcess(tmp_path).started()
    try:
        at_ann = await process.person(1).connect()
        _, most = resource.prlimit(process.process_id, resource.RLIMIT_NOFILE)
        resource.prlimit(process.process_id, resource.RLIMIT_NOFILE, (60, most))
        begun = time.monotonic()
        silent = crowd(process)

        await holds(lambda: process.errors.count(SAID) >= 2)
        assert process.errors.count(SAID) <= 1 + (time.monotonic() - begun)  # it rests for a second each time
        assert all(line.endswith(SAID) for line in process.troubles)
        assert await at_ann.quiet() == []

        for one in silent:
            one.close()
        assert (await process.person(2).get("/health", root="", token="")).status == 200

        said = process.errors.count(SAID)
        silent = crowd(process)
        await holds(lambda: process.errors.count(SAID) > said)
        process.signal(signal.SIGTERM)
        assert await at_ann.closed() == (1001, "Server is restarting")
        assert await process.exit_code() == 0
        assert "Traceback" not in process.errors
        for one in silent:
            one.close()
    finally:
        await process.clean_up()


async def test_a_socket_for_which_no_file_is_left_ends_without_a_traceback(tmp_path: Path) -> None:
    process = await ServerProcess(tmp_path).started()
    try:
        assert (await process.person(1).get("/messages/unread-count")).status == 200
        await holds(lambda: not has_connections(process))  # that one's file is free again
        used = {int(number) for number in os.listdir(f"/proc/{process.process_id}/fd")}
        free = next(number for number in itertools.count() if number not in used)
        files = resource.prlimit(process.process_id, resource.RLIMIT_NOFILE)
        resource.prlimit(process.process_id, resource.RLIMIT_NOFILE, (free + 1, files[1]))

        raw = await dial_raw(process.person(1))
        assert raw.answer.status == 101
        assert await raw.ended() == b""

        await holds(lambda: "a socket could not be taken over: [Errno 24] Too many open files" in process.errors)
        assert "Traceback" not in process.errors
        resource.prlimit(process.process_id, resource.RLIMIT_NOFILE, files)
        for _ in range(5):  # it holds no place
            await process.person(1).connect()
    finally:
        await process.clean_up()
