"""The registry equals a simple model whatever comes, goes and is reaped, in any order."""

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from regoods.realtime.registry import ConnectionRegistry


@dataclass(eq=False)
class Tab:
    user_id: int
    slice_index: int = 0


class Model(RuleBasedStateMachine):
    """A list of sockets in the order they came; the heartbeat reaps the silent of one slice at a time."""

    tabs = Bundle("tabs")

    @initialize(slices=st.integers(1, 4))
    def begin(self, slices: int) -> None:
        self.registry: ConnectionRegistry[Tab] = ConnectionRegistry(slices)
        self.open: list[Tab] = []
        self.silent: set[Tab] = set()
        self.next_slice = 0

    @rule(target=tabs, user_id=st.integers(1, 4))
    def comes(self, user_id: int) -> Tab:
        tab = Tab(user_id)
        first = user_id not in {other.user_id for other in self.open}
        assert self.registry.add(tab) is first
        self.open.append(tab)
        return tab

    @rule(tab=tabs)
    def is_added_again(self, tab: Tab) -> None:
        if tab in self.open:
            assert self.registry.add(tab) is False

    @rule(tab=tabs)
    def goes(self, tab: Tab) -> None:
        """Perhaps for the second time: `close` and `connection_lost` both remove."""
        was_there = tab in self.open
        self.open = [other for other in self.open if other is not tab]
        last = was_there and tab.user_id not in {other.user_id for other in self.open}
        assert self.registry.remove(tab) is last

    @rule(tab=consumes(tabs))
    def falls_silent(self, tab: Tab) -> None:
        self.silent.add(tab)

    @rule()
    def reaps(self) -> None:
        for tab in self.registry.slice(self.next_slice):
            if tab in self.silent:
                self.registry.remove(tab)
                self.open.remove(tab)
        self.next_slice = (self.next_slice + 1) % self.registry.slices

    @invariant()
    def equals_the_model(self) -> None:
        users = {tab.user_id for tab in self.open}
        for user_id in range(1, 5):
            assert self.registry.of(user_id) == tuple(tab for tab in self.open if tab.user_id == user_id)
            assert self.registry.is_online(user_id) is (user_id in users)
        assert (len(self.registry), self.registry.users) == (len(self.open), len(users))
        sliced = [tab for index in range(self.registry.slices) for tab in self.registry.slice(index)]
        assert sorted(map(id, sliced)) == sorted(map(id, self.open)) == sorted(map(id, self.registry))


Model.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
test_any_order_of_comings_and_goings = Model.TestCase
