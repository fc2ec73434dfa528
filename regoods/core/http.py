"""REST handlers: who calls, body in, envelope out, errors to answers, CORS, and logs without tokens.

The envelope is section 2 of the contract, CORS section 1.
"""

import functools
import logging
import re
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import Annotated, Any, ClassVar, ParamSpec, TypeVar

import msgspec
from msgspec import Meta
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream
from tornado.web import HTTPError, RequestHandler, stream_request_body

from regoods.core import log, origin, tracing
from regoods.core.errors import (
    CODES,
    ApiError,
    BadRequest,
    ErrorDetail,
    InvalidToken,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    Unauthorized,
    ValidationError,
)
from regoods.core.feature import Services
from regoods.core.limits import Counter, Usage
from regoods.core.networks import client_address, is_trusted
from regoods.core.origin import Origin
from regoods.core.patience import Patience
from regoods.core.wire import Page, Shape, decode, encode
from regoods.core.work import Action

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

MAX_BODY = 1024 * 1024
DRAINED_BODY = 64 * 1024 * 1024
"""Up to here a body that is too large is read and dropped, so that its sender gets to see the 413."""

ALLOWED_HEADERS = "authorization, content-type, x-request-start, x-request-id, idempotency-key"
ALLOWED_METHODS = "GET, POST, PUT, DELETE, OPTIONS"
EXPOSED_HEADERS = "Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id"
PREFLIGHT_SECONDS = "7200"

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Of an answer that is no page: nothing may be loaded by it, and nothing may frame it.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    # A page that asks by CORS, as the SPA does, may read it all the same; one that only embeds it may not.
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer; pages and pictures say some of it otherwise."""

STRICT_TRANSPORT = "max-age=31536000"
"""Where the client came by TLS. Of this host alone: what others of its domain do is not ours to say."""

PAGE_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
"""`Permissions-Policy` of a page."""

_host_pattern = re.compile(r"([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")

LONGEST_NUMBER = 18

STEP_ASIDE_SECONDS = 0.00005
"""With each refusal the loop's thread leaves the interpreter's lock to the writer's. In a rush of three times what it
can do, over 6,000 connections, 2,000 sends a second are done with it and 1,600 without."""
LONGEST_LOGGED = 80
"""Characters of one part of a path: a picture's name is shorter, a token that went astray longer."""
_long_part = re.compile(rf"[^/ ]{{{LONGEST_LOGGED + 1},}}")


class ErrorBody(Shape):
    code: Annotated[str, Meta(extra_json_schema={"enum": CODES})]
    message: str
    status_code: int
    details: tuple[ErrorDetail, ...] | None = None


class Failure(Shape):
    """`message` stands at the top level too: there the SPA looks first."""

    success: Annotated[bool, Meta(extra_json_schema={"const": False})]
    message: str
    error: ErrorBody


def log_request(handler: RequestHandler) -> None:
    """One line a request, without its query: that is where a socket's token stands. Its span, where it is traced, ends
    here."""
    status = handler.get_status()
    if tracing.tracer is not None and isinstance(handler, EnvelopeHandler) and handler.origin.span is not None:
        path = loggable(handler).partition(" ")[2]
        known = {"url.path": path, "regoods.request_id": handler.origin.request_id}
        tracing.tracer.end(handler.origin.span, status, **known)
    # A 503 is said once by who knows its cause; a line for each would make what is too much more.
    quiet = status < 400 or status == HTTPStatus.SERVICE_UNAVAILABLE
    level = logging.DEBUG if quiet else logging.INFO if status < 500 else logging.ERROR
    if not log.event.is_enabled_for(level):
        return
    method, _, path = loggable(handler).partition(" ")
    facts: dict[str, object] = {}
    if isinstance(handler, EnvelopeHandler):
        facts["requestId"] = handler.origin.request_id
        if handler.origin.user_id:
            facts["userId"] = handler.origin.user_id
    milliseconds = round(1000 * handler.request.request_time(), 1)
    log.event.log(level, "request", method=method, path=path, status=status, ms=milliseconds, **facts)


def loggable(handler: RequestHandler) -> str:
    """Method and path for the log, without what might be a token in them, and in ASCII: Tornado lets C1 controls
    through, which end lines and move cursors."""
    line = f"{handler.request.method} {handler.request.path}"
    if len(line) > LONGEST_LOGGED:
        line = _long_part.sub("...", line)
    return line if line.isascii() else line.encode("ascii", "backslashreplace").decode()


class EnvelopeHandler(RequestHandler):
    """What every answer has: CORS headers, and errors in the envelope."""

    body_seconds: ClassVar[float | None] = None
    """How long a client may take to send the body, where that is not `patience.BODY_SECONDS`."""

    _origin: Origin | None = None

    @property
    def origin(self) -> Origin:
        """This request, as what follows from it is told by."""
        if self._origin is None:
            self._origin = Origin(self.request.headers.get("X-Request-Id"))
        return self._origin

    @property
    def services(self) -> Services:
        services: Services = self.application.settings["services"]
        return services

    @property
    def client_address(self) -> str:
        """The caller's address; a proxy's word for it counts only from TRUSTED_PROXIES."""
        return client_address(
            self.request.remote_ip or "",
            self.request.headers.get("X-Forwarded-For"),
            self.services.settings.trusted_proxies,
        )

    @property
    def scheme(self) -> str:
        """`http` or `https`, as the client spoke it to us or to a trusted proxy."""
        return scheme_of(self.request, self.services)

    @property
    def public_url(self) -> str:
        """Where clients reach this server: PUBLIC_URL, else the request's scheme and host. No slash at its end.

        The host is a trusted proxy's word where it has one; of several, what the nearest proxy wrote.
        """
        if self.services.settings.public_url:
            return self.services.settings.public_url.rstrip("/")
        host = self.request.host
        forwarded = self.request.headers.get("X-Forwarded-Host", "").rpartition(",")[2].strip()
        if _host_pattern.fullmatch(forwarded) and is_trusted(
            self.request.remote_ip or "", self.services.settings.trusted_proxies
        ):
            host = forwarded
        return f"{self.scheme}://{host}"

    @property
    def patience(self) -> Patience:
        patience: Patience = self.application.settings["patience"]
        return patience

    @property
    def stream(self) -> IOStream | None:
        """The connection's, while it is HTTP."""
        stream: IOStream | None = self.request.connection.stream  # type: ignore[union-attr]
        return stream

    def set_default_headers(self) -> None:
        set_common_headers(self._headers, self.request, self.services, self.patience)
        self._headers["X-Request-Id"] = self.origin.request_id
        del self._headers["Server"]

    def options(self, *_args: str) -> None:
        """A CORS preflight; the browser holds its answer for two hours."""
        self.set_header("Access-Control-Allow-Methods", ALLOWED_METHODS)
        self.set_header("Access-Control-Allow-Headers", ALLOWED_HEADERS)
        self.set_header("Access-Control-Max-Age", PREFLIGHT_SECONDS)
        self.set_status(204)
        self.finish()

    def prepare(self) -> Awaitable[None] | None:
        origin.current.set(self.origin)
        if tracing.tracer is not None:
            name = f"{self.request.method} {type(self).__name__}"
            self.origin.span = tracing.tracer.begin(name, self.request.headers.get("traceparent"))
        return None

    def compute_etag(self) -> None:
        return None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = _as_api_error(kwargs.get("exc_info", (None, None, None))[1], status_code)
        self.set_status(error.status)
        if error.retry_after is not None:
            self.set_header("Retry-After", str(error.retry_after))
        self.finish(failure(error))

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if isinstance(value, ApiError | HTTPError):
            return
        # Tornado's own line would print the whole URI, token included.
        logger.error("%s failed", loggable(self), exc_info=(typ, value, tb) if typ and value else None)


def failure(error: ApiError) -> bytes:
    """The envelope around an error."""
    body = ErrorBody(code=error.code, message=error.message, status_code=error.status, details=error.details or None)
    return encode(Failure(success=False, message=error.message, error=body))


def refusal() -> bytes:
    """The answer to what is no HTTP: there is no request yet that a handler could answer, nor an id that it gave."""
    request_id = Origin().request_id
    log.event.info("request", status=HTTPStatus.BAD_REQUEST.value, requestId=request_id)
    body = failure(BadRequest())
    headers = SECURITY_HEADERS | {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Request-Id": request_id,
        "Connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 400 Bad Request\r\n{lines}\r\n".encode() + body


def scheme_of(request: HTTPServerRequest, services: Services) -> str:
    """`http` or `https`, as the client spoke it to us or to a trusted proxy."""
    forwarded = request.headers.get("X-Forwarded-Proto")
    if forwarded in ("http", "https") and is_trusted(request.remote_ip or "", services.settings.trusted_proxies):
        return forwarded
    return request.protocol


def set_common_headers(
    headers: HTTPHeaders, request: HTTPServerRequest, services: Services, patience: Patience
) -> None:
    """What every answer has."""
    headers["Content-Type"] = "application/json"
    headers["Cache-Control"] = "no-store"
    headers["Vary"] = "Origin"
    for name, value in SECURITY_HEADERS.items():
        headers[name] = value
    if scheme_of(request, services) == "https":
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT
    if patience.draining:
        headers["Connection"] = "close"
    origin = request.headers.get("Origin")
    if origin is not None and origin in services.settings.allowed_origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS


def lane(request: HTTPServerRequest) -> bool | None:
    """Whether a call will write; None: it is no call of a client that waits for the database."""
    return _writing.get(str(request.method)) if request.path.startswith("/api/v1/messages") else None


_writing = {"GET": False, "POST": True, "PUT": True, "DELETE": True}


class Refusal(HTTPMessageDelegate):
    """Answers 503 in a handler's place, when the body has been read.

    An error of a handler costs the loop 250 µs, nearly what a send does, and a server that is busy with those does
    little else. This costs 90.
    """

    def __init__(self, request: HTTPServerRequest, services: Services, patience: Patience) -> None:
        assert request.connection is not None
        self._connection = request.connection
        self._request = request
        self._services = services
        self._patience = patience
        self._dropped = 0

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._connection.set_max_body_size(DRAINED_BODY)  # type: ignore[attr-defined]
        self._patience.accepted(self._connection.stream)  # type: ignore[attr-defined]
        return None

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        self._dropped += len(chunk)
        return self._patience.drop() if self._dropped > MAX_BODY else None

    def finish(self) -> None:
        time.sleep(STEP_ASIDE_SECONDS)
        error = self._services.work.refusal()
        body = failure(error)
        headers = HTTPHeaders({"Content-Length": str(len(body)), "Retry-After": str(error.retry_after)})
        headers["X-Request-Id"] = Origin(self._request.headers.get("X-Request-Id")).request_id
        set_common_headers(headers, self._request, self._services, self._patience)
        status = HTTPStatus(error.status)
        self._connection.write_headers(ResponseStartLine("HTTP/1.1", status, status.phrase), headers, body)
        self._connection.finish()

    def on_connection_close(self) -> None:
        """Nobody waits for the answer."""


def _as_api_error(error: BaseException | None, status: int) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, HTTPError):
        status = error.status_code
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        return NotFound()
    if 400 <= status < 500:
        return BadRequest()
    return ApiError()


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
