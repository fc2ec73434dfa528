"""Who is online, as a reader thread asks Redis: what was last known where it cannot say, never "everyone offline"."""

from collections.abc import Callable, Iterator

import pytest

from regoods.realtime import redis_online
from regoods.realtime.redis_online import OnlineReader
from tests.support.people import LIMIT
from tests.support.redis import RedisServer

YOUNG = "young"


def key(user_id: int) -> bytes:
    return b"sockets:%d" % user_id


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers is waited for, however late a busy machine lets him."""
    assert redis_online.READ_SECONDS == 0.25
    monkeypatch.setattr(redis_online, "READ_SECONDS", LIMIT)


@pytest.fixture
def make(own_redis: RedisServer) -> Iterator[Callable[[], OnlineReader]]:
    made: list[OnlineReader] = []

    def new() -> OnlineReader:
        made.append(OnlineReader(own_redis.url, key, YOUNG.encode(), lambda: True))
        return made[-1]

    yield new
    for reader in made:
        reader.close()


def test_who_has_an_entry_is_online(own_redis: RedisServer, make: Callable[[], OnlineReader]) -> None:
    reader, users = make(), range(1, 2501)
    for user_id in (1, 1000, 1001, 2500):
        own_redis.client.set(key(user_id), 1)

    assert reader.among(users) == {1, 1000, 1001, 2500}
    own_redis.client.delete(key(1000))
    assert reader.among(users) == {1, 1001, 2500}
    assert not reader.was_online(1000)


def test_a_redis_that_does_not_answer_is_waited_for_once(
    own_redis: RedisServer, make: Callable[[], OnlineReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert redis_online.PAUSE_SECONDS == 1
    monkeypatch.setattr(redis_online, "READ_SECONDS", 1)
    monkeypatch.setattr(redis_online, "PAUSE_SECONDS", LIMIT)  # in which all that follows is asked
    reader = make()
    own_redis.client.set(key(1), 1)
    assert reader.among([1, 2]) == {1}
    waited: list[object] = []
    connected = reader._connected
    monkeypatch.setattr(reader, "_connected", lambda: waited.append(None) or connected())

    own_redis.freeze()
    for _ in range(100):
        assert reader.among([1, 2]) == {1}
    assert len(waited) == 1
    own_redis.kill()
    reader.forget(1)
    assert reader.among([1, 2]) == set()


def test_who_is_missing_in_a_redis_that_has_forgotten_all_is_what_he_was(
    own_redis: RedisServer, make: Callable[[], OnlineReader]
) -> None:
    reader = make()
    for user_id in (1, 2):
        own_redis.client.set(key(user_id), 1)
    assert reader.among([1, 2, 3]) == {1, 2}

    own_redis.empty()
    reader.reconnected()
    own_redis.client.set(YOUNG, 1)
    assert reader.among([1, 2, 3]) == {1, 2}
    own_redis.client.set(key(1), 1)
    assert reader.among([1, 2, 3]) == {1, 2}
    own_redis.client.delete(key(1))
    assert reader.among([1, 2, 3]) == {2}  # he came back, and has gone since

    own_redis.client.delete(YOUNG)
    assert reader.among([1, 2, 3]) == set()
