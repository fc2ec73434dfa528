"""Traces by OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT says where to: one from a request to the write to the
sockets, on whichever node.

The packages are an extra (requirements-tracing.txt) and imported only then. A send that is traced costs nearly twice as
much; where none is, everybody looks once at `tracer` or at a span, which is None.
"""

import importlib
import os
import threading
import time
from typing import TYPE_CHECKING

from regoods.core.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.trace import Span

EXPORTER = "opentelemetry.exporter.otlp.proto.http"
SERVICE = "regoods-messaging"

EXPORT_SECONDS = 5.0
STOP_SECONDS = 1.0
"""How long a stop waits for the last spans to be taken."""


class Tracer:
    """Makes spans; times by the monotonic clock. A thread of the library's sends them."""

    def __init__(self, endpoint: str) -> None:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._api = trace
        self._propagator = TraceContextTextMapPropagator()
        name = os.environ.get("OTEL_SERVICE_NAME") or SERVICE
        self._provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SERVICE)

    def begin(self, name: str, traceparent: str | None) -> "Span":
        """The span of a request that has just come; a part of the client's trace, where it names one (W3C)."""
        context = self._propagator.extract({"traceparent": traceparent}) if traceparent else None
        return self._tracer.start_span(name, context, kind=self._api.SpanKind.SERVER)

    def end(self, span: "Span", status: int, **attributes: str | int) -> None:
        """The request is answered."""
        span.set_attributes({"http.response.status_code": status, **attributes})
        if status >= 500:
            span.set_status(self._api.StatusCode.ERROR)
        span.end()

    def tell(self, parent: "Span", name: str, begun: float, ended: float, **attributes: str | int) -> None:
        """What was done for a request, and is over."""
        since = time.time_ns() - time.monotonic_ns()
        context = self._api.set_span_in_context(parent)
        begun_ns, ended_ns = (since + int(moment * 1e9) for moment in (begun, ended))
        self._tracer.start_span(name, context, attributes=attributes, start_time=begun_ns).end(ended_ns)

    def encode(self, span: "Span") -> bytes:
        """For another node, one word."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, self._api.set_span_in_context(span))
        return carrier["traceparent"].encode()

    def decode(self, word: bytes) -> "Span":
        """What `encode` wrote on another node; a parent, and nothing else."""
        return self._api.get_current_span(self._propagator.extract({"traceparent": word.decode()}))

    def stop(self) -> None:
        """Send what is left; not for long."""
        stopping = threading.Thread(target=self._provider.shutdown, name="tracing", daemon=True)
        stopping.start()
        stopping.join(STOP_SECONDS)


tracer: Tracer | None = None


def check(endpoint: str) -> None:
    """Raises SettingsError where traces are wanted and the packages are not there."""
    if not endpoint:
        return
    try:
        importlib.import_module(EXPORTER)
    except ImportError:
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed. "
            "Run .venv/bin/pip install -r requirements-tracing.txt, or leave it empty."
        ) from None


def start(endpoint: str) -> None:
    """Begin to trace, if told where to; once a process that serves. Raises SettingsError."""
    global tracer
    check(endpoint)
    if endpoint:
        tracer = Tracer(endpoint)


def stop() -> None:
    """After the last request."""
    if tracer is not None:
        tracer.stop()
