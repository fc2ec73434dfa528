"""Who is connected: a plain structure, tried without a server."""

from dataclasses import dataclass

import pytest

from regoods.realtime.registry import ConnectionRegistry


@dataclass(eq=False)
class Tab:
    user_id: int
    slice_index: int = 0


@pytest.fixture
def registry() -> ConnectionRegistry[Tab]:
    return ConnectionRegistry(slices=3)


def test_a_socket_is_found_by_its_user(registry: ConnectionRegistry[Tab]) -> None:
    first, second, other = Tab(1), Tab(1), Tab(2)
    for tab in (first, second, other):
        registry.add(tab)

    assert registry.of(1) == (first, second)
    assert registry.of(2) == (other,)
    assert registry.of(3) == ()
    assert (len(registry), registry.users) == (3, 2)
    assert set(registry) == {first, second, other}


def test_a_socket_added_twice_is_there_once(registry: ConnectionRegistry[Tab]) -> None:
    tab = Tab(1)
    registry.add(tab)
    registry.add(tab)

    assert registry.of(1) == (tab,)
    assert len(registry) == 1
    registry.remove(tab)
    assert len(registry) == 0


def test_removing_twice_is_as_good_as_once(registry: ConnectionRegistry[Tab]) -> None:
    gone, left = Tab(1), Tab(1)
    registry.add(gone)
    registry.add(left)

    registry.remove(gone)
    registry.remove(gone)

    assert registry.of(1) == (left,)
    assert (len(registry), registry.users) == (1, 1)


def test_only_that_very_socket_is_removed(registry: ConnectionRegistry[Tab]) -> None:
    old, new = Tab(1), Tab(1)
    registry.add(old)
    registry.remove(old)
    registry.add(new)

    registry.remove(old)  # its `connection_lost` comes late

    assert registry.of(1) == (new,)
    assert list(registry) == [new]


def test_one_never_added_can_be_removed(registry: ConnectionRegistry[Tab]) -> None:
    stranger, tab = Tab(1), Tab(1)
    registry.add(tab)

    registry.remove(stranger)
    registry.remove(Tab(2))

    assert registry.of(1) == (tab,)


def test_a_user_is_online_while_he_has_a_socket(registry: ConnectionRegistry[Tab]) -> None:
    first, second = Tab(1), Tab(1)
    assert not registry.is_online(1)
    registry.add(first)
    registry.add(second)
    assert registry.is_online(1)
    registry.remove(first)
    assert registry.is_online(1)
    registry.remove(second)
    assert not registry.is_online(1)
    assert (len(registry), registry.users) == (0, 0)


def test_slices_are_of_equal_size_and_hold_each_socket_once(registry: ConnectionRegistry[Tab]) -> None:
    tabs = [Tab(number % 4) for number in range(10)]
    for tab in tabs:
        registry.add(tab)

    slices = [registry.slice(index) for index in range(registry.slices)]

    assert sorted(map(len, slices)) == [3, 3, 4]
    assert sorted(id(tab) for each in slices for tab in each) == sorted(map(id, tabs))
    for tab in tabs:
        assert tab in registry.slice(tab.slice_index)


def test_a_removed_socket_is_in_no_slice(registry: ConnectionRegistry[Tab]) -> None:
    tabs = [Tab(number) for number in range(6)]
    for tab in tabs:
        registry.add(tab)
    for tab in tabs[::2]:
        registry.remove(tab)

    left = [tab for index in range(registry.slices) for tab in registry.slice(index)]

    assert sorted(map(id, left)) == sorted(map(id, tabs[1::2]))


def test_sockets_may_come_and_go_while_one_walks_over_them(registry: ConnectionRegistry[Tab]) -> None:
    tabs = [Tab(1) for _ in range(6)]
    for tab in tabs:
        registry.add(tab)

    for tab in registry.of(1):
        registry.remove(tab)
        registry.add(Tab(2))
    for tab in registry:
        registry.remove(tab)

    assert (len(registry), registry.users) == (0, 0)
