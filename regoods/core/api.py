"""REST handlers: who calls, how often, body in, envelope out."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, ParamSpec, TypeVar

import msgspec
from tornado.web import stream_request_body

from regoods.core.errors import (
    ApiError,
    InvalidToken,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    Unauthorized,
    ValidationError,
)
from regoods.core.http import DRAINED_BODY, MAX_BODY, EnvelopeHandler
from regoods.core.limits import Counter, Usage
from regoods.core.wire import Page, decode, encode
from regoods.core.work import Action

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_NUMBER = 18


@stream_request_body
class ApiHandler(EnvelopeHandler):
    """A REST handler of a few lines: read, `await self.run(action, …)`, `self.send(…)`.

    The body is streamed so that one that is too large, or meant for an unknown route, is answered in the envelope.
    """

    requires_user: ClassVar[bool] = True
    user_id: int
    _usage: tuple[int, Usage] | None = None

    def not_found(self, *_args: str) -> None:
        raise NotFound

    get: Callable[..., Awaitable[None] | None] = not_found
    head: Callable[..., Awaitable[None] | None] = not_found
    post: Callable[..., Awaitable[None] | None] = not_found
    put: Callable[..., Awaitable[None] | None] = not_found
    delete: Callable[..., Awaitable[None] | None] = not_found
    patch: Callable[..., Awaitable[None] | None] = not_found

    def initialize(self) -> None:
        self._body = bytearray()
        self._too_large = False
        self._dropped = 0
        self.refused = False
        self.reading = True
        self.gone = False
        """Whether the client has closed the connection, and will not read an answer."""
        self.patience.begin(self)

    def on_finish(self) -> None:
        self.patience.end(self)

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self.gone = True
        self.patience.end(self)

    def prepare(self) -> Awaitable[None] | None:
        super().prepare()
        self.request.connection.set_max_body_size(DRAINED_BODY)  # type: ignore[union-attr]
        if content_length(self.request.headers.get("Content-Length", "0")) > DRAINED_BODY:
            raise PayloadTooLarge(MAX_BODY)
        learning = self.services.tokens.learning(self._bearer) if self.requires_user else None
        if learning is not None:
            return self._check_later(learning)
        self._check()
        return None

    async def _check_later(self, learning: Awaitable[None]) -> None:
        await learning
        self._check()

    def _check(self) -> None:
        try:
            self.check_call(str(self.request.method).lower())
        except ApiError as error:
            self.refuse(error)

    def refuse(self, error: ApiError) -> None:
        """Answer so when the body has been read: answered now, Tornado would close the connection without a word."""
        self.refused = True
        setattr(self, str(self.request.method).lower(), functools.partial(_refuse, error))

    def check_call(self, method: str) -> None:
        """Before anything of the body is looked at: is there such a call, who makes it, may he do so again?"""
        if method == "options":
            return
        if getattr(type(self), method) is ApiHandler.not_found:
            raise NotFound
        if self.requires_user:
            self.user_id = self.origin.user_id = self._authenticate()
            self._limit_rate()

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        if self.refused or self._too_large:
            return self.drop(chunk)
        if len(self._body) + len(chunk) > MAX_BODY:
            self._too_large = True
            self._body.clear()
        else:
            self._body += chunk
        return None

    def drop(self, chunk: bytes) -> Awaitable[None] | None:
        """A piece of a body that nobody wants. What is no larger than a good one is not waited for."""
        self._dropped += len(chunk)
        return self.patience.drop() if self._dropped > MAX_BODY else None

    def body(self, decoder: msgspec.json.Decoder[T]) -> T:
        """The request's JSON. Raises PayloadTooLarge over 1 MiB, ValidationError naming the field."""
        self._end_reading()
        return decode(self._body, decoder)

    async def run(self, action: Action[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an action for the caller, off the loop's thread. Raises ServiceUnavailable where too much waits."""
        self._end_reading()
        self.services.work.check_room(action)
        return await self.services.work.run(action, self.user_id, *args, **kwargs)

    def send(self, data: Any, status: int = 200) -> None:
        """A success envelope around `data` (any encodable value, or `Raw`)."""
        self.set_status(status)
        self.finish(b'{"success":true,"data":' + encode(data) + b"}")

    def send_page(self, page: Page) -> None:
        self.finish(
            b'{"success":true,"data":' + encode(page.items) + b',"pagination":' + encode(page.pagination) + b"}"
        )

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Bytes that are no UTF-8 make a bad id like any other, which names its field."""
        return value.decode("utf-8", "replace")

    def query(self, name: str) -> str | None:
        """Text out of the query as it came, of several values the last. Raises ValidationError for what is no UTF-8."""
        values = self.request.query_arguments.get(name)
        try:
            return values[-1].decode() if values else None
        except UnicodeDecodeError:
            raise ValidationError(name, f"{name} is not valid UTF-8.") from None

    def header(self, name: str) -> str | None:
        return self.request.headers.get(name)

    def _end_reading(self) -> None:
        self.reading = False
        if self._too_large:
            raise PayloadTooLarge(MAX_BODY)

    @property
    def _bearer(self) -> str:
        """The token of the header `Authorization`; empty where there is none."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        return "" if scheme.lower() != "bearer" or " " in token else token

    def _authenticate(self) -> int:
        token = self._bearer
        if not token:
            raise Unauthorized
        if not token.isascii():
            raise InvalidToken
        return self.services.tokens.user_id(token)

    def _limit_rate(self) -> None:
        settings = self.services.settings
        reading = self.request.method == "GET"
        limit = settings.rate_limit_reads_per_minute if reading else settings.rate_limit_writes_per_minute
        if not limit:
            return
        counter: Counter = self.application.settings["read_counter" if reading else "write_counter"]
        usage = counter.hit(self.user_id)
        self._usage = (limit, usage)
        self._set_rate_headers()
        if usage.used > limit:
            self.services.metrics.rate_limited["reads" if reading else "writes"] += 1
            raise RateLimited(retry_after=usage.reset_seconds)

    def _set_rate_headers(self) -> None:
        if self._usage is not None:
            limit, usage = self._usage
            self._headers["RateLimit-Limit"] = str(limit)
            self._headers["RateLimit-Remaining"] = str(max(0, limit - usage.used))
            self._headers["RateLimit-Reset"] = str(usage.reset_seconds)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        # Tornado cleared the headers on its way here.
        self._set_rate_headers()
        super().write_error(status_code, **kwargs)


def _refuse(error: ApiError, *_args: str) -> None:
    raise error


def content_length(text: str) -> int:
    """Of a header's text; 0 for what Tornado will refuse. Python refuses to read thousands of digits."""
    return int(text[:LONGEST_NUMBER]) if text.isascii() and text.isdigit() else 0


class NotFoundHandler(ApiHandler):
    """Any address that no feature has."""

    requires_user = False


class DevelopmentHandler(ApiHandler):
    """Answers in development only, whatever is switched on. Under /debug, and no part of the contract."""

    requires_user = False

    def check_call(self, method: str) -> None:
        if not self.services.settings.development:
            raise NotFound
        super().check_call(method)
