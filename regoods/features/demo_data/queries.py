"""SQL that fills the tables with demo users, posts and messages."""

from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Session
from regoods.features.conversations.tables import messages
from regoods.features.posts.tables import post_images, posts
from regoods.features.users.tables import users

_count = Query(sa.select(sa.func.count()).select_from(users))


def count_users(session: Session) -> int:
    return int(session.scalar(_count))


def add_users(session: Session, rows: list[dict[str, Any]]) -> None:
    session.connection.execute(sa.insert(users), rows)


def add_posts(session: Session, rows: list[dict[str, Any]], images: list[dict[str, Any]]) -> None:
    session.connection.execute(sa.insert(posts), rows)
    session.connection.execute(sa.insert(post_images), images)


def add_messages(session: Session, rows: list[dict[str, Any]]) -> None:
    session.connection.execute(sa.insert(messages), rows)
