"""Every error a caller can be told of.

Each class carries its envelope code (contract, section 2) and HTTP status; `core/http.py` turns one
into an answer, `realtime/` into an `error` event.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from msgspec import Struct


class ErrorDetail(Struct):
    """One field that is wrong, by its name on the wire."""

    field: str
    message: str


class ApiError(Exception):
    """A failure the caller is told about, in words that say what to do next."""

    code: ClassVar[str] = "INTERNAL_ERROR"
    status: ClassVar[int] = 500
    default_message: ClassVar[str] = "Something went wrong on our side. Please try again."
    default_retry_after: ClassVar[int | None] = None

    def __init__(
        self,
        message: str | None = None,
        *,
        details: Sequence[ErrorDetail] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message or self.default_message)
        self.message = message or self.default_message
        self.details = tuple(details)
        self.retry_after = self.default_retry_after if retry_after is None else retry_after
        """Whole seconds for `Retry-After`, where waiting helps."""


class Unauthorized(ApiError):
    code = "UNAUTHORIZED"
    status = 401
    default_message = "Sign in first: send the header `Authorization: Bearer <token>`."


class InvalidToken(ApiError):
    code = "INVALID_TOKEN"
    status = 401
    default_message = "This token is not valid or has expired. Sign in again."


class Forbidden(ApiError):
    code = "FORBIDDEN"
    status = 403
    default_message = "You may not do this."


class ValidationError(ApiError):
    """A 400 that names the field."""

    code = "VALIDATION_ERROR"
    status = 400

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message, details=[ErrorDetail(field, message)])
        self.field = field


class BadRequest(ApiError):
    code = "BAD_REQUEST"
    status = 400
    default_message = "The request could not be understood."


class UpgradeRequired(BadRequest):
    status = 426
    default_message = "This server speaks version 13 of the WebSocket protocol (RFC 6455)."


class PayloadTooLarge(ApiError):
    code = "VALIDATION_ERROR"
    status = 413

    def __init__(self, limit: int, field: str = "body") -> None:
        message = f"The {field} may hold at most {limit} bytes."
        super().__init__(message, details=[ErrorDetail(field, message)])


class NotFound(ApiError):
    code = "RESOURCE_NOT_FOUND"
    status = 404
    default_message = "There is nothing at this address."


class Conflict(ApiError):
    code = "CONFLICT"
    status = 422


class RateLimited(ApiError):
    code = "RATE_LIMIT_EXCEEDED"
    status = 429
    default_message = "Too many requests. Wait a moment and try again."


class ServiceUnavailable(ApiError):
    code = "SERVICE_UNAVAILABLE"
    status = 503
    default_message = "The service is busy or restarting. Please try again in a few seconds."
    default_retry_after = 2


class Undecided(ServiceUnavailable):
    """The connection to the database broke during the commit: what was asked for may have been done."""

    def __init__(self, outcome: asyncio.Future[Any]) -> None:
        super().__init__()
        self.outcome = outcome
        """The action's result once it is known that it was done; cancelled where it was not."""


CODES = sorted({ApiError.code} | {error.code for error in ApiError.__subclasses__()})
"""All there are on the wire."""
