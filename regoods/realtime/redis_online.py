"""Which users have a socket on any node, asked by worker threads: one round trip for all of them."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import redis
from cachetools import LRUCache
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry

from regoods.core.redis_link import CLUSTER, FAILURES

READ_SECONDS = 0.25
"""A reader thread waits no longer: it has others to serve."""

PAUSE_SECONDS = 1.0
"""After a failure nobody waits for Redis for so long."""

KNOWN = 50_000
"""Users of whom it is remembered that they were online, those asked about last: 10 MB."""

AT_ONCE = 1000


class OnlineReader:
    """From any thread. `key` names what exists while a user has a socket, `young` what exists while Redis is too young
    to know all; `ready` says whether it is worth asking."""

    def __init__(self, url: str, key: Callable[[int], bytes], young: bytes, ready: Callable[[], bool]) -> None:
        self._url = url
        self._key = key
        self._young = young
        self._ready = ready
        self._lock = threading.Lock()
        self._known: LRUCache[int, int] = LRUCache(KNOWN)
        """With the connection by which he was seen last."""
        self._connection = 0
        self._opening = threading.Lock()
        self._client: Any = None
        self._resume_at = 0.0

    def reconnected(self) -> None:
        """Redis may have forgotten all since: who is not there any more may not be there yet again."""
        self._connection += 1

    def among(self, user_ids: Collection[int]) -> set[int]:
        """Those of them who are online; what was last known where Redis cannot say."""
        asked = list(user_ids)
        answers = self._ask(asked)
        if answers is None:
            return {user_id for user_id in asked if self.was_online(user_id)}
        found, complete = answers
        with self._lock:
            for user_id in asked:
                if user_id in found:
                    self._known[user_id] = self._connection
                elif complete or self._known.get(user_id) == self._connection:
                    self._known.pop(user_id, None)
            return {user_id for user_id in asked if user_id in self._known}

    def was_online(self, user_id: int) -> bool:
        """As last known, without asking."""
        with self._lock:
            return user_id in self._known

    def forget(self, user_id: int) -> None:
        """What was known of him is not true any more."""
        with self._lock:
            self._known.pop(user_id, None)

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _ask(self, user_ids: list[int]) -> tuple[set[int], bool] | None:
        """Those found, and whether Redis knew of all; None where it did not say."""
        if not self._ready() or time.monotonic() < self._resume_at:
            return None
        try:
            found: set[int] = set()
            young = False
            for start in range(0, len(user_ids), AT_ONCE):
                part = user_ids[start : start + AT_ONCE]
                pipeline = self._connected().pipeline(transaction=False)
                pipeline.exists(self._young)
                for user_id in part:
                    pipeline.exists(self._key(user_id))
                is_young, *answers = pipeline.execute()
                young = young or bool(is_young)
                found.update(user_id for user_id, exists in zip(part, answers, strict=True) if exists)
            return found, not young
        except FAILURES:
            self._resume_at = time.monotonic() + PAUSE_SECONDS
            return None

    def _connected(self) -> Any:
        with self._opening:
            if self._client is None:
                given: dict[str, Any] = {
                    "socket_timeout": READ_SECONDS,
                    "socket_connect_timeout": READ_SECONDS,
                    "retry": Retry(NoBackoff(), 0),
                    "protocol": 2,
                }
                if CLUSTER in self._url.partition("://")[0]:
                    self._client = RedisCluster.from_url(self._url.replace(CLUSTER, "", 1), **given)
                else:
                    self._client = redis.Redis.from_url(self._url, **given)
            return self._client
