"""Start the server, or do one of the commands: load settings, build, serve, drain on SIGTERM and SIGINT."""

import argparse
import asyncio
import contextlib
import errno
import functools
import gc
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from regoods import migrations, workers
from regoods.app import Application, contract, make_app, make_inside_server, make_server
from regoods.core import backup, durability, indexes, log, schema, tracing
from regoods.core.clock import Clock
from regoods.core.database import file_to_make, open_database
from regoods.core.differences import MIGRATE
from regoods.core.settings import SETTINGS_ERROR, Settings, SettingsError, load_settings
from regoods.core.tokens import LARGEST_ID, is_id, mint
from regoods.features.api_docs import asyncapi, openapi, typescript
from regoods.migrations import text

PROGRAM = Path(__file__).resolve()

BACKLOG = 4096
"""New connections that may wait to be accepted, where the system allows it (net.core.somaxconn). Tornado's 128 are full
when thousands come back after a restart; a client that finds it so tries again after 1, 3, 7 and 15 s."""

DIFFERENT = 1
INTERRUPTED = 130

SWITCH_SECONDS = 0.0005
"""How long the loop's thread may keep the interpreter's lock from the writer's. At Python's 5 ms, a send at 1,000 a
second takes 5 ms in the median and 38 at p99; at this, 1 and 10."""


COLLECTOR = (2_000, 10, 100)
"""Thresholds of the garbage collector. As Python sets them, a full collection comes about once a thousand sends and
stops the loop for 60 to 110 ms with 8,000 sockets open. With what the start made set aside, none came in 8,000 sends
and the longest stop was 5 ms."""


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.command == "types":
        print(typescript.types(openapi.document(contract()), asyncapi.document(contract())), end="")
        return 0
    try:
        settings = load_settings(tokens=options.command not in ("check", "migrate", "backup"))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return SETTINGS_ERROR
    inherited = workers.Inherited.read(options.as_worker) if options.as_worker else None
    sys.setswitchinterval(SWITCH_SECONDS)
    form = log.form_of(settings.log_format, production=not settings.development)
    log.set_up(settings.log_level, form, worker=inherited.number if inherited else None)
    # Tornado's lines on malformed requests quote them, tokens included.
    logging.getLogger("tornado.general").setLevel(logging.WARNING)
    # It warns of a connection that is closed with its transaction failed, and what failed is said by who closes it.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    # What a migration did is printed by the command.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        if options.command == "token":
            return print_token(settings, options.user)
        if options.command == "check":
            return print_differences(settings)
        if options.command == "migrate":
            return migrate(settings, as_sql=options.sql)
        if options.command == "backup":
            return back_up(settings, options.file)
        if inherited:
            return asyncio.run(serve_as_worker(settings, inherited))
        return asyncio.run(serve(settings, options.workers))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return SETTINGS_ERROR
    finally:
        log.flush()


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py", description="ReGoods messaging")
    parser.add_argument("--as-worker", type=int, nargs="+", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command")
    serving = commands.add_parser(
        "serve", help="serve REST, WebSocket and, in development, the chat page (the default)"
    )
    for one, default in ((parser, 1), (serving, argparse.SUPPRESS)):
        one.add_argument(
            "--workers",
            type=worker_count,
            default=default,
            metavar="N",
            help=f"serve with so many processes on one port, 1 to {workers.MOST}; more than one need REDIS_URL",
        )
    token = commands.add_parser("token", help="print an access token that lives 15 minutes, in development")
    token.add_argument("--user", type=user_id, required=True, help="the user id it speaks for")
    commands.add_parser(
        "check", help="compare the database with what is needed; 1 where a server would not start on it"
    )
    add = commands.add_parser("migrate", help="add our tables and indexes to the database; nothing there is changed")
    add.add_argument("--sql", action="store_true", help="print the statements for a DBA instead")
    copy = commands.add_parser("backup", help="copy the embedded database to a new file, while servers use it")
    copy.add_argument("file", type=Path, metavar="FILE", help="where to; it must not be there yet")
    commands.add_parser("types", help="print the TypeScript types of what the server speaks")
    options = parser.parse_args(arguments)
    if options.workers > 1 and options.command not in (None, "serve"):
        parser.error(f"--workers is for serving, not for {options.command}")
    return options


def worker_count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= workers.MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes, a whole number from 1 to {workers.MOST}")
    return int(text)


def user_id(text: str) -> int:
    if not text.isdecimal() or not is_id(int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no user id, a whole number from 1 to {LARGEST_ID}")
    return int(text)


def print_differences(settings: Settings) -> int:
    new_file = file_to_make(settings)
    if new_file is not None:
        print(f"Database: sqlite:///{new_file}")
        print("There is no such file yet. A start in development makes it, with all that is needed.")
        return 0
    database = open_database(settings, looks_only=True)
    database.probe()
    print(f"Database: {database.shown}")
    report = schema.check(database)
    made_at_start = database.embedded and settings.development
    refusals = report.left_by_migrate if made_at_start else report.refusals
    if made_at_start:
        print_list("A start in development adds:", [one for one in report.refusals if one not in refusals])
    print_list("A server does not start until these are mended:", refusals)
    print_list("Advice:", [*report.advice, *durability.advice(database), *migrations.advice(database)])
    if not refusals:
        print("A server can start on it.")
    return DIFFERENT if refusals else 0


def print_list(title: str, several: Sequence[object]) -> None:
    if several:
        print(title, *several, sep="\n- ")


def migrate(settings: Settings, *, as_sql: bool) -> int:
    database = open_database(settings, patient=True, create=not as_sql, looks_only=as_sql)
    if as_sql:
        print(text.of_all_revisions(database), end="")
        return 0
    database.probe()
    before, broken = schema.inventory(database), indexes.broken(database)
    try:
        migrations.upgrade(database)
    except KeyboardInterrupt:
        print(f"Interrupted. What was added stays; {MIGRATE} adds the rest.", file=sys.stderr)
        return INTERRUPTED
    rebuilt = {f"index {name}, built anew" for name in broken - indexes.broken(database)}
    added = sorted((schema.inventory(database) - before) | rebuilt)
    print_list(f"Added to {database.shown}:", added)
    if not added:
        print(f"There was nothing to add to {database.shown}.")
    report = schema.check(database)
    print_list("A server does not start until these are mended:", report.refusals)
    print_list("Advice:", report.advice)
    return SETTINGS_ERROR if report.refusals else 0


def back_up(settings: Settings, file: Path) -> int:
    database = open_database(settings, looks_only=True)
    if not database.embedded:
        print(backup.servers_own(database.url), file=sys.stderr)
        return SETTINGS_ERROR
    source, copy = Path(str(database.url.database)), file.absolute()
    try:
        size = backup.back_up(source, copy)
    except backup.BackupError as error:
        print(f"{error}.", file=sys.stderr)
        return SETTINGS_ERROR
    except KeyboardInterrupt:
        print("Interrupted. Nothing was left behind.", file=sys.stderr)
        return INTERRUPTED
    print(f"Backed up {source} to {copy}: {size:,} bytes.")
    print(f"To restore it, stop the server, then:\n  {backup.restore_command(source, copy)}")
    return 0


def print_token(settings: Settings, user_id: int) -> int:
    if not settings.development:
        print("Tokens are minted in development only; in production ReGoods issues them.", file=sys.stderr)
        return SETTINGS_ERROR
    if not settings.mints_tokens:
        print("Without JWT_ACCESS_SECRET there is nothing to sign a token with: ReGoods issues them.", file=sys.stderr)
        return SETTINGS_ERROR
    print(demo_token(settings, user_id))
    return 0


def demo_token(settings: Settings, user_id: int) -> str:
    return mint(settings.jwt_access_secret, user_id, f"user{user_id}@demo.regoods.example", Clock().now())


async def serve(settings: Settings, count: int) -> int:
    if count > 1 and not settings.redis_url:
        raise SettingsError(
            f"--workers {count} needs REDIS_URL: without a Redis, what is sent in one process is not heard in another."
        )
    tracing.check(settings.otel_exporter_otlp_endpoint)
    listening = listen("PORT", settings.port, settings.host)
    inside = listen_inside(settings, count)
    app = make_app(settings)
    app.prepare_database()
    server = make_server(app)
    port = listening[0].getsockname()[1]
    if count > 1:
        app.database.close()
        hello = functools.partial(announce, settings, port, app.database.shown, count)
        return await workers.Crew(count, PROGRAM, listening, inside, hello).serve()
    tracing.start(settings.otel_exporter_otlp_endpoint)
    stopping = start(app, server, listening, (signal.SIGTERM, signal.SIGINT))
    async with serving_inside(app, inside):
        announce(settings, port, app.database.shown)
        await stopping.wait()
        workers.say("Stopping: no new connections, what is in flight is answered.")
        await app.stop(server)
    tracing.stop()
    workers.say("Stopped.")
    return 0


async def serve_as_worker(settings: Settings, inherited: workers.Inherited) -> int:
    listening = inherited.sockets()
    app = make_app(settings)
    app.check_database()
    server = make_server(app)
    tracing.start(settings.otel_exporter_otlp_endpoint)
    stopping = start(app, server, listening, (signal.SIGTERM,))
    async with serving_inside(app, inherited.inside_sockets()):
        inherited.say_serving(orphaned=stopping.set)
        await stopping.wait()
        await app.stop(server)
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
    if settings.metrics_port:
        others = f" (worker 1; the last one's port is {settings.metrics_port + count - 1})" if count > 1 else ""
        lines.append(f"Metrics:    http://127.0.0.1:{settings.metrics_port}/metrics{others}")
    if settings.debug_chat:
        lines.append(f"Chat page:  {address}/debug/chat   (open it in two windows)")
        lines.append(f"Contract:   {address}/debug/api")
    if settings.mints_tokens and settings.demo_data:
        for user_id in (1, 2):
            lines.append(f"Demo token of user {user_id}, good for 15 minutes:\n  {demo_token(settings, user_id)}")
    workers.say("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
