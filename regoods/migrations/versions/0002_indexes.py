"""The indexes by which lists, threads and unread counts are read without scanning, whatever else is written.

An index that must change gets a new name and a revision of its own.
"""

from regoods.features.conversations.tables import messages
from regoods.features.posts.tables import post_images
from regoods.migrations.statements import create_index

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for table in (messages, post_images):
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if index.info.get("ours"):
                create_index(index)
