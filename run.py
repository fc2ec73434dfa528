"""Start the server, or do one of the commands: load settings, build, serve, drain on SIGTERM and SIGINT."""

import os
import signal
import sys

if __name__ == "__main__":
    interrupts = signal.getsignal(signal.SIGINT)
    if interrupts is not signal.SIG_IGN:
        # The imports take half a second, in which nothing is begun.
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))

import argparse
import asyncio
import contextlib
import errno
import functools
import gc
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from regoods import commands, workers
from regoods.app import BACKLOG, Application, make_app, make_inside_server, make_server
from regoods.commands.token import demo_token
from regoods.core import log, systemd, tracing
from regoods.core.settings import SETTINGS_ERROR, Settings, SettingsError, load_settings

PROGRAM = Path(__file__).absolute()
"""By the name it was started under: where that is a link to a release, replaced workers are of the next one."""

SWITCH_SECONDS = 0.0005
"""How long the loop's thread may keep the interpreter's lock from the writer's. At Python's 5 ms, a send at 1,000 a
second takes 5 ms in the median and 38 at p99; at this, 1 and 10."""


COLLECTOR = (2_000, 10, 100)
"""Thresholds of the garbage collector. As Python sets them, a full collection comes about once a thousand sends and
stops the loop for 60 to 110 ms with 8,000 sockets open. With what the start made set aside, none came in 8,000 sends
and the longest stop was 5 ms."""

LAST_SECONDS = 0.3
"""What an end that is drained waits for its threads: one that looks up a name may not be back for half a minute."""


def main(arguments: list[str]) -> int:
    try:
        code = obey(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
    except (BrokenPipeError, commands.Unread):
        workers.print_nowhere()
        return commands.UNREAD
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return commands.INTERRUPTED
    return code


def obey(arguments: list[str]) -> int:
    try:
        options = parse(arguments)
    except SystemExit as end:
        # Of argparse, after it has printed the help or what is wrong.
        return int(end.code or 0)
    try:
        return int(options.run(options))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return SETTINGS_ERROR
    finally:
        log.flush()


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py", description="ReGoods messaging")
    parser.set_defaults(run=begin_to_serve)
    parser.add_argument("--as-worker", type=int, nargs="+", help=argparse.SUPPRESS)
    parsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    serving = parsers.add_parser("serve", help="serve REST, WebSocket and, in development, the chat page (the default)")
    for one, default in ((parser, 1), (serving, argparse.SUPPRESS)):
        one.add_argument(
            "--workers",
            type=worker_count,
            default=default,
            metavar="N",
            help=f"serve with so many processes on one port, 1 to {workers.MOST}; more than one need REDIS_URL",
        )
    commands.add_to(parsers)
    options = parser.parse_args(arguments)
    if options.workers > 1 and options.command not in (None, "serve"):
        parser.error(f"--workers is for serving, not for {options.command}")
    return options


def worker_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= workers.MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes, a whole number from 1 to {workers.MOST}")
    return int(text)


def begin_to_serve(options: argparse.Namespace) -> int:
    settings = load_settings()
    inherited = workers.Inherited.read(options.as_worker) if options.as_worker else None
    sys.setswitchinterval(SWITCH_SECONDS)
    log.begin(settings, worker=inherited.number if inherited else None)
    if inherited:
        return asyncio.run(to_its_end(serve_as_worker(settings, inherited)))
    return asyncio.run(to_its_end(serve(settings, options.workers)))


async def to_its_end(serving: Coroutine[Any, Any, int]) -> int:
    """Its exit code; the process ends by it soon, whatever its threads are at."""
    code = await serving
    end = threading.Timer(LAST_SECONDS, end_at_once, [code])
    end.daemon = True
    end.start()
    return code


def end_at_once(code: int) -> None:
    log.flush()
    os._exit(code)


async def serve(settings: Settings, count: int) -> int:
    """The exit code, when all is drained."""
    if count > 1 and not settings.redis_url:
        raise SettingsError(
            f"--workers {count} needs REDIS_URL: without a Redis, what is sent in one process is not heard in another."
        )
    tracing.check(settings.otel_exporter_otlp_endpoint)
    handed_over = systemd.take_sockets()
    listening = handed_over or listen("PORT", settings.port, settings.host)
    inside = listen_inside(settings, count)
    app = make_app(settings)
    app.prepare_database()
    server = make_server(app)
    address, port, *_ = listening[0].getsockname()
    where = where_it_listens(settings, address if handed_over else settings.host, port)
    hello = functools.partial(announce, settings, where, app.database.shown, count)
    delay = settings.drain_delay / 1000
    alive = asyncio.ensure_future(systemd.report_alive())
    if count > 1:
        app.database.close()
        code = await workers.Crew(count, PROGRAM, listening, inside, hello, delay).serve()
    else:
        tracing.start(settings.otel_exporter_otlp_endpoint)
        stopping = start(app, server, listening, {signal.SIGTERM: delay, signal.SIGINT: delay})
        async with serving_inside(app, inside):
            hello()
            delay = await stopping
            workers.say_stopping()
            await app.stop(server, delay)
        tracing.stop()
        workers.say("Stopped.")
        code = 0
    alive.cancel()
    return code


async def serve_as_worker(settings: Settings, inherited: workers.Inherited) -> int:
    listening = inherited.sockets()
    app = make_app(settings)
    app.check_database()
    server = make_server(app)
    tracing.start(settings.otel_exporter_otlp_endpoint)
    stopping = start(app, server, listening, {signal.SIGTERM: settings.drain_delay / 1000, workers.LEAVE: 0})
    async with serving_inside(app, inherited.inside_sockets()):
        # Without its parent it is in the way of whoever is started anew: the port must be free.
        inherited.say_serving(orphaned=functools.partial(begin_to_stop, stopping, 0))
        await app.stop(server, await stopping)
    tracing.stop()
    return 0


@contextlib.asynccontextmanager
async def serving_inside(app: Application, listening: list[socket.socket]) -> AsyncIterator[None]:
    """Serve what METRICS_PORT is for, up to the end: how a process drains is seen there when nobody is accepted
    elsewhere any more."""
    server = make_inside_server(app)
    server.add_sockets(listening)
    yield
    server.stop()
    await server.close_all_connections()


def listen_inside(settings: Settings, count: int) -> list[socket.socket]:
    """One socket for each process, where METRICS_PORT is set. Raises SettingsError."""
    ports = range(settings.metrics_port, settings.metrics_port + count) if settings.metrics_port else ()
    return [one for port in ports for one in listen("METRICS_PORT", port, "127.0.0.1")]


def listen(name: str, port: int, host: str) -> list[socket.socket]:
    """`name`: the setting that the port is of. Raises SettingsError."""
    try:
        return bind_sockets(port, host, backlog=BACKLOG)
    except (socket.gaierror, UnicodeError):
        raise SettingsError(f"HOST={host!r} is wrong: no such host. Allowed: a name or address.") from None
    except OSError as error:
        remedy = (
            "End what listens there" if error.errno == errno.EADDRINUSE else "Set HOST to an address of this machine"
        )
        raise SettingsError(
            f"{name}={port} on HOST={host} cannot be used: {error.strerror}. {remedy}, or set another {name}."
        ) from None


def start(
    app: Application, server: HTTPServer, listening: list[socket.socket], ends: Mapping[signal.Signals, float]
) -> asyncio.Future[float]:
    """Begin to serve; done by the first of these signals, with how many seconds calls are to be taken after it."""
    app.start()
    server.add_sockets(listening)
    loop = asyncio.get_running_loop()
    stopping: asyncio.Future[float] = loop.create_future()
    for number, delay in ends.items():
        loop.add_signal_handler(number, begin_to_stop, stopping, delay)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)
    return stopping


def begin_to_stop(stopping: asyncio.Future[float], delay: float) -> None:
    """May be called twice: the first call counts."""
    if not stopping.done():
        stopping.set_result(delay)


def where_it_listens(settings: Settings, host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if settings.tls_cert_file else 'http'}://{name}:{port}"


def announce(settings: Settings, address: str, database: str, count: int) -> None:
    """Say that it serves."""
    how = settings.app_env + (f", {count} workers" if count > 1 else "")
    lines = [f"ReGoods messaging listens on {address} ({how}). Stop it with Ctrl+C.", f"Database:   {database}"]
    if not settings.ws_enabled:
        lines.append("Sockets:    none (WS_ENABLED=false): REST alone")
    if settings.metrics_port:
        others = f" (worker 1; the last one's port is {settings.metrics_port + count - 1})" if count > 1 else ""
        lines.append(f"Metrics:    http://127.0.0.1:{settings.metrics_port}/metrics{others}")
    if settings.debug_chat:
        lines.append(f"Chat page:  {address}/debug/chat   (open it in two windows)")
        lines.append(f"Contract:   {address}/debug/api")
    if settings.mints_tokens and settings.demo_data:
        for user_id in (1, 2):
            lines.append(f"Demo token of user {user_id}, good for 15 minutes:\n  {demo_token(settings, user_id)}")
    systemd.notify("READY=1", f"STATUS=Listening on {address}.")
    workers.say("\n".join(lines))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, interrupts)
    sys.exit(main(sys.argv[1:]))
