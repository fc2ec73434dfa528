"""Who is online, for those who may know."""

from collections.abc import Sequence

from regoods.core.work import Work, reads_for_anyone
from regoods.features.blocks.queries import users_apart_from
from regoods.features.presence import queries
from regoods.features.presence.events import OnlineFields


def online_fields(work: Work, user_id: int, partner_ids: Sequence[int]) -> dict[int, OnlineFields]:
    """`isOnline` of each partner, as this user may know it."""
    online = {partner_id for partner_id in partner_ids if work.is_online(partner_id)}
    if online:
        online -= users_apart_from(work.session, user_id)
    return {partner_id: OnlineFields(is_online=partner_id in online) for partner_id in partner_ids}


@reads_for_anyone
def online_partners(work: Work, _user_id: int, user_ids: Sequence[int]) -> dict[int, list[int]]:
    """Of each of these users the partners who are online and may know of him."""
    return {
        user_id: [partner_id for partner_id in queries.partners(work.session, user_id) if work.is_online(partner_id)]
        for user_id in user_ids
    }
