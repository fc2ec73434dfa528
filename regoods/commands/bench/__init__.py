"""`run.py bench`: a bounded load against a server that runs on this machine, in development, and what the owner's plan
wants beside what was measured.

It writes messages that stay. One process makes the load; where that was the bottleneck, it says so. What others need to
be compared with is measured by `make bench`.
"""

import argparse
import asyncio
import gc
import resource
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from regoods.commands.command import CANNOT, DONE, INTERRUPTED, NOT_SO, Command, begin
from regoods.commands.running import Unreachable, add_address, address_of
from regoods.commands.token import check_mints, demo_token
from regoods.core.settings import SettingsError

if TYPE_CHECKING:
    from regoods.commands.bench.allowance import Wanted
    from regoods.commands.bench.load import Load

MOST_SOCKETS = 20_000
"""One address has 28,000 ports to dial from."""
MOST_RATE = 5_000
MOST_SECONDS = 120


def arguments(parser: argparse.ArgumentParser) -> None:
    for name, default, least, most, meaning in (
        ("--sockets", 1_000, 2, MOST_SOCKETS, "sockets that are open meanwhile"),
        ("--rate", 200, 1, MOST_RATE, "messages a second"),
        ("--seconds", 10, 1, MOST_SECONDS, "how long they are sent"),
    ):
        parser.add_argument(
            name,
            type=_whole(least, most),
            default=default,
            metavar="N",
            help=f"{meaning}: {default} where left out, {most:,} at most",
        )
    add_address(parser)


def run(options: argparse.Namespace) -> int:
    settings = begin(tokens=True)
    server = address_of(settings, options.url)
    if not server.is_here:
        raise SettingsError(
            f"bench loads servers of this machine only, by an address such as 127.0.0.1: {server} is none."
        )
    # In production there are no demo users for it to write as.
    check_mints(settings)
    from regoods.commands.bench.allowance import Refused, Wanted, learn
    from regoods.commands.bench.load import Load
    from regoods.commands.bench.processes import listening_on

    wanted = Wanted(options.sockets, options.rate, options.seconds)
    try:
        server.check()
        processes = listening_on(server.port)
        allowed = learn(server, settings, wanted, processes, raise_own_files())
        tokens = [demo_token(settings, user_id) for user_id in range(1, allowed.users + 1)]
        return asyncio.run(_run(Load(server, processes, tokens, allowed, wanted.seconds), wanted))
    except (Unreachable, Refused) as error:
        print(error, file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def raise_own_files() -> int:
    """How many files this process may open, after it was raised as far as it goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


async def _run(load: "Load", wanted: "Wanted") -> int:
    from regoods.commands.bench.progress import Bars
    from regoods.commands.bench.report import report
    from regoods.commands.screen import console

    loop = asyncio.get_running_loop()

    def stop() -> None:
        # A second Ctrl+C ends it without a table.
        loop.remove_signal_handler(signal.SIGINT)
        load.stopping = True

    loop.add_signal_handler(signal.SIGINT, stop)
    # A full collection among 10,000 sockets would stop the timetable for some 50 ms.
    gc.collect()
    gc.disable()
    async with Bars(load):
        await load.run()
    console().print(report(load.outcome, wanted, load.allowed))
    if load.stopping:
        return INTERRUPTED
    return DONE if load.outcome.is_clean else NOT_SO


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most:,}")
        return int(text)

    return parse


COMMAND = Command(
    "bench",
    "load a running server of this machine, in development, and compare it with the plan's targets",
    run,
    arguments,
    "Load a running server of this machine, in development. It writes messages between its demo users, which stay.",
)
