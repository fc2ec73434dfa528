"""SQL that fills the tables with demo users, posts and messages."""

from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Session
from regoods.features.conversations.tables import messages
from regoods.features.posts.tables import post_images, posts
from regoods.features.users.tables import users

_highest = Query(sa.select(sa.func.max(users.c.user_id)))


def highest_user_id(session: Session) -> int:
    """0 where there are no users."""
    return session.scalar(_highest) or 0


def add_users(session: Session, rows: list[dict[str, Any]]) -> None:
    session.connection.execute(sa.insert(users), rows)
    _count_on_from(session, users.c.user_id)


def add_posts(session: Session, rows: list[dict[str, Any]], images: list[dict[str, Any]]) -> None:
    session.connection.execute(sa.insert(posts), rows)
    _count_on_from(session, posts.c.post_id)
    session.connection.execute(sa.insert(post_images), images)


def _count_on_from(session: Session, key: sa.Column[int]) -> None:
    """Let the next row that gets its id from the database come after these: PostgreSQL does not see to it."""
    if session.dialect.name == "postgresql":
        preparer = session.dialect.identifier_preparer
        sequence = sa.func.pg_get_serial_sequence(
            preparer.format_table(key.table), preparer.format_column(key).strip('"')
        )
        session.connection.execute(sa.select(sa.func.setval(sequence, sa.func.max(key))))


def add_messages(session: Session, rows: list[dict[str, Any]]) -> None:
    session.connection.execute(sa.insert(messages), rows)
