"""Four nodes as processes of their own: one is killed, then each is restarted in turn, under load."""

import asyncio
import itertools
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from tests.support.follower import Follower
from tests.support.people import Person
from tests.support.process import ServerProcess
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.editions("postgresql"), pytest.mark.gen_test(timeout=90)]

HEARTBEAT_MS = 1_000
PER_SECOND = 50
ATTEMPTS = 4
"""The SPA's: a call and three more, on network errors and 5xx."""

Nodes = list[ServerProcess]


@pytest.fixture
def nodes(io_loop: IOLoop, tmp_path: Path, database_url: str, redis: RedisServer) -> Iterator[Nodes]:
    running: Nodes = []

    def new(**environment: str) -> ServerProcess:
        return ServerProcess(
            tmp_path,
            REDIS_URL=redis.url,
            DATABASE_URL=database_url,
            RATE_LIMIT_WRITES_PER_MINUTE="0",
            WS_HEARTBEAT_INTERVAL=str(HEARTBEAT_MS),
            **environment,
        )

    async def start() -> None:
        # The first one makes the demo users.
        running.append(await new().started())
        running.extend(await asyncio.gather(*(new().started() for _ in range(3))))

    io_loop.run_sync(start, timeout=60)
    yield running
    for process in running:
        io_loop.run_sync(process.clean_up)


class Traffic:
    """Users 11 to 20 write to users 1 to 10 without end, each time by the next node. A failed call is made again by the
    node after the one that failed, as by a balancer that has just seen it fail."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self.acknowledged: dict[int, list[int]] = {user_id: [] for user_id in range(1, 11)}
        self.failed: list[Any] = []
        self.retries = 0
        self._sends: set[asyncio.Task[None]] = set()
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(*self._sends)

    async def _run(self) -> None:
        begun = time.monotonic()
        for number in itertools.count():
            send = asyncio.ensure_future(self._send(number))
            self._sends.add(send)
            send.add_done_callback(self._sends.discard)
            await asyncio.sleep(max(0.0, begun + number / PER_SECOND - time.monotonic()))

    async def _send(self, number: int) -> None:
        sender, recipient = 11 + number % 10, 1 + number % 10
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        outcome: Any = None
        for attempt in range(ATTEMPTS):
            self.retries += attempt > 0
            node = self._nodes[(number + attempt) % len(self._nodes)]
            try:
                answer = await Person(node.base_url, sender, node.environment["JWT_ACCESS_SECRET"]).post(
                    "/messages", {"recipientId": recipient, "messageContent": f"Number {number}"}, headers=headers
                )
            except OSError as error:
                outcome = error
            else:
                outcome = answer.status
                if outcome == 201:
                    self.acknowledged[recipient].append(answer.data["messageId"])
                    return
                if outcome < 500:
                    break
            await asyncio.sleep(0.2 * (attempt + 1))
        self.failed.append(outcome)


def balanced(nodes: Nodes, user_id: int) -> Callable[[int], Person]:
    """As a balancer would: another node at each dial."""
    return lambda attempt: nodes[(user_id + attempt) % len(nodes)].person(user_id)


async def test_one_is_killed_and_all_are_restarted_in_turn(nodes: Nodes) -> None:
    readers = {user_id: await Follower(balanced(nodes, user_id)).connected() for user_id in range(1, 11)}
    traffic = Traffic(nodes)

    async def restart(number: int) -> None:
        old = nodes[number]
        environment = dict(old.environment, PORT=old.port)
        await old.exit_code()
        nodes[number] = await ServerProcess(old.folder, **environment).started()
        await old.clean_up()

    nodes[1].signal(signal.SIGKILL)
    await restart(1)
    for number in range(4):
        nodes[number].signal(signal.SIGTERM)
        await restart(number)
    await traffic.stop()

    assert traffic.failed == []
    assert traffic.retries > 0
    assert sum(map(len, traffic.acknowledged.values())) > 4 * PER_SECOND
    for user_id, reader in readers.items():
        expected = traffic.acknowledged[user_id]
        await reader.until(lambda reader=reader, expected=expected: len(reader.messages) >= len(expected))
        assert reader.messages == dict.fromkeys(expected, 1)
        assert reader.dials > 1
        await reader.stop()
