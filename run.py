"""Start the server, or do one of the commands: load settings, build, serve, drain on SIGTERM and SIGINT."""

import argparse
import asyncio
import errno
import functools
import gc
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from regoods import commands, workers
from regoods.app import BACKLOG, Application, make_app, make_server
from regoods.commands.token import demo_token
from regoods.core import logs
from regoods.core.settings import SETTINGS_ERROR, Settings, SettingsError, load_settings

PROGRAM = Path(__file__).resolve()

SWITCH_SECONDS = 0.0005
"""How long the loop's thread may keep the interpreter's lock from the writer's. At Python's 5 ms, a send at 1,000 a
second takes 5 ms in the median and 38 at p99; at this, 1 and 10."""


COLLECTOR = (2_000, 10, 100)
"""Thresholds of the garbage collector. As Python sets them, a full collection comes about once a thousand sends and
stops the loop for 60 to 110 ms with 8,000 sockets open. With what the start made set aside, none came in 8,000 sends
and the longest stop was 5 ms."""


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        return int(options.run(options))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return SETTINGS_ERROR


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
    logs.begin(settings, f"worker {inherited.number}" if inherited else "")
    if inherited:
        return asyncio.run(serve_as_worker(settings, inherited))
    return asyncio.run(serve(settings, options.workers))


async def serve(settings: Settings, count: int) -> int:
    if count > 1 and not settings.redis_url:
        raise SettingsError(
            f"--workers {count} needs REDIS_URL: without a Redis, what is sent in one process is not heard in another."
        )
    listening = listen(settings)
    app = make_app(settings)
    app.prepare_database()
    server = make_server(app)
    port = listening[0].getsockname()[1]
    if count > 1:
        app.database.close()
        hello = functools.partial(announce, settings, port, app.database.shown, count)
        return await workers.Crew(count, PROGRAM, listening, hello).serve()
    stopping = start(app, server, listening, (signal.SIGTERM, signal.SIGINT))
    announce(settings, port, app.database.shown)
    await stopping.wait()
    workers.say("Stopping: no new connections, what is in flight is answered.")
    await app.stop(server)
    workers.say("Stopped.")
    return 0


async def serve_as_worker(settings: Settings, inherited: workers.Inherited) -> int:
    listening = inherited.sockets()
    app = make_app(settings)
    app.check_database()
    server = make_server(app)
    stopping = start(app, server, listening, (signal.SIGTERM,))
    inherited.say_serving(orphaned=stopping.set)
    await stopping.wait()
    await app.stop(server)
    return 0


def listen(settings: Settings) -> list[socket.socket]:
    """Raises SettingsError."""
    try:
        return bind_sockets(settings.port, settings.host, backlog=BACKLOG)
    except (socket.gaierror, UnicodeError):
        raise SettingsError(f"HOST={settings.host!r} is wrong: no such host. Allowed: a name or address.") from None
    except OSError as error:
        remedy = (
            "End what listens there" if error.errno == errno.EADDRINUSE else "Set HOST to an address of this machine"
        )
        raise SettingsError(
            f"PORT={settings.port} on HOST={settings.host} cannot be used: {error.strerror}. "
            f"{remedy}, or set another PORT."
        ) from None


def start(
    app: Application, server: HTTPServer, listening: list[socket.socket], ends: Sequence[signal.Signals]
) -> asyncio.Event:
    """Begin to serve; the event is set by these signals."""
    app.start()
    server.add_sockets(listening)
    stopping = asyncio.Event()
    for number in ends:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)
    return stopping


def announce(settings: Settings, port: int, database: str, count: int = 1) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"{'https' if settings.tls_cert_file else 'http'}://{host}:{port}"
    how = settings.app_env + (f", {count} workers" if count > 1 else "")
    lines = [f"ReGoods messaging listens on {address} ({how}). Stop it with Ctrl+C.", f"Database:   {database}"]
    if settings.debug_chat:
        lines.append(f"Chat page:  {address}/debug/chat   (open it in two windows)")
        lines.append(f"Contract:   {address}/debug/api")
    if settings.mints_tokens and settings.demo_data:
        for user_id in (1, 2):
            lines.append(f"Demo token of user {user_id}, good for 15 minutes:\n  {demo_token(settings, user_id)}")
    workers.say("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
