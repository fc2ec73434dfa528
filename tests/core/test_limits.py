"""Counting in windows: of a process that is alone, and of several that count in one Redis."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from regoods.core import redis_link
from regoods.core.limits import WindowCounter
from regoods.core.metrics import BusMetrics
from regoods.core.redis_limits import SharedCounter, SharedLimits
from regoods.core.redis_link import RedisLink
from tests.support.nodes import holds
from tests.support.people import LIMIT as PATIENCE
from tests.support.redis import RedisServer

ANN, BEN = 1, 2
LIMIT = 10


class Node:
    """Counts together with others on one Redis; what it tells them goes to `others` at once."""

    def __init__(self, redis: RedisServer) -> None:
        self.link = RedisLink(redis.url, "regoods")
        self.metrics = BusMetrics()
        self.limits = SharedLimits(self.link, self.metrics, self._tell)
        self.others: list[Node] = []
        self.told: list[bytes] = []

    def _tell(self, _kind: str, fact: bytes) -> None:
        self.told.append(fact)
        for other in self.others:
            other.limits.take(fact)

    def counter(self, seconds: float = 60.0) -> SharedCounter:
        return self.limits.counter("writes", seconds, LIMIT)


@asynccontextmanager
async def started(redis: RedisServer, count: int = 1) -> AsyncIterator[list[Node]]:
    nodes = [Node(redis) for _ in range(count)]
    for node in nodes:
        node.others = [other for other in nodes if other is not node]
        node.link.start()
    for node in nodes:
        await holds(lambda node=node: node.link.connected)
    try:
        yield nodes
    finally:
        for node in nodes:
            await node.link.stop()


def hits(counter: WindowCounter[int] | SharedCounter, count: int, key: int = ANN) -> int:
    """So many; what the last one is told."""
    return [counter.hit(key).used for _ in range(count)][-1]


async def answered(counter: SharedCounter, key: int = ANN) -> None:
    """Redis has said what was counted."""
    await holds(lambda: counter._windows[key].pending == 0)


def stored(redis: RedisServer, key: int = ANN) -> int:
    return int(redis.client.get(f"regoods:limit:writes:{key}") or 0)


def seconds_left(redis: RedisServer, key: int = ANN) -> float:
    """Of the window, asked after what a node says of it."""
    return int(redis.client.pttl(f"regoods:limit:writes:{key}")) / 1000


@pytest.fixture(autouse=True)
def patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Redis does not go away, one that is slow for a second is none that has gone."""
    if "own_redis" not in request.fixturenames:
        monkeypatch.setattr(redis_link, "REPLY_SECONDS", PATIENCE)


# Of both


Make = Callable[[float, Callable[[], float]], WindowCounter[int] | SharedCounter]


def alone(seconds: float, clock: Callable[[], float]) -> WindowCounter[int]:
    return WindowCounter(seconds, clock)


def shared_without_redis(seconds: float, clock: Callable[[], float]) -> SharedCounter:
    link = RedisLink("redis://127.0.0.1:1/0", "regoods")
    return SharedCounter(link, BusMetrics(), "writes", seconds, LIMIT, lambda *_facts: None, clock)


both = pytest.mark.parametrize("make", [alone, shared_without_redis])


@both
async def test_a_window_never_ends_later_than_it_lasts(make: Make) -> None:
    beginning = 229.83012037151602
    assert (beginning + 60) - beginning > 60  # as floating point has it

    assert make(60, lambda: beginning).hit(ANN).reset_seconds == 60


@both
async def test_a_window_begins_with_its_first_hit_and_ends(make: Make) -> None:
    now = 100.0
    counter = make(60, lambda: now)

    assert [tuple(counter.hit(ANN)), tuple(counter.hit(ANN)), tuple(counter.hit(BEN))] == [
        (1, 60, 0),
        (2, 60, 1),
        (1, 60, 0),
    ]
    now = 159.0
    assert tuple(counter.hit(ANN)) == (3, 1, 2)
    now = 160.0
    assert tuple(counter.hit(ANN)) == (1, 60, 0)
    counter.sweep()
    assert len(counter) == 1


@pytest.mark.parametrize("is_shared", [False, True], ids=["alone", "shared"])
async def test_a_window_ends_by_itself_and_the_next_one_is_empty(is_shared: bool, redis: RedisServer) -> None:
    async with started(redis) as (node,):
        counter = node.counter(0.5) if is_shared else WindowCounter[int](0.5)
        assert hits(counter, 3) == 3
        assert hits(counter, 1, BEN) == 1
        if isinstance(counter, SharedCounter):
            for key in (ANN, BEN):
                await answered(counter, key)  # with it the window in Redis has begun
        await asyncio.sleep(0.6)  # the window

        assert tuple(counter.hit(ANN)) == (1, 1, 0)
        counter.sweep()
        assert len(counter) == 1


# Together


async def test_what_nodes_count_is_one_sum_and_one_window(redis: RedisServer) -> None:
    async with started(redis, 2) as (one, two):
        here, there = one.counter(), two.counter()
        assert hits(here, 4) == 4
        await answered(here)
        redis.client.pexpire("regoods:limit:writes:1", 20_000)
        assert hits(there, 3) == 3  # it does not know yet
        await answered(there)

        assert (there.hit(ANN).used, there.hit(BEN).used) == (8, 1)
        assert 20 >= there.hit(ANN).reset_seconds >= seconds_left(redis) > 0
        await answered(there)
        assert hits(here, 1) == 5  # what it was told last
        await answered(here)
        assert tuple(here.hit(ANN))[::2] == (11, 5)
        assert (one.metrics.limits_alone, two.metrics.limits_alone) == (0, 0)


async def test_hits_of_a_moment_go_to_redis_together(redis: RedisServer) -> None:
    async with started(redis) as (node,):
        counter = node.counter()
        hits(counter, 1)
        await answered(counter)  # the script is there
        before = redis.client.info("commandstats")["cmdstat_evalsha"]["calls"]
        for user_id in range(1, 51):
            hits(counter, 20, user_id)
        await answered(counter, 50)

        assert redis.client.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1
        assert (stored(redis), stored(redis, 50)) == (21, 20)


async def test_who_fills_his_window_is_told_to_all_once(redis: RedisServer) -> None:
    async with started(redis, 2) as (one, two):
        here, there = one.counter(), two.counter()
        hits(here, 6)
        hits(there, 5)
        await answered(here)
        await answered(there)

        assert len(one.told + two.told) == 1
        for counter in (here, there):
            assert counter.hit(ANN).used > LIMIT
            assert counter.hit(BEN).used == 1
        await answered(here)
        await answered(there)
        assert len(one.told + two.told) == 1


async def test_an_answer_that_another_nodes_word_overtook_takes_nothing_back(redis: RedisServer) -> None:
    async with started(redis) as (node,):
        counter = node.counter()
        hits(counter, 6)
        counter.learn(ANN, LIMIT + 1, 60)
        await answered(counter)

        assert counter.hit(ANN).used > LIMIT


async def test_a_node_that_never_saw_him_knows_who_is_over(redis: RedisServer) -> None:
    async with started(redis, 2) as (one, two):
        here, there = one.counter(), two.counter()
        hits(here, LIMIT)
        await answered(here)

        usage = there.hit(ANN)
        assert (usage.used, usage.before) == (LIMIT + 1, 0)
        assert 60 >= usage.reset_seconds >= seconds_left(redis) > 0


async def test_without_redis_each_goes_on_alone_and_tells_it_later(own_redis: RedisServer) -> None:
    async with started(own_redis) as (node,):
        counter = node.counter()
        hits(counter, 4)
        await answered(counter)
        own_redis.freeze()
        await holds(lambda: not node.link.connected)

        assert hits(counter, 3) == 7
        assert node.metrics.limits_alone == 3
        own_redis.thaw()
        await holds(lambda: node.link.connected)
        assert hits(counter, 1) == 8
        await answered(counter)
        assert stored(own_redis) == 8
        assert counter.hit(ANN).used == 9
        assert node.metrics.limits_alone == 3


async def test_a_redis_that_forgot_gives_nobody_a_new_window(own_redis: RedisServer) -> None:
    async with started(own_redis) as (node,):
        counter = node.counter()
        hits(counter, 4)
        await answered(counter)
        before = counter._windows[ANN].ends
        own_redis.freeze()
        assert hits(counter, 1) == 5  # on its way when Redis dies
        await holds(lambda: not node.link.connected)
        own_redis.kill()
        own_redis.start()
        await holds(lambda: node.link.connected)
        counter._windows[ANN].ends -= 5  # as five seconds later

        assert hits(counter, 1) == 6
        await answered(counter)

        assert stored(own_redis) == 2
        assert counter.hit(ANN).used == 7
        assert counter._windows[ANN].ends == before - 5


async def test_a_key_leaves_nothing_behind(redis: RedisServer) -> None:
    async with started(redis) as (node,):
        counter = node.counter(0.3)
        for user_id in range(100):
            counter.hit(user_id)
        assert len(counter) == 100
        await answered(counter, 99)

        await holds(lambda: redis.client.keys() == [])

        def nothing_is_left() -> bool:
            # A node counts its window from the moment at which it reads the answer: there it ends a little later.
            counter.sweep()
            return len(counter) == 0

        await holds(nothing_is_left)
