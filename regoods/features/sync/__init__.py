"""Sync: a log of each user's events, numbered 1, 2, 3, …, in which a client finds what it missed.

    GET /api/v1/messages/sync?since=0&limit=100   {events, latest, more, complete}

Every event that an action publishes is an entry in the log of each user who hears of it, written in the transaction of
the change it tells of. On the wire it carries that number as `seq` beside its `type`; `connected` carries the newest as
`latest`. Typing, presence, pong and error are no entries and carry none. A conversation read is one entry,
`conversation_read`; the `message_read` events pushed with it repeat its number. Kept for 30 days.

A client keeps the number it has reached. After `connected`, or an event that is not the next one, it asks for what is
behind it until `more` is false; what it has already is dropped by its number. `complete: false`: the log no longer
reaches back so far, fetch afresh.

Other programs may insert into `Messages`: a walk over the ids finds what is in nobody's log, logs it and pushes it.

No frames. Events: none of its own.
"""

from regoods.core.feature import Feature, Periodic
from regoods.core.outbox import EventLog
from regoods.features.sync.periodic import adopt, sweep
from regoods.features.sync.queries import append, holds, latest, latest_of
from regoods.features.sync.routes import ROUTES

ADOPT_MS = 1_000
SWEEP_MS = 600_000

FEATURE = Feature(
    name="sync",
    routes=ROUTES,
    log=EventLog(append=append, latest=latest, latest_of=latest_of, holds=holds),
    periodic=(Periodic(adopt, ADOPT_MS), Periodic(sweep, SWEEP_MS)),
)
