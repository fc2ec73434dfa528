"""The log of each user's events, by which a client catches up."""

from regoods.features.sync.tables import cursors, events, logged
from regoods.migrations.statements import create_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in (events, cursors, logged):
        create_table(table, indexes=sorted(table.indexes, key=lambda index: str(index.name)))
