"""Search: the caller's own messages by a part of their text, in any script, whatever the case.

    GET /api/v1/messages/search?query&userId?&limit=20&offset=0   Message[], newest first; `total` stops at 1,000

No frames, no events. On the embedded database an index (FTS5, trigrams) follows the messages within a second and a
query reads what it does not have yet; PostgreSQL keeps an index of its own; SQL Server reads the caller's messages.
How, what it costs and what it can miss: docs/search.md.
"""

from regoods.core.feature import Feature, Periodic
from regoods.features.search.actions import note_edit
from regoods.features.search.periodic import keep_up
from regoods.features.search.routes import ROUTES

FEATURE = Feature(
    name="search",
    routes=ROUTES,
    hears={"message_edited": note_edit},
    periodic=(Periodic(keep_up, interval_ms=1_000),),
)
