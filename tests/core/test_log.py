"""Lines on their way to a reader who may not read: the writer with real pipes, and what is said of an error."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from regoods.core.log_writer import LogWriter
from regoods.core.settings import ROOT
from tests.support.people import LIMIT
from tests.support.process import ServerProcess


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Its two ends: to read, to write."""
    reads, writes = os.pipe()
    yield reads, writes
    os.close(reads)
    os.close(writes)


def read_lines(reads: int, count: int) -> list[bytes]:
    """At least so many, or as many as come until the end."""
    text = b""
    while text.count(b"\n") < count and (some := os.read(reads, 65_536)):
        text += some
    return text.splitlines()


def test_lines_are_written_in_their_order(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1])

    for number in range(1000):
        writer.put(b"%d\n" % number)

    assert read_lines(pipe[0], 1000) == [b"%d" % number for number in range(1000)]
    writer.stop(LIMIT)


def test_a_stop_writes_what_waits(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1])
    for number in range(100):
        writer.put(b"%d\n" % number)

    writer.stop(LIMIT)

    os.set_blocking(pipe[0], False)
    assert len(read_lines(pipe[0], 100)) == 100


def test_who_says_something_never_waits_for_who_reads(pipe: tuple[int, int]) -> None:
    writer = LogWriter(pipe[1], most=50)
    line = b"x" * 999 + b"\n"

    # More than a pipe and the buffer hold; with a write on this thread it would not end.
    speaking = threading.Thread(target=lambda: [writer.put(line) for _ in range(1000)], daemon=True)
    speaking.start()
    speaking.join(LIMIT)

    assert not speaking.is_alive()
    assert writer.dropped >= 1000 - 50 - 65_536 // 1000 - 5
    left = 1000 - writer.dropped
    assert read_lines(pipe[0], left)[:left] == [line.strip()] * left
    writer.stop(LIMIT)


def test_nobody_reads_at_all() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    writer = LogWriter(writes)

    writer.put(b"one\n", urgent=True)
    writer.put(b"two\n", urgent=True)
    writer.stop(LIMIT)

    assert writer.dropped == 2
    os.close(writes)


SAYING = """
import asyncio, logging, sys
from regoods.core import log

log.set_up("info", sys.argv[1])
logger = logging.getLogger("regoods.test")
OF_A_ROW = {
    "behind": "the statement failed\\n[parameters: ('violet umbrella',)]",
    "truncated": "String or binary data would be truncated in column 'x'. Truncated value: 'violet umbrella'. (2628)",
    "duplicate": "Cannot insert duplicate key in object 'x'. The duplicate key value is (1, violet umbrella). (2627)",
    "converted": "Conversion failed when converting the nvarchar value 'violet umbrella' to data type int. (245)",
    "input": 'invalid input syntax for type integer: "violet umbrella"',
    "half": "half of a pair \\udcff",
}


async def forget() -> None:
    failed = asyncio.get_running_loop().create_future()
    failed.set_exception(RuntimeError(OF_A_ROW["behind"]))


asyncio.run(forget())
for name, said in OF_A_ROW.items():
    try:
        raise RuntimeError(said)
    except RuntimeError:
        logger.exception("it failed: %s", name)
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_of_an_error_no_value_of_a_row_is_said(form: str) -> None:
    run = subprocess.run([sys.executable, "-c", SAYING, form], cwd=ROOT, capture_output=True, text=True, check=True)

    assert run.stderr.count("RuntimeError") == 7
    assert "it failed: half" in run.stderr
    assert "Future exception was never retrieved" in run.stderr
    assert "violet" not in run.stderr
    assert "Logging error" not in run.stderr


async def test_a_server_serves_whose_log_nobody_reads(tmp_path: Path) -> None:
    reads, writes = os.pipe()
    process = ServerProcess(tmp_path, LOG_LEVEL="debug", LOG_FORMAT="json", stderr=writes)
    os.close(writes)
    try:
        await process.started()
        ann = process.person(1)

        # A line of each is some 200 bytes; the pipe takes 64 KB.
        for _ in range(10):
            answers = await asyncio.gather(*(ann.get("/nothing/" + "x" * 70, token="") for _ in range(80)))
            assert {answer.status for answer in answers} == {404}

        process.signal(signal.SIGTERM)
        assert await process.exit_code() == 0
        lines = await asyncio.to_thread(read_lines, reads, 1_000_000)
        assert 0 < len(lines) < 800
    finally:
        os.close(reads)
        await process.clean_up()
