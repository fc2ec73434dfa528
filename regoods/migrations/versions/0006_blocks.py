"""Who blocks whom."""

from regoods.features.blocks.tables import blocks
from regoods.migrations.statements import create_table

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    create_table(blocks, indexes=list(blocks.indexes))
