"""Answers of the development calls."""

from regoods.core.wire import Id, Shape, Time


class DemoUser(Shape):
    user_id: int
    full_name: str


class TokenRequest(Shape):
    user_id: Id


class Token(Shape):
    user_id: int
    token: str
    expires_at: Time
