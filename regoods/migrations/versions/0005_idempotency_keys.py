"""Keys under which clients send a message once."""

from regoods.features.messages.tables import keys
from regoods.migrations.statements import create_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    create_table(keys, indexes=list(keys.indexes))
