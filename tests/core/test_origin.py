"""A request as another node hears of it."""

import time

from regoods.core.origin import Origin


def test_another_node_hears_the_id_and_when_it_came() -> None:
    origin = Origin("0f9c-trace/1")

    heard = Origin.decode(*origin.encode().split(b" "))

    assert heard.request_id == "0f9c-trace/1"
    # To the tenth of a millisecond that is told, and what one clock is set while this is read.
    assert abs(heard.arrived - origin.arrived) < 0.1


def test_what_comes_of_a_clock_that_is_ahead_came_just_now() -> None:
    heard = Origin.decode(b"%.4f" % (time.time() + 60), b"id", b"1")

    assert heard.arrived <= time.monotonic()
