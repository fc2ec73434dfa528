"""Calls that come when too much waits: answered 503 before there is a handler."""

import time
from collections.abc import Awaitable
from http import HTTPStatus

from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)

from regoods.core.feature import Services
from regoods.core.http import DRAINED_BODY, MAX_BODY, failure, set_common_headers
from regoods.core.origin import Origin
from regoods.core.patience import Patience

STEP_ASIDE_SECONDS = 0.00005
"""With each refusal the loop's thread leaves the interpreter's lock to the writer's. In a rush of three times what it
can do, over 6,000 connections, 2,000 sends a second are done with it and 1,600 without."""


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
