"""What presence adds to other features' answers."""

from collections.abc import Sequence

from regoods.core.wire import Shape
from regoods.core.work import Work


class OnlineFields(Shape):
    is_online: bool
    """An open socket at this moment, without grace."""


def online_fields(work: Work, user_ids: Sequence[int]) -> dict[int, OnlineFields]:
    return {user_id: OnlineFields(is_online=work.is_online(user_id)) for user_id in user_ids}
