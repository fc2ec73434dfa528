"""SQL of the development tools: demo users, posts and messages."""

from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.conversations.tables import messages
from regoods.features.posts.tables import post_images, posts
from regoods.features.users.tables import users

_count = Query(sa.select(sa.func.count()).select_from(users))
_email = Query(
    sa.select(users.c.email).where(users.c.user_id == sa.bindparam("user_id"), users.c.is_active == sa.true())
)
_first = Query(
    sa.select(users.c.user_id, users.c.full_name)
    .where(users.c.is_active == sa.true())
    .order_by(users.c.user_id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def count_users(session: Session) -> int:
    return int(session.scalar(_count))


def email_of(session: Session, user_id: int) -> str | None:
    """None for a user who is missing or inactive."""
    email: str | None = session.scalar(_email, user_id=user_id)
    return email


def first_users(session: Session, limit: int) -> list[Row]:
    """(user_id, full_name) of the first active users."""
    return session.all(_first, limit=limit)


def add_users(session: Session, rows: list[dict[str, Any]]) -> None:
    session.connection.execute(sa.insert(users), rows)


def add_posts(session: Session, rows: list[dict[str, Any]], images: list[dict[str, Any]]) -> None:
    session.connection.execute(sa.insert(posts), rows)
    session.connection.execute(sa.insert(post_images), images)


def add_messages(session: Session, rows: list[dict[str, Any]]) -> None:
    session.connection.execute(sa.insert(messages), rows)
