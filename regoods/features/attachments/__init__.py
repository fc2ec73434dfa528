"""Attachments: pictures that somebody uploads, sends the address of, and everybody who has the address sees.

    POST /api/v1/messages/attachments   multipart `file`: 201 {url}, absolute
    GET  /attachments/:name             the picture; no token, for an <img> sends none

Events: none. Hears `message_deleted`: a picture whose last message is deleted goes, too.

An upload walks `routes.py` → `form.py` (multipart, onto disk as it comes) → `images.py` (all but the picture is left
out, by `formats.py`; the rest decoded by Pillow) → `store.py` (local disk, S3, Azure). `periodic.py` takes away what
nobody sent, and what was deleted.
"""

from regoods.core.feature import Feature, Periodic
from regoods.features.attachments import actions, store
from regoods.features.attachments.periodic import SWEEP_MS, sweep
from regoods.features.attachments.routes import ROUTES

FEATURE = Feature(
    name="attachments",
    routes=ROUTES,
    periodic=(Periodic(sweep, SWEEP_MS),),
    hears={"message_deleted": actions.message_deleted},
    prepare=lambda _session, settings, _now: store.probe(settings.attachments_url),
)
