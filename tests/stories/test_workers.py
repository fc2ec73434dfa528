"""Several processes serve one port: one is killed, all are replaced, the parent is stopped or dies."""

import asyncio
import contextlib
import os
import re
import resource
import signal
from pathlib import Path

import pytest

from regoods import __version__
from tests.support.people import Person
from tests.support.ports import accepts, free_port
from tests.support.process import ServerProcess, Start
from tests.support.prometheus import scrape
from tests.support.raw_socket import eventually
from tests.support.redis import RedisServer

SECONDS = 60
"""For a story in which processes start one after another, on a machine that is busy with others."""

GOING_AWAY = (1001, "Server is restarting")

NO_LIMITS = {"RATE_LIMIT_WRITES_PER_MINUTE": "0", "RATE_LIMIT_READS_PER_MINUTE": "0"}
"""For one who asks until all are replaced, however long that takes."""


@pytest.fixture
def together(redis: RedisServer, start: Start) -> Start:
    """Starts processes on one port that a Redis joins: two, unless it is told otherwise."""

    def new(*arguments: str, **environment: str) -> ServerProcess:
        return start(*(arguments or ("--workers", "2")), REDIS_URL=redis.url, **environment)

    return new


async def have_ended(pids: set[int]) -> bool:
    return not any(os.path.exists(f"/proc/{pid}") for pid in pids)  # noqa: ASYNC240


def spoil(folder: Path) -> None:
    for path in folder.glob("regoods.db*"):
        path.write_bytes(b"no database" * 1000)


class Stream:
    """Somebody who asks without end, each time on a new connection; each is to be answered."""

    def __init__(self, asker: Person, reader: Person) -> None:
        self.asked = 0
        self._asker = asker
        self._reader = reader
        self._tasks = [asyncio.ensure_future(self._ask()) for _ in range(3)]

    async def _ask(self) -> None:
        while True:
            await self._asker.write(self._reader, f"Number {self.asked}")
            assert (await self._reader.get("/messages/unread-count")).status == 200
            self.asked += 2
            await asyncio.sleep(0.02)

    async def end(self) -> None:
        """Raises for the first that was refused."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def open_sockets(asker: Person) -> set[int]:
    """How many each process has, of all that answered one of ten who asked together."""
    answers = await asyncio.gather(*(asker.get("/health/websocket-stats", root="", token="") for _ in range(10)))
    return {answer.body["activeConnections"] for answer in answers}


@pytest.mark.gen_test(timeout=SECONDS)
async def test_two_processes_serve_one_port_and_one_that_is_killed_is_replaced(together: Start) -> None:
    process = await together("serve", "--workers", "2", PORT="0").started()
    assert process.lines[0].count("(development, 2 workers)") == 1
    ann, ben, *others = (process.person(number) for number in range(1, 21))
    sockets = [await person.connect() for person in (ann, ben) for _ in range(4)]
    places = [person for person in others for _ in range(5)]
    counts: set[int] = set()

    async def have_both_some() -> bool:
        counts.clear()
        sockets.append(await places.pop().connect())
        counts.update(await open_sockets(ann))
        return len(counts) == 2 and 0 not in counts

    await eventually(have_both_some)
    assert sum(counts) == len(sockets)
    sent = await ann.write(ben)
    for at_ben in ben.sockets:
        assert (await at_ben.until("message"))["message"] == sent
    before = process.workers
    assert len(before) == 2
    victim = min(before)

    os.kill(victim, signal.SIGKILL)

    async def is_replaced() -> bool:
        assert (await ann.get("/health/ready", root="", token="")).status == 200
        return len(process.workers - {victim}) == 2 and 0 in await open_sockets(ann)

    await eventually(is_replaced)
    assert before & process.workers == before - {victim}
    process.signal(signal.SIGTERM)
    closed = [await socket.closed() for socket in sockets]
    assert sorted([closed.count(GOING_AWAY), closed.count((None, None))]) == sorted(counts)
    assert await process.exit_code() == 0
    assert await have_ended(before)
    assert [line for line in process.lines if line.startswith("Stop")] == [
        "Stopping: no new sockets, what is in flight is answered.\n",
        "Stopped.\n",
    ]
    (trouble,) = process.troubles
    assert re.search(r" ERROR regoods\.workers: worker \d ended \(killed by SIGKILL\): another one starts$", trouble)


@pytest.mark.gen_test(timeout=SECONDS)
async def test_all_are_replaced_and_nobody_is_refused(together: Start) -> None:
    port = free_port(2)
    process = await together(METRICS_PORT=str(port), **NO_LIMITS).started()
    before = process.workers
    at_ann = await process.person(1).connect()
    stream = Stream(process.person(3), process.person(4))

    process.signal_from_terminal(signal.SIGHUP)

    async def are_replaced() -> bool:
        return "all workers are replaced" in process.errors

    await eventually(are_replaced)
    assert await at_ann.closed() == GOING_AWAY
    assert len(process.workers) == 2
    assert not process.workers & before
    await stream.end()
    assert stream.asked > 20
    for place in range(2):
        watcher = Person(f"http://127.0.0.1:{port + place}", 1, "")
        assert (await scrape(watcher)).value("regoods_connections_opened_total") == 0

    process.signal_from_terminal(signal.SIGINT)
    assert await process.exit_code() == 0
    assert process.troubles == []


@pytest.mark.gen_test(timeout=SECONDS)
async def test_who_has_a_successor_leaves_at_once_and_who_has_none_serves_for_the_delay(together: Start) -> None:
    process = await together(DRAIN_DELAY="60000").started()
    before = process.workers
    ann = process.person(1)

    process.signal(signal.SIGHUP)

    async def are_replaced() -> bool:
        assert (await ann.get("/health/ready", root="", token="")).status == 200
        return "all workers are replaced" in process.errors

    await eventually(are_replaced)
    assert not process.workers & before
    at_ann = await ann.connect()
    process.signal(signal.SIGTERM)

    async def are_draining() -> bool:
        answers = await asyncio.gather(*(ann.get("/health/ready", root="", token="") for _ in range(6)))
        return {answer.body["status"] for answer in answers} == {"draining"}

    await eventually(are_draining)
    sent = await ann.write(process.person(2))
    assert await at_ann.next() == {"type": "message_sent", "message": sent}


@pytest.mark.gen_test(timeout=SECONDS)
async def test_one_that_hangs_is_killed_and_replaced_where_systemd_asks_for_signs_of_life(together: Start) -> None:
    process = await together(WATCHDOG_USEC="6000000").started()
    before = process.workers
    hung = min(before)

    os.kill(hung, signal.SIGSTOP)

    async def is_replaced() -> bool:
        return len(process.workers) == 2 and hung not in process.workers

    await eventually(is_replaced)
    assert process.workers & before == before - {hung}
    process.signal(signal.SIGTERM)
    assert await process.exit_code() == 0
    assert "hangs, for it was silent for 6 s: killed" in process.errors


@pytest.mark.gen_test(timeout=SECONDS)
async def test_where_the_system_lets_none_start_the_others_go_on_and_it_is_tried_again(together: Start) -> None:
    process = await together().started()
    before = process.workers
    ended, left = sorted(before)
    files = resource.prlimit(process.process_id, resource.RLIMIT_NOFILE)
    resource.prlimit(process.process_id, resource.RLIMIT_NOFILE, (3, files[1]))

    async def is_said(what: str) -> bool:
        return re.search(rf"ERROR regoods\.workers: worker \d {what}", process.errors) is not None

    os.kill(ended, signal.SIGRTMIN + 1)
    await eventually(lambda: is_said(r"ended \(killed by signal \d+\): another one starts"))
    await eventually(lambda: is_said("cannot be started: Too many open files"))
    process.signal(signal.SIGHUP)
    await eventually(lambda: is_said(r"cannot be replaced \(Too many open files\): the old ones stay"))
    assert process.workers == {left}
    assert (await process.person(1).get("/health/ready", root="", token="")).status == 200
    resource.prlimit(process.process_id, resource.RLIMIT_NOFILE, files)

    async def is_replaced() -> bool:
        return len(process.workers) == 2 and ended not in process.workers

    await eventually(is_replaced)
    process.signal(signal.SIGTERM)
    assert await process.exit_code() == 0
    assert "Traceback" not in process.errors


@pytest.mark.gen_test(timeout=SECONDS)
async def test_workers_whose_parent_is_killed_drain(together: Start) -> None:
    process = await together().started()
    workers = process.workers
    at_ann = await process.person(1).connect()

    process.kill()

    assert await at_ann.closed() == GOING_AWAY
    await eventually(lambda: have_ended(workers))
    assert await process.refuses()
    assert re.search(r" WARNING worker [12] regoods\.workers: the parent process has ended", process.errors)


@pytest.mark.gen_test(timeout=SECONDS)
async def test_where_none_can_start_any_more_the_whole_ends(together: Start, tmp_path: Path) -> None:
    process = await together().started()
    workers = process.workers
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    spoil(tmp_path)

    for pid in workers:
        os.kill(pid, signal.SIGKILL)

    async def is_said() -> bool:
        return "DATABASE_URL" in process.errors

    await eventually(is_said)
    assert await process.exit_code() == 2
    assert re.search(r"^DATABASE_URL cannot be used: ", process.errors, re.MULTILINE)
    assert "Traceback" not in process.errors


@pytest.mark.gen_test(timeout=SECONDS)
async def test_each_worker_tells_what_is_its_own_at_its_own_port(together: Start) -> None:
    port = free_port(2)
    process = await together("--workers", "2", METRICS_PORT=str(port)).started()
    await process.line(rf"^Metrics: +(http://127\.0\.0\.1:{port})/metrics .* {port + 1}\)$")
    watchers = [Person(f"http://127.0.0.1:{port + place}", 1, "") for place in range(2)]
    ann, ben = process.person(1), process.person(2)
    sockets = [await person.connect() for person in (ann, ben) for _ in range(4)]
    await ann.write(ben)
    for at_ben in ben.sockets:
        await at_ben.until("message")

    found = [await scrape(watcher) for watcher in watchers]

    assert sum(one.value("regoods_connections") for one in found) == len(sockets)
    assert sum(one.value("regoods_send_latency_seconds_count") for one in found) == 1
    assert sum(one.value("regoods_events_sent_total", type="message") for one in found) == len(ben.sockets)
    assert sum(one.value("regoods_bus_received_total") for one in found) > 0
    for watcher in watchers:
        assert (await watcher.get("/health/ready", root="", token="")).body["status"] == "ok"
        assert (await watcher.get("/version", root="", token="")).body["version"] == __version__
        for path in ("/api/v1/messages/1", "/messages", "/debug/chat", "/debug/token"):
            assert (await watcher.get(path, root="", token="")).status == 404
    assert (await ann.get("/metrics", root="", token="")).status == 200


@pytest.mark.gen_test(timeout=SECONDS)
async def test_one_process_serves_its_own_port_to_its_end(start: Start) -> None:
    port = free_port(2)
    process = await start(METRICS_PORT=str(port)).started()
    watcher = Person(f"http://127.0.0.1:{port}", 1, "")
    ann = process.person(1)
    await ann.connect()
    assert (await scrape(watcher)).value("regoods_connections") == 1
    taken = start(METRICS_PORT=str(port))
    assert await taken.exit_code() == 2
    assert re.fullmatch(
        rf"METRICS_PORT={port} on HOST=127\.0\.0\.1 cannot be used: .*, or set another METRICS_PORT\.\n", taken.errors
    )

    process.signal(signal.SIGTERM)

    assert await process.exit_code() == 0
    assert not accepts(port)


async def test_several_processes_need_a_redis(start: Start) -> None:
    process = start("--workers", "4")

    assert await process.exit_code() == 2
    assert process.lines == []
    assert process.errors == (
        "--workers 4 needs REDIS_URL: without a Redis, what is sent in one process is not heard in another.\n"
    )


@pytest.mark.parametrize("arguments", [("--workers", "0"), ("serve", "--workers", "65"), ("--workers", "2", "check")])
async def test_a_number_of_workers_that_cannot_be(start: Start, arguments: tuple[str, ...]) -> None:
    process = start(*arguments)

    assert await process.exit_code() == 2
    assert re.search(r"error: .*--workers.*(from 1 to 64|not for check)$", process.errors.strip())


@pytest.mark.gen_test(timeout=SECONDS)
@pytest.mark.parametrize("count", ["1", "2"])
async def test_whose_stdout_was_closed_still_drains(together: Start, count: str) -> None:
    process = await together("--workers", count).started()
    at_ann = await process.person(1).connect()
    process.close_stdout()

    process.signal(signal.SIGTERM)

    assert await at_ann.closed() == GOING_AWAY
    assert await process.exit_code() == 0
    assert process.troubles == []
