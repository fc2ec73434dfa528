"""Takes away what no message uses: uploads never sent, pictures of deleted messages, remains of refused uploads."""

from regoods.core.errors import ServiceUnavailable
from regoods.core.feature import Services
from regoods.features.attachments import actions, rules, store

SWEEP_MS = 2_000
"""So soon a deleted message's picture is gone; an idle look is one step of an index."""


async def sweep(services: Services) -> None:
    """Look at all uploads that are due. What cannot be removed now is tried again in an hour."""
    url = services.settings.attachments_url
    try:
        while due := await services.work.run(actions.due, 0):
            # Not before they were found due: what was due later than that would be so again, without an end.
            now = services.clock.now()
            looked_at = []
            for upload in due:
                removed = upload.used_by is None and (
                    upload.url is None or await store.remove(url, rules.name_of(upload.url))
                )
                looked_at.append((upload, rules.check_again(upload, now, removed=removed)))
            if not await services.work.run(actions.settle, 0, looked_at):
                # Another node has swept them, or their messages were deleted meanwhile.
                return
    except ServiceUnavailable:
        # Logged where the database refused; the next sweep comes soon.
        return
