"""How a post looks in other features' answers."""

from regoods.core.database import Row
from regoods.core.wire import Shape


class PostRef(Shape):
    post_id: int
    title: str
    price: float
    """In the marketplace's currency."""
    status: str
    image_url: str | None = None


def post_ref(row: Row) -> PostRef:
    """From a row of `queries.find`. SQLite gives whole prices as integers, which would be other JSON."""
    return PostRef(
        post_id=row.post_id, title=row.title, price=float(row.price), status=row.status, image_url=row.image_url
    )
