"""How commands end whose output nobody reads, and who presses Ctrl+C before anything has happened."""

import os
from collections.abc import Iterator

import pytest

from tests.commands.conftest import Start


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
