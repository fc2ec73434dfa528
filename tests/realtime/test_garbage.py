"""A socket that has ended is freed at once: what waits for the garbage collector is memory, and then a stop."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from tests.support.people import Person
from tests.support.raw_socket import eventually
from tests.support.server import RunningServer


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
async def test_a_closed_socket_leaves_nothing_to_collect(server: RunningServer, ann: Person) -> None:
    at_ann = await ann.connect()
    (connection,) = server.app.registry.of(1)
    transport = weakref.ref(connection._transport)
    del connection

    async def is_freed() -> bool:
        return transport() is None

    at_ann.close()

    await eventually(is_freed)


async def test_an_open_socket_keeps_no_notes_of_its_connection(server: RunningServer, ann: Person) -> None:
    at_ann = await ann.connect()
    (connection,) = server.app.registry.of(1)

    assert connection.transport is not None
    assert [connection.transport.get_extra_info(name) for name in ("socket", "sockname", "peername")] == [None] * 3

    at_ann.close()
