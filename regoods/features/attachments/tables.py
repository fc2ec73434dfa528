"""Ours: who uploaded what, and when to look whether it is still needed."""

import sqlalchemy as sa

from regoods.core.database import UtcDateTime, metadata
from regoods.features.conversations.tables import messages

uploads = sa.Table(
    "MessagingUploads",
    metadata,
    sa.Column("UploadID", sa.Integer, key="upload_id", primary_key=True),
    sa.Column("UserID", sa.Integer, key="user_id", nullable=False),
    # As a message names it; NULL until the picture is stored.
    sa.Column("URL", sa.String(500), key="url"),
    sa.Column("IsRefused", sa.Boolean, key="is_refused", nullable=False),
    sa.Column("CreatedAt", UtcDateTime, key="created_at", nullable=False),
    # When the sweep is to look for a message with it; without one the file goes.
    sa.Column("CheckAt", UtcDateTime, key="check_at", nullable=False),
    info={"ours": True},
)
sa.Index("IX_MessagingUploads_UserID", uploads.c.user_id, uploads.c.created_at, info={"ours": True})
sa.Index("IX_MessagingUploads_CheckAt", uploads.c.check_at, info={"ours": True})
sa.Index("IX_MessagingUploads_URL", uploads.c.url, info={"ours": True})

_has_attachment = messages.c.attachment_url.is_not(None)
sa.Index(
    "IX_Messages_AttachmentURL",
    messages.c.attachment_url,
    info={"ours": True},
    sqlite_where=_has_attachment,
    mssql_where=_has_attachment,
    postgresql_where=_has_attachment,
)
