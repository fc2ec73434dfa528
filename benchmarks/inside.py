"""Figures that nobody can take from outside, taken in a process of the product's own code.

Each runs in a fresh interpreter: `python -m benchmarks.inside NAME`, which prints one number. The clients are the load
generator's, in a process of their own.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tornado.netutil import bind_sockets

from benchmarks import means
from benchmarks.load.generator import Load, build
from benchmarks.tokens import mint
from regoods.app import Application, make_app, make_server
from regoods.core.settings import Settings
from run import SWITCH_SECONDS

SECRET = "a-secret-for-benchmarks-only-" * 2
CROWD = 1_000
SOCKETS = 10_000
EVENT = b'{"type":"message","message":{"messageContent":"' + b"x" * 350 + b'"}}'
"""404 bytes with its frame's header: a message as it usually is."""

PUSH_SECONDS = 3.0


@asynccontextmanager
async def serving(sockets: int, *, one_user: bool) -> AsyncIterator[tuple[Application, Load]]:
    """The product in this process on a free port, with that many open sockets, and who holds them."""
    _, fewer = means.allow_descriptors(sockets)
    if fewer:
        raise SystemExit(fewer)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            database_url=f"sqlite:///{folder}/bench.db",
            jwt_access_secret=SECRET,
            demo_users=sockets,
            ws_max_connections_per_user=CROWD,
            debug_chat=False,
        )
        app = make_app(settings)
        app.prepare_database()
        server = make_server(app)
        app.start()
        listening = bind_sockets(0, "127.0.0.1")
        server.add_sockets(listening)
        program, _ = build(Path(folder))
        users = [(number, mint(number, f"user{number}@example.com", SECRET)) for number in range(1, sockets + 1)]
        with Load(program, listening[0].getsockname()[1], users, Path(folder)) as load:
            opened = await asyncio.to_thread(load.open, 0, sockets, one_user=one_user)
            assert opened["opened"] == sockets, opened
            yield app, load
            await asyncio.to_thread(load.close)
        await app.stop(server)


async def bus_events_per_cpu_second() -> float:
    """Events written per CPU second of this process: one event to 1,000 sockets of a user, again and again."""
    async with serving(CROWD, one_user=True) as (app, _):
        written, cpu, until = app.metrics.events_sent, time.process_time(), time.monotonic() + PUSH_SECONDS
        while time.monotonic() < until:
            app.bus.publish((1,), EVENT)
            await asyncio.sleep(0)
        figure = (app.metrics.events_sent - written) / (time.process_time() - cpu)
        assert len(app.registry) == CROWD, "sockets were closed as slow: the clients did not keep up"
        return figure


async def longest_heartbeat_tick_ms() -> float:
    """The longest single tick of the heartbeat in one round over 10,000 open sockets, each of which is pinged.

    A tick costs the same whenever it comes; here one follows another without the quarter of a second between them.
    """
    async with serving(SOCKETS, one_user=False) as (app, _):
        app.heartbeat.stop()
        longest = 0.0
        for _ in range(app.registry.slices):
            start = time.perf_counter()
            app.heartbeat.tick()
            longest = max(longest, time.perf_counter() - start)
            await asyncio.sleep(0.005)
        assert len(app.registry) == SOCKETS, "the heartbeat closed sockets of clients that answer"
        return 1000 * longest


FIGURES: dict[str, Callable[[], Awaitable[float]]] = {
    figure.__name__: figure for figure in (bus_events_per_cpu_second, longest_heartbeat_tick_ms)
}


async def main() -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    print(json.dumps(await FIGURES[sys.argv[1]]()))


if __name__ == "__main__":
    asyncio.run(main())
