"""The order of a user's events that come from several nodes, and what is done about those that do not come."""

import asyncio
import random
from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from regoods.realtime.numbers import MOST_HELD, Ordering
from tests.support.raw_socket import eventually

ANN, BEN = 1, 2


class Node:
    """An Ordering whose user's sockets are a list."""

    def __init__(self, wait: float = 0.02) -> None:
        self.heard: list[bytes] = []
        self.told: list[tuple[int, int]] = []
        self.ordering = Ordering(self.push, lambda _user_id, since, latest: self.told.append((since, latest)), wait)

    def push(self, user_id: int, frames: Iterable[bytes]) -> None:
        assert user_id == ANN
        self.heard += frames

    def accept(self, *numbers: int) -> None:
        for number in numbers:
            self.ordering.accept(ANN, number, [b"%d" % number])

    async def was_told(self) -> bool:
        return bool(self.told)

    @property
    def numbers(self) -> list[int]:
        return [int(frame) for frame in self.heard]


async def one_that_waits_as_long_was_told() -> None:
    """So whoever began to wait before this one would have been told: the loop's timers keep their order."""
    control = Node()
    control.ordering.joined(ANN, 0)
    control.accept(2)
    await eventually(control.was_told)


async def test_in_order_is_pushed_at_once() -> None:
    node = Node()
    assert node.ordering.joined(ANN, 7) == 7
    node.accept(8, 9, 10)
    assert node.numbers == [8, 9, 10]


async def test_out_of_order_is_put_right() -> None:
    node = Node()
    node.ordering.joined(ANN, 0)
    node.accept(3, 2, 5)
    assert node.numbers == []
    node.accept(1)
    assert node.numbers == [1, 2, 3]
    node.accept(4)
    assert node.numbers == [1, 2, 3, 4, 5]
    await one_that_waits_as_long_was_told()
    assert node.told == []


async def test_what_does_not_come_is_told_and_what_followed_it_is_pushed() -> None:
    node = Node()
    node.ordering.joined(ANN, 4)
    node.accept(7, 6)
    await eventually(node.was_told)
    assert (node.numbers, node.told) == ([6, 7], [(4, 7)])
    node.accept(8)
    assert node.numbers == [6, 7, 8]
    node.accept(5)  # it came after all, and who does not count is glad of it
    assert node.numbers == [6, 7, 8, 5]
    assert node.told == [(4, 7)]


async def test_who_waits_for_one_does_not_gather_without_end() -> None:
    node = Node(wait=60)
    node.ordering.joined(ANN, 0)
    node.accept(*range(2, MOST_HELD + 3))
    assert node.numbers == list(range(2, MOST_HELD + 3))
    assert node.told == [(0, MOST_HELD + 2)]


async def test_a_log_that_is_ahead_is_told_once() -> None:
    node = Node()
    node.ordering.joined(ANN, 3)
    assert node.ordering.behind({ANN: 3, BEN: 9}) == {}
    assert node.ordering.behind({ANN: 5}) == {ANN: 5}
    node.ordering.catch_up(ANN, 5)
    node.ordering.catch_up(ANN, 5)
    node.ordering.catch_up(BEN, 9)
    assert node.told == [(3, 5)]


async def test_a_second_socket_may_have_read_further_than_the_events_have_come() -> None:
    node = Node()
    node.ordering.joined(ANN, 3)
    assert node.ordering.joined(ANN, 5) == 5
    node.accept(4, 5)
    assert node.numbers == [4, 5]  # for the first socket


async def test_what_came_between_the_look_into_the_log_and_the_socket_counts() -> None:
    node = Node()
    node.accept(4)
    assert node.numbers == []
    assert node.ordering.joined(ANN, 3) == 4
    node.accept(5)
    assert node.numbers == [5]


async def test_who_is_gone_waits_for_nothing() -> None:
    node = Node()
    node.ordering.joined(ANN, 0)
    node.accept(2)
    node.ordering.left(ANN)
    await one_that_waits_as_long_was_told()
    assert (node.numbers, node.told, node.ordering.users()) == ([], [], [])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 30), st.randoms(use_true_random=False), st.sets(st.integers(1, 30)))
def test_any_order_with_any_loss(count: int, shuffle: random.Random, lost: set[int]) -> None:
    """Each that came is pushed once; without loss in order; with one, whoever is told knows all that he lacks."""

    async def run() -> None:
        node = Node(wait=0)
        node.ordering.joined(ANN, 0)
        coming = [number for number in range(1, count + 1) if number not in lost]
        shuffle.shuffle(coming)
        node.accept(*coming)
        await asyncio.sleep(0.001)  # a waiting time of 0 is over
        assert sorted(node.numbers) == sorted(coming)
        gaps = {number for number in range(1, max(coming, default=0)) if number in lost}
        if not gaps:
            assert node.numbers == sorted(coming)
            assert node.told == []
        assert gaps <= {number for since, latest in node.told for number in range(since + 1, latest + 1)}

    asyncio.run(run())
