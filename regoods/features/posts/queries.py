"""SQL over Posts, and the expression other queries use for a post's picture."""

from typing import Any

import sqlalchemy as sa

from regoods.core.database import Query, Row, Session
from regoods.features.posts.tables import post_images, posts


def first_image(post_id: Any) -> Any:
    """Scalar subquery: the image of lowest DisplayOrder."""
    return (
        sa.select(post_images.c.image_url)
        .where(post_images.c.post_id == post_id)
        .order_by(post_images.c.display_order, post_images.c.image_id)
        .limit(1)
        .scalar_subquery()
    )


_one = Query(
    sa.select(
        posts.c.post_id,
        posts.c.title,
        posts.c.price,
        posts.c.status,
        first_image(posts.c.post_id).label("image_url"),
    ).where(posts.c.post_id == sa.bindparam("post_id"))
)
_owner = Query(sa.select(posts.c.user_id).where(posts.c.post_id == sa.bindparam("post_id")), for_commands=True)


def find(session: Session, post_id: int) -> Row | None:
    """(post_id, title, price, status, image_url)."""
    return session.first(_one, post_id=post_id)


def owner(session: Session, post_id: int) -> int | None:
    """Whose post it is; None where there is none."""
    user_id: int | None = session.scalar(_owner, post_id=post_id)
    return user_id
