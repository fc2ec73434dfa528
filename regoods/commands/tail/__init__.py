"""`run.py tail --user N`: the live events of one user, a line each, in development."""

import argparse
import asyncio
import logging
import sys

from regoods.commands.arguments import user_id
from regoods.commands.command import CANNOT, DONE, Command, begin
from regoods.commands.running import Unreachable, add_address, address_of
from regoods.commands.token import check_mints


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--user", type=user_id, required=True, metavar="N", help="whose events")
    add_address(parser)


def run(options: argparse.Namespace) -> int:
    from regoods.commands.tail.follower import Follower
    from regoods.commands.tail.lines import Lines

    settings = begin(tokens=True)
    check_mints(settings)
    # At `debug` it would log the handshake, and the token in it.
    logging.getLogger("websockets").setLevel(logging.INFO)
    lines, server = Lines(), address_of(settings, options.url)
    try:
        server.check()
        asyncio.run(Follower(server, settings, options.user, lines.show, lines.say).follow())
    except Unreachable as unreachable:
        print(unreachable, file=sys.stderr)
        return CANNOT
    except KeyboardInterrupt:
        lines.say("Ended.")
    return DONE


COMMAND = Command("tail", "print the events of one user as they come, in development, until Ctrl+C", run, arguments)
