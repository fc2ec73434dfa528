"""A whole server takes many pictures at once: it does not grow by them, and goes on chatting meanwhile."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tornado.ioloop import IOLoop

from tests.features.test_attachments import answer, uploading
from tests.support.people import Person
from tests.support.pictures import END, form, padded, photo
from tests.support.process import ServerProcess

MIB = 1024 * 1024
AT_ONCE = 50


@pytest.fixture
def process(io_loop: IOLoop, tmp_path: Path) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path)
    yield running
    io_loop.run_sync(running.clean_up)


async def upload(person: Person, body: bytes) -> int:
    async with uploading(person, len(body)) as (reader, writer):
        half = len(body) // 2
        writer.write(body[:half])
        await writer.drain()
        writer.write(body[half:])
        await writer.drain()
        return (await answer(reader, limit=50)).status


@pytest.mark.gen_test(timeout=120)
async def test_fifty_at_once_do_not_grow_the_process(process: ServerProcess, tmp_path: Path) -> None:
    ann, ben = (await process.started()).person(1), process.person(2)
    # As a phone takes it: 12 megapixels, 4 MB.
    body = form(padded(photo(size=(4000, 3000)), 4 * MIB)) + END
    assert await upload(ben, body) == 201
    before = process.memory("VmHWM")
    uploads = [asyncio.ensure_future(upload(ann, body)) for _ in range(AT_ONCE)]

    def done() -> int:
        return sum(one.done() for one in uploads)

    overtaken_by = []
    while (before_this := done()) < AT_ONCE:
        assert (await ben.get("/messages/unread-count")).status == 200
        overtaken_by.append(done() - before_this)
        await asyncio.sleep(0.01)

    assert await asyncio.gather(*uploads) == [201] * AT_ONCE
    grown = process.memory("VmHWM") - before
    # Their bodies are 200 MiB, and decoded together they would be 2.4 GB.
    assert grown < 100 * MIB
    # Who asks waits for no picture: one may become ready meanwhile, on whatever machine; read on the loop, 16 did each
    # time. One in twenty is left to an asker who himself stood still.
    assert sorted(overtaken_by)[int(len(overtaken_by) * 0.95)] < 5
    assert len(list((tmp_path / "attachments").iterdir())) == AT_ONCE + 1
