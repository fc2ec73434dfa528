"""Who uploaded what, and an index by which a picture's messages are found."""

from regoods.features.attachments.tables import uploads
from regoods.features.conversations.tables import messages
from regoods.migrations.statements import create_index, create_table

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    create_table(uploads, indexes=sorted(uploads.indexes, key=lambda index: str(index.name)))
    create_index(next(index for index in messages.indexes if index.name == "IX_Messages_AttachmentURL"))
