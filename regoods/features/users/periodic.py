"""What is done again and again: the sockets of those who have been deactivated since they opened are closed."""

import asyncio

from regoods.core.errors import ServiceUnavailable
from regoods.core.feature import Services
from regoods.features.users import actions

ASKED_AT_ONCE = 300
"""Users looked up in one unit: some ms of one reader's time, while the other one serves callers."""


async def dismiss_inactive(services: Services) -> None:
    """Look through all who have a socket in this process; other nodes look through theirs."""
    everybody = services.users_here()
    for start in range(0, len(everybody), ASKED_AT_ONCE):
        try:
            gone = await services.work.run(actions.gone_of, 0, everybody[start : start + ASKED_AT_ONCE])
        except ServiceUnavailable:
            # Nobody is known to be inactive by a database that does not answer. The next round asks again.
            return
        for user_id in gone:
            services.dismiss(user_id)
        await asyncio.sleep(0)
