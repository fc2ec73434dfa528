"""What search has beside the index of the texts (0009): what was edited, on SQLite; the newest first, on PostgreSQL."""

from regoods.features.conversations.tables import messages
from regoods.features.search.tables import edits
from regoods.migrations.statements import create_index, create_table, current_dialect

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    dialect = current_dialect()
    if dialect.name == "sqlite":
        create_table(edits)
    elif dialect.name == "postgresql":
        for one in sorted(messages.indexes, key=lambda one: str(one.name)):
            if one.info.get("only"):
                create_index(one)
