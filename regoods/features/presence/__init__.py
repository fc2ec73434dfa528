"""Presence: who is online.

Adds `isOnline` to previews and conversations, by the partner's user id: an open socket at this moment, on any node,
without grace.

Event: `{"type":"presence","userId","isOnline","lastSeenAt"}` to the sockets of the user's partners: those who have
a message with him that is not deleted. "Online" when his first socket opens, "offline" 5 s after the last one closed,
with that moment as `lastSeenAt`; who comes back meanwhile, as with a reload of the page, makes neither. The server's
own stop makes none.

Between two of whom one blocks the other there is no event, and `isOnline` is false.

No URLs, no frames.
"""

from regoods.core.feature import Feature, Periodic
from regoods.features.presence.actions import online_fields
from regoods.features.presence.comings import arrived, departed
from regoods.features.presence.events import Presence
from regoods.features.presence.periodic import announce

ANNOUNCE_MS = 100

FEATURE = Feature(
    name="presence",
    events=(Presence,),
    enriches={"conversations": online_fields},
    arrivals=(arrived,),
    departures=(departed,),
    periodic=(Periodic(announce, ANNOUNCE_MS),),
)
