"""Who came and who went, until it is told: tried without a server, in a time of its own."""

from datetime import UTC, datetime

import pytest

from regoods.features.presence.comings import Comings
from tests.support.clock import Watch

MOMENT = datetime(2026, 1, 6, 10, tzinfo=UTC)
LATER = datetime(2026, 1, 6, 11, tzinfo=UTC)
ALL = 1000


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def some(watch: Watch) -> Comings:
    return Comings(watch)


def test_who_comes_is_told_of_at_once(some: Comings) -> None:
    some.arrived(1)

    assert some.take(ALL) == {1: None}
    assert some.take(ALL) == {}


def test_who_goes_is_told_of_after_five_seconds(some: Comings, watch: Watch) -> None:
    some.departed(1, MOMENT)

    watch.now += 4.99
    assert some.take(ALL) == {}
    watch.now += 0.01
    assert some.take(ALL) == {1: MOMENT}
    assert some.take(ALL) == {}


def test_who_is_back_within_them_was_never_gone(some: Comings, watch: Watch) -> None:
    some.departed(1, MOMENT)
    watch.now += 4.99
    some.arrived(1)

    watch.now += 10
    assert some.take(ALL) == {}
    some.departed(1, LATER)
    watch.now += 5
    assert some.take(ALL) == {1: LATER}


def test_who_goes_before_his_coming_was_told_was_never_here(some: Comings, watch: Watch) -> None:
    some.arrived(1)
    some.departed(1, MOMENT)

    watch.now += 10
    assert some.take(ALL) == {}


def test_they_are_told_of_in_their_order_and_a_part_at_a_time(some: Comings, watch: Watch) -> None:
    some.departed(3, MOMENT)
    watch.now += 1
    some.departed(1, LATER)
    for user_id in (9, 5, 7):
        some.arrived(user_id)

    assert list(some.take(2)) == [9, 5]
    watch.now += 4
    assert list(some.take(2)) == [7, 3]
    assert some.take(2) == {}
    watch.now += 1
    assert some.take(2) == {1: LATER}


def test_what_could_not_be_told_is_told_later(some: Comings) -> None:
    some.arrived(1)
    some.put_back(some.take(ALL))

    assert some.take(ALL) == {1: None}


def test_what_could_not_be_told_and_is_true_no_more_is_never_told(some: Comings, watch: Watch) -> None:
    some.arrived(1)
    some.departed(2, MOMENT)
    watch.now += 5
    taken = some.take(ALL)
    assert taken == {1: None, 2: MOMENT}
    some.departed(1, LATER)
    some.arrived(2)

    some.put_back(taken)

    watch.now += 5
    assert some.take(ALL) == {}


def test_what_is_put_back_comes_first(some: Comings) -> None:
    some.arrived(1)
    taken = some.take(ALL)
    some.arrived(2)
    assert (some.has_just_come(1), some.has_just_come(2)) == (False, True)

    some.put_back(taken)

    assert list(some.take(1)) == [1]
    assert some.has_just_come(2)
