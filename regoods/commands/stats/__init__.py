"""`run.py stats`: what a running server says of itself, as tables."""

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from regoods.commands.command import CANNOT, DONE, Command, begin
from regoods.commands.running import Address, Unreachable, add_address, address_of

CALLS = {
    "health": "/health",
    "ready": "/health/ready",
    "version": "/version",
    "websocketStats": "/health/websocket-stats",
    "alerts": "/health/alerts",
}
"""By the name that `--json` gives them. A server that lacks one is asked for it in vain."""

EVERY_SECONDS = 1.0


def arguments(parser: argparse.ArgumentParser) -> None:
    add_address(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--watch", action="store_true", help="again each second, until Ctrl+C")
    how.add_argument("--json", action="store_true", help="as JSON, one field a call")


def run(options: argparse.Namespace) -> int:
    server = address_of(begin(), options.url)
    try:
        if options.watch:
            with contextlib.suppress(KeyboardInterrupt):
                watch(server)
        elif options.json:
            print(json.dumps(look(server), indent=2))
        else:
            show(server)
    except Unreachable as unreachable:
        print(unreachable, file=sys.stderr)
        return CANNOT
    return DONE


def look(server: Address) -> dict[str, Any]:
    """What each of the calls answers; those that are not there are left out. Raises Unreachable."""
    server.check()
    replies = {name: server.ask(path) for name, path in CALLS.items()}
    # A server that is not ready says so with 503, and why.
    found = {name: reply.body for name, reply in replies.items() if reply.status in (200, 503)}
    return {name: body for name, body in found.items() if body and isinstance(body, dict)}


def show(server: Address) -> None:

    from regoods.commands.screen import console
    from regoods.commands.stats.tables import tables

    console().print(tables(str(server), look(server)))


def watch(server: Address) -> None:
    """For ever. Raises Unreachable where nothing answers to begin with; later it is said, and asked again."""
    from rich.live import Live

    from regoods.commands.screen import console
    from regoods.commands.stats.tables import tables, words

    def views() -> Iterator[Any]:
        yield tables(str(server), look(server))
        while True:
            time.sleep(EVERY_SECONDS)
            try:
                yield tables(str(server), look(server))
            except Unreachable as unreachable:
                yield words(str(unreachable))

    screen = console()
    if not screen.is_terminal:
        for view in views():
            screen.print(view)
        return
    coming = views()
    with Live(next(coming), console=screen, screen=True, auto_refresh=False) as live:
        for view in coming:
            live.update(view, refresh=True)


COMMAND = Command("stats", "show what a running server says of itself; 2 where none answers", run, arguments)
