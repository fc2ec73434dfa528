"""Users: who may call, and how a person is shown. ReGoods owns the accounts; nothing here changes them.

Whoever is deactivated is refused at once, and his open sockets are closed within a minute (1008 `Invalid token`).

No URLs, no frames, no events.
"""

from regoods.core.feature import Feature, Periodic
from regoods.features.users.actions import require_caller
from regoods.features.users.periodic import dismiss_inactive

ROUND_MS = 15_000

FEATURE = Feature(name="users", guard=require_caller, periodic=(Periodic(dismiss_inactive, ROUND_MS),))
"""What every other feature asks of users."""
