"""The Redis that joins nodes. A server starts without it, and does without."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from regoods.commands.checks.finding import Finding, advice, bad, good
from regoods.community import WRONG_REDIS_URL
from regoods.core.settings import Settings

TRIES = 5
SLOW_MS = 10.0
"""A send whose recipient is on another node waits for a round trip; from one machine to its neighbour it takes 0.5."""


def look(settings: Settings) -> Iterator[Finding]:
    if not settings.redis_url:
        yield good("Redis", "none is set, so this process is alone")
        return
    # Who is alone needs no Redis client.
    import redis
    from redis.backoff import NoBackoff
    from redis.cluster import RedisCluster
    from redis.retry import Retry

    from regoods.core.redis_link import CLUSTER, FAILURES, REPLY_SECONDS, can_be_tried

    if not can_be_tried(settings.redis_url):
        yield bad(WRONG_REDIS_URL)
        return
    is_cluster = CLUSTER in settings.redis_url.partition("://")[0]
    kind: Any = RedisCluster if is_cluster else redis.Redis
    options: dict[str, Any] = {"socket_timeout": REPLY_SECONDS, "socket_connect_timeout": REPLY_SECONDS}
    if not is_cluster:
        options["retry"] = Retry(NoBackoff(), 0)
    try:
        client = kind.from_url(settings.redis_url.replace(CLUSTER, "", 1), **options)
        yield _pace(client)
        yield from _memory(client)
        yield from _rights(client, settings.redis_prefix, sharded=is_cluster)
    except FAILURES as error:
        # Without the URL, which may hold a password.
        yield advice(
            "Redis",
            f"it does not answer as it should ({type(error).__name__}), so each node would go by itself",
            "Is it running, and does REDIS_URL name its address, user and password?",
        )


def _pace(client: Any) -> Finding:
    taken = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        client.ping()
        taken.append(1000 * (time.perf_counter() - begun))
    text = f"answers in {min(taken):.1f} ms"
    if min(taken) > SLOW_MS:
        return advice("Redis", text, "Put it nearer: each delivery to another node waits for it.")
    return good("Redis", text)


def _memory(client: Any) -> Iterator[Finding]:
    found = _info(client, "memory")
    policy, most = found.get("maxmemory_policy", "noeviction"), int(found.get("maxmemory", 0))
    if most and policy != "noeviction":
        yield advice(
            "Redis",
            f"where its memory is full it forgets keys ({policy}), ours among them: who is online, and how often",
            "CONFIG SET maxmemory-policy noeviction, or a Redis for this alone.",
        )


def _info(client: Any, section: str) -> dict[str, Any]:
    """Of one server; nothing where this user may not ask."""
    from redis.exceptions import ResponseError

    try:
        found: dict[str, Any] = client.info(section)
    except ResponseError:
        return {}
    # A cluster answers with one a server.
    return next(iter(found.values())) if found and all(isinstance(one, dict) for one in found.values()) else found


def _rights(client: Any, prefix: str, *, sharded: bool) -> Iterator[Finding]:
    from redis.exceptions import NoScriptError, ResponseError

    key = f"{prefix}:check"
    publish = "SPUBLISH" if sharded else "PUBLISH"
    tries: dict[str, Callable[[], Any]] = {
        publish: lambda: client.execute_command(publish, key, ""),
        "EVAL": lambda: client.eval("return redis.call('EXISTS', KEYS[1])", 1, key),
        "EVALSHA": lambda: client.evalsha("0" * 40, 1, key),
        "ZCARD": lambda: client.zcard(key),
        "EXISTS": lambda: client.exists(key),
    }
    refused = []
    for name, do in tries.items():
        try:
            do()
        except NoScriptError:
            # Nobody's, and so allowed.
            continue
        except ResponseError as error:
            refused.append(f"{name} ({str(error).partition(' ')[0]})")
    if refused:
        yield advice(
            "Redis",
            f"it refuses this user {', '.join(refused)}",
            f"ACL SETUSER <user> ~{prefix}:* &{prefix}:* +@all -@admin -@dangerous +info; a cluster wants Redis 7.",
        )
