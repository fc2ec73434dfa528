"""How commands end whose output nobody reads, and who presses Ctrl+C before anything has happened."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nodes import holds
from tests.support.process import Start


@pytest.fixture
def unread() -> Iterator[int]:
    """The end to write to of a pipe whose other end is closed, as behind `| head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("migrate",),
        ("token", "--user", "2"),
        ("types",),
        ("--help",),
        ("erase", "--help"),
    ],
    ids=" ".join,
)
async def test_whose_reader_has_gone_ends_without_a_word(start: Start, unread: int, arguments: tuple[str, ...]) -> None:
    unheard = start(*arguments, stdout=unread)

    assert await unheard.exit_code() == 141
    assert unheard.errors == ""


@pytest.mark.parametrize("command", [("stats",), ("stats", "--json"), ("tail", "--user", "1")], ids=" ".join)
async def test_one_that_asks_a_server_does_so_too(start: Start, unread: int, command: tuple[str, ...]) -> None:
    server = await start().started()

    unheard = start(*command, "--url", server.base_url, stdout=unread)

    assert await unheard.exit_code() == 141
    assert unheard.errors == ""


ENDLESS = """
import pathlib, time

pathlib.Path(__file__).with_name("reached").touch()
time.sleep(600)
"""


@pytest.mark.parametrize("arguments", [(), ("check",)], ids=["serve", "check"])
async def test_ctrl_c_while_the_program_is_being_loaded_needs_no_word(
    start: Start, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    # The first of what is not Python's own is found here sooner than where it is, and is loaded until the signal comes.
    (tmp_path / "tornado").mkdir()
    (tmp_path / "tornado" / "__init__.py").write_text(ENDLESS)
    process = start(*arguments, PYTHONPATH=str(tmp_path))
    await holds((tmp_path / "tornado" / "reached").exists)

    process.signal(signal.SIGINT)

    assert await process.exit_code() == 130
    assert (process.lines, process.errors) == ([], "")
