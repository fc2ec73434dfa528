"""ReGoods' own tables (contract, section 6), on a database that has none of them: for development and tests.

Their definitions are the features' own, which cannot change: the schema is fixed.
"""

from regoods.features.conversations.tables import messages
from regoods.features.posts.tables import post_images, posts
from regoods.features.users.tables import users
from regoods.migrations.statements import create_own_table, is_snake_case

revision = "0001"
down_revision = None


def upgrade() -> None:
    # The PostgreSQL edition has foreign keys on its messages and no index; the others have it the other way round.
    snake = is_snake_case()
    own_indexes = sorted((one for one in messages.indexes if not one.info.get("ours")), key=lambda one: str(one.name))
    columns = messages.c
    references = (
        (columns.sender_id, users.c.user_id),
        (columns.recipient_id, users.c.user_id),
        (columns.post_id, posts.c.post_id),
        (columns.parent_message_id, columns.message_id),
    )
    for table in (users, posts, post_images):
        create_own_table(table)
    create_own_table(
        messages,
        indexes=[] if snake else own_indexes,
        references=references if snake else (),
    )
