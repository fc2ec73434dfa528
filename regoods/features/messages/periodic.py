"""What is done again and again: forgetting idempotency keys whose day is over."""

import contextlib

from regoods.core.errors import ServiceUnavailable
from regoods.core.feature import Services
from regoods.features.messages import actions


async def forget_keys(services: Services) -> None:
    with contextlib.suppress(ServiceUnavailable):
        await services.work.run(actions.forget_keys, 0)
