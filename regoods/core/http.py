"""What every answer has: the envelope of errors, CORS, headers of security, and a line in the log without tokens.

The envelope is section 2 of the contract, CORS section 1.
"""

import logging
import re
from collections.abc import Awaitable
from http import HTTPStatus
from types import TracebackType
from typing import Annotated, Any, ClassVar

from msgspec import Meta
from tornado.httputil import (
    HTTPHeaders,
    HTTPServerRequest,
)
from tornado.iostream import IOStream
from tornado.web import HTTPError, RequestHandler

from regoods.core import log, origin, tracing
from regoods.core.errors import (
    CODES,
    ApiError,
    BadRequest,
    ErrorDetail,
    NotFound,
)
from regoods.core.feature import Services
from regoods.core.networks import client_address, is_trusted
from regoods.core.origin import Origin
from regoods.core.patience import Patience
from regoods.core.wire import Shape, encode

logger = logging.getLogger(__name__)

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
