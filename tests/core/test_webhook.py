"""Posts to others' addresses, to a real receiver: in their order, again while it is away, never for ever."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from regoods.core import webhook
from regoods.core.webhook import Webhook
from tests.support.nodes import holds
from tests.support.people import LIMIT
from tests.support.receiver import SECRET_PATH, Receiver


@pytest.fixture
def hook(io_loop: IOLoop) -> Iterator[Webhook]:
    made = Webhook()
    yield made
    io_loop.run_sync(lambda: made.stop(0.1))


def numbered(number: int) -> bytes:
    return json.dumps({"number": number}).encode()


async def test_posts_come_in_their_order_as_json(receiver: Receiver, hook: Webhook) -> None:
    for number in range(5):
        hook.post(receiver.url, numbered(number))

    assert [await receiver.next() for _ in range(5)] == [{"number": number} for number in range(5)]
    assert receiver.headers is not None
    assert receiver.headers["Content-Type"] == "application/json"
    hook.post(receiver.url, numbered(5))
    assert await receiver.next() == {"number": 5}


async def test_a_receiver_that_is_away_gets_it_when_it_is_back(
    receiver: Receiver, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers += [503, 429]
    hook.post(receiver.url, numbered(1))
    hook.post(receiver.url, numbered(2))

    assert [await receiver.next() for _ in range(2)] == [{"number": 1}, {"number": 2}]
    assert receiver.tries == 4
    await receiver.stop()
    hook.post(receiver.url, numbered(3))

    await holds(lambda: "Connection refused" in caplog.text)
    receiver.come_back()
    assert await receiver.next() == {"number": 3}
    assert "127.0.0.1 took no post, which is tried again: it answered 503" in caplog.text
    assert SECRET_PATH not in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


async def test_what_is_refused_for_good_is_given_up_at_once(
    receiver: Receiver, hook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers += [404, 307, 400]
    for number in range(4):
        hook.post(receiver.url, numbered(number))

    assert await receiver.next() == {"number": 3}
    assert receiver.tries == 4
    assert "127.0.0.1 took no post, which is given up: it answered 404" in caplog.text


async def test_who_never_answers_is_not_tried_for_ever(
    receiver: Receiver, hook: Webhook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TRY_SECONDS", 0.1)
    monkeypatch.setattr(webhook, "PAUSES", (0.01, 0.01))
    receiver.fall_silent()

    hook.post(receiver.url, numbered(1))

    await holds(lambda: "which is given up: no answer within" in caplog.text)
    # Of a try whose time is over before its connection was taken the receiver does not hear.
    assert caplog.text.count("which is tried again: no answer within") == 2
    assert receiver.tries <= 3


async def test_only_so_many_wait(
    receiver: Receiver, hook: Webhook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "HELD", 3)
    for number in range(5):
        hook.post(receiver.url, numbered(number))

    assert [(await receiver.next())["number"] for _ in range(3)] == [2, 3, 4]
    assert caplog.text.count("the oldest is dropped") == 2


async def test_an_address_that_is_none_harms_nobody(
    receiver: Receiver, hook: Webhook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "PAUSES", ())
    look_up = socket.getaddrinfo

    def knows_no_names(host: str, *others: Any) -> Any:
        """At once, however long the machine's own name server takes."""
        if host == "no.such.host.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *others)

    monkeypatch.setattr(socket, "getaddrinfo", knows_no_names)
    for address in ("http://127.0.0.1:99999/word", "http://no.such.host.invalid/word", "http://127.0.0.1:1/word"):
        hook.post(address, numbered(1))
    hook.post(receiver.url, numbered(2))

    assert await receiver.next() == {"number": 2}
    assert caplog.text.count("which is given up") == 3
    assert "word" not in caplog.text


async def test_a_name_that_nobody_looks_up_keeps_no_thread_from_calls(
    hook: Webhook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "TRY_SECONDS", 0.1)
    monkeypatch.setattr(webhook, "PAUSES", ())
    asked, answered = threading.Event(), threading.Event()

    def hang(*_arguments: object) -> list[object]:
        asked.set()
        answered.wait(10 * LIMIT)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    try:
        hook.post("http://hooks.example/word", numbered(1))
        await holds(asked.is_set)

        assert await asyncio.wait_for(asyncio.to_thread(lambda: "done"), LIMIT) == "done"

        await holds(lambda: "hooks.example took no post, which is given up" in caplog.text)
    finally:
        answered.set()


async def test_a_stop_tries_once_more_and_does_not_wait_for_silence(
    receiver: Receiver, hook: Webhook, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "PAUSES", (10 * LIMIT,))
    receiver.answers += [503]
    hook.post(receiver.url, numbered(1))

    # A try that is under way at the stop is the last one.
    await holds(lambda: "which is tried again: it answered 503" in caplog.text)
    await hook.stop(LIMIT)
    assert await receiver.next() == {"number": 1}

    receiver.fall_silent()
    second = Webhook()
    second.post(receiver.url, numbered(2))
    begun = asyncio.get_running_loop().time()
    await second.stop(0.2)
    assert asyncio.get_running_loop().time() - begun < webhook.TRY_SECONDS - 1
    second.post(receiver.url, numbered(3))
    assert receiver.waiting == 0
