"""Users: who may call, and how a person is shown. ReGoods owns the accounts; nothing here changes them.

No URLs, no frames, no events.
"""

from regoods.core.feature import Feature
from regoods.features.users.actions import require_caller

FEATURE = Feature(name="users", guard=require_caller)
