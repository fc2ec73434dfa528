"""What is done again and again: bringing the embedded database's index up to date."""

import asyncio

from regoods.core.errors import ServiceUnavailable
from regoods.core.feature import Services
from regoods.features.search import actions

BUSY_SECONDS = 0.8
"""Of a second's round."""


async def keep_up(services: Services) -> None:
    """Bring the embedded database's index up to date, leaving the writer as long to others as to itself.

    Where another node is at it, this round is left to that one: together they would leave the writer to nobody.
    """
    if not services.work.embedded:
        return
    loop = asyncio.get_running_loop()
    end = loop.time() + BUSY_SECONDS
    reached = None
    try:
        while loop.time() < end and await services.work.run(actions.is_behind, 0, reached):
            begun = loop.time()
            reached = await services.work.run(actions.follow, 0)
            await asyncio.sleep(loop.time() - begun)
    except ServiceUnavailable:
        # Said already where it happened; the next round comes in a second.
        return
