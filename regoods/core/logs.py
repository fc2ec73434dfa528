"""The log of a process: lines on stderr."""

import logging
import sys

from regoods.core.settings import Settings


def begin(settings: Settings, who: str = "") -> None:
    """Log from here on. `who`: the process's name in each line, where there are several."""
    logging.basicConfig(
        level=settings.log_level.upper(),
        format=f"%(asctime)s %(levelname)s{f' {who}' if who else ''} %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # Tornado's lines on malformed requests quote them, tokens included.
    logging.getLogger("tornado.general").setLevel(logging.WARNING)
    # It warns of a connection that is closed with its transaction failed, and what failed is said by who closes it.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    # What a migration did is printed by the command.
    logging.getLogger("alembic").setLevel(logging.WARNING)
