"""How a post looks in other features' answers."""

from regoods.core.wire import Shape


class PostRef(Shape):
    post_id: int
    title: str
    price: float
    """In the marketplace's currency."""
    status: str
    image_url: str | None = None
