"""Delays by chance, in each Python process that has this folder on its PYTHONPATH: `make test-delayed`.

What a thread brings to a loop comes late, a loop stands still now and then, and of the sockets that are ready some are
served a turn later, in any order. All of it happens on a busy machine, only seldom: a test that hopes for an order that
nobody promises, or looks before what it waits for is there, fails by it in one run of hundreds, and here in one of ten.
"""

import os
import random
import selectors
import threading
import time
from asyncio import base_events
from typing import Any

LATE_SECONDS = 0.04
"""At most; of four results in ten."""

STILL_SECONDS = 0.06
"""At most; of three turns of a loop in a thousand."""

LEFT = 0.25
"""Of what is ready, this share waits for the next turn."""

_chance = random.Random(os.getpid() ^ time.time_ns())
_call_soon_threadsafe = base_events.BaseEventLoop.call_soon_threadsafe
_run_once = base_events.BaseEventLoop._run_once  # type: ignore[attr-defined]
_select = selectors.EpollSelector.select


def call_soon_threadsafe(self: Any, *arguments: Any, **named: Any) -> Any:
    if threading.get_ident() != self._thread_id and _chance.random() < 0.4:
        time.sleep(LATE_SECONDS * _chance.random() ** 2)
    return _call_soon_threadsafe(self, *arguments, **named)


def run_once(self: Any) -> None:
    if _chance.random() < 0.003:
        time.sleep(STILL_SECONDS * _chance.random())
    _run_once(self)


def select(self: Any, timeout: float | None = None) -> Any:
    ready = _select(self, timeout)
    _chance.shuffle(ready)
    return [one for one in ready if _chance.random() >= LEFT]


base_events.BaseEventLoop.call_soon_threadsafe = call_soon_threadsafe  # type: ignore[method-assign,assignment]
base_events.BaseEventLoop._run_once = run_once  # type: ignore[attr-defined]
selectors.EpollSelector.select = select  # type: ignore[method-assign]
