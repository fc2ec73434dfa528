"""Which conversations somebody cleared, and up to which message."""

from regoods.features.conversations.tables import clears
from regoods.migrations.statements import create_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    create_table(clears)
