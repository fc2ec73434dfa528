"""Who is online, for those who may know."""

from collections.abc import Sequence

from regoods.core.work import Work, reads_for_anyone
from regoods.features.presence import queries
from regoods.features.presence.events import OnlineFields


def online_fields(work: Work, user_id: int, partner_ids: Sequence[int]) -> dict[int, OnlineFields]:
    """`isOnline` of each partner, as this user may know it: of a stranger it is never true.

    Who may know is asked first, so that the look-ups are the same whether a stranger is there or not.
    """
    known = queries.in_touch(work.session, user_id, partner_ids)
    online = work.online(known) if known else known
    return {partner_id: OnlineFields(is_online=partner_id in online) for partner_id in partner_ids}


@reads_for_anyone
def online_partners(work: Work, _user_id: int, came: Sequence[int], gone: Sequence[int]) -> dict[int, list[int]]:
    """Of each of these users the partners who are online and may know of him; none of one who is not gone after all."""
    back = work.online(gone) if gone else set()
    told_of = [*came, *(user_id for user_id in gone if user_id not in back)]
    partners = {user_id: queries.partners(work.session, user_id) for user_id in told_of}
    online = work.online({partner_id for some in partners.values() for partner_id in some})
    return {user_id: [one for one in some if one in online] for user_id, some in partners.items()}
