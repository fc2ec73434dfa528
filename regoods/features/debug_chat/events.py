"""Answers of the development calls."""

from typing import Annotated

from msgspec import Meta

from regoods.core.tokens import LARGEST_ID
from regoods.core.wire import Shape


class DemoUser(Shape):
    user_id: int
    full_name: str


class TokenRequest(Shape):
    user_id: Annotated[int, Meta(ge=1, le=LARGEST_ID)]


class Token(Shape):
    user_id: int
    token: str
    expires_at: str
