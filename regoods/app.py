"""The composition: which features there are, and how core, realtime and features are joined into a server."""

import asyncio
import errno
import functools
import logging
import re
import select
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import tornado.web
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPMessageDelegate, HTTPServerRequest
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import IOStream

from regoods import migrations
from regoods.community import join
from regoods.core import api, explanations, framing, http, overload, schema
from regoods.core.build import Build, commit
from regoods.core.clock import Clock
from regoods.core.database import open_database
from regoods.core.differences import CHECK, Report
from regoods.core.feature import Contract, Feature, Services, UserListener
from regoods.core.keys import KeySet, known_keys
from regoods.core.limits import WindowCounter
from regoods.core.metrics import LAG_MS, Metrics
from regoods.core.patience import Patience
from regoods.core.settings import ROOT, Settings, SettingsError
from regoods.core.tokens import TokenVerifier
from regoods.core.work_queue import WORKER_THREADS, WorkQueue
from regoods.features import (
    alerts,
    api_docs,
    attachments,
    blocks,
    conversations,
    debug_chat,
    demo_data,
    faults,
    health,
    messages,
    metrics,
    posts,
    presence,
    search,
    sync,
    threads,
    typing,
    users,
)
from regoods.realtime import closing, events, heartbeat
from regoods.realtime.admission import REFUSALS, Admission
from regoods.realtime.connection import Connection, Realtime
from regoods.realtime.expiry import Expiry
from regoods.realtime.faults import SocketFaults
from regoods.realtime.inbox import HEARD, Inbox
from regoods.realtime.newcomers import Newcomers
from regoods.realtime.registry import ConnectionRegistry
from regoods.realtime.socket import MessageSocket

logger = logging.getLogger(__name__)

FEATURES: Sequence[Feature] = (
    users.FEATURE,
    posts.FEATURE,
    blocks.FEATURE,
    conversations.FEATURE,
    messages.FEATURE,
    threads.FEATURE,
    sync.FEATURE,
    attachments.FEATURE,
    search.FEATURE,
    typing.FEATURE,
    presence.FEATURE,
    health.FEATURE,
    metrics.FEATURE,
    alerts.FEATURE,
    demo_data.FEATURE,
    api_docs.FEATURE,
    faults.FEATURE,
    debug_chat.FEATURE,
)
"""A feature may import those above it."""

RATE_SECONDS = 60.0
SWEEP_MS = 60_000
PATIENCE_MS = 5_000
KEYS_MS = 300_000
"""A key that is gone from JWT_JWKS_URL verifies no longer than this."""
JITTER = 0.2
"""A tenth earlier or later: nodes that started together are not to do the same at the same moment."""

INSIDE = ("/metrics", "/version", "/health")
"""How addresses begin that are served at METRICS_PORT, too."""

BACKLOG = 4096
"""New connections that may wait to be accepted, where the system allows it (net.core.somaxconn). Tornado's 128 are full
when thousands come back after a restart; a client that finds it so tries again after 1, 3, 7 and 15 s."""

OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
REST_SECONDS = 1.0
"""Without accepting, where the system gives no more: each of the loop's turns would try it again and log why not."""

MAX_HEADERS = 16 * 1024
REFUSED_MESSAGE_BYTES = 1024

DRAIN_PORT_SECONDS = 0.2
DRAIN_REQUESTS_SECONDS = 4
DRAIN_WORK_SECONDS = 6
"""Of which requests take the first ones."""
DRAIN_ANSWERS_SECONDS = 0.3
DRAIN_SOCKETS_SECONDS = 2
"""Without that of the requests, and with a second for Redis, together under the 10 s that a stop may take."""


class Application(tornado.web.Application):
    """One server's parts and their life: `start`, and `stop`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.features = [feature for feature in FEATURES if feature.enabled(settings)]
        self.database = open_database(settings, threads=WORKER_THREADS, create=settings.development)
        self.registry: ConnectionRegistry[Connection] = ConnectionRegistry(
            heartbeat.slices(settings.ws_heartbeat_interval, settings.ws_idle_timeout)
        )
        self.metrics = Metrics()
        self._key_set = KeySet(settings.jwt_jwks_url) if settings.jwt_jwks_url else None
        self._community = join(settings, self.registry, self.metrics)
        self.bus, self.places = self._community.bus, self._community.places
        self.faults = SocketFaults(self.registry, self.metrics) if faults.FEATURE.enabled(settings) else None
        self.bus.faults = self.faults
        self.services = Services(
            settings=settings,
            clock=clock,
            tokens=TokenVerifier(known_keys(settings), self._key_set),
            work=WorkQueue(
                self.database,
                clock,
                guards=[feature.guard for feature in self.features if feature.guard is not None],
                deliver=self.bus.deliver,
                online=self.places.online,
                enrichers=_by_kind(feature.enriches for feature in self.features),
                hearers=_by_kind(feature.hears for feature in self.features),
                metrics=self.metrics,
                log=next((feature.log for feature in self.features if feature.log is not None), None),
            ),
            metrics=self.metrics,
            publish=self.bus.publish,
            notify=self.bus.notify,
            connections=lambda: (len(self.registry), self.registry.users),
            users_here=self.registry.user_ids,
            dismiss=self._dismiss,
            faults=self.faults,
            degraded=lambda: self.bus.degraded or self.places.degraded,
            contract=contract(self.features),
            build=Build(clock.now(), commit()),
        )
        self.socket_class: type[MessageSocket] = type(
            "MessageSocket", (MessageSocket,), {"registry": self.registry, "adopting": set()}
        )
        self.patience = Patience()
        self._write_counter = self._community.counting("writes", RATE_SECONDS, settings.rate_limit_writes_per_minute)
        self._read_counter: WindowCounter[int] = WindowCounter(RATE_SECONDS)
        self._periodic: list[PeriodicCallback] = []
        super().__init__(
            _routes(self.features) + ([(r"/messages", self.socket_class)] if settings.ws_enabled else []),
            default_handler_class=api.NotFoundHandler,
            log_function=answered,
            # Only refused clients are still Tornado's after the handshake, and nobody listens to them.
            websocket_max_message_size=REFUSED_MESSAGE_BYTES,
            template_path=str(ROOT / "templates"),
            services=self.services,
            patience=self.patience,
            read_counter=self._read_counter,
            write_counter=self._write_counter,
        )

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> HTTPMessageDelegate:  # type: ignore[override]
        """Who comes to a full lane is answered before a handler is made for him."""
        writes = overload.lane(request)
        if writes is not None and self.services.work.is_full(writes=writes):
            return overload.Refusal(request, self.services, self.patience)
        return super().find_handler(request, **kwargs)

    def prepare_database(self) -> None:
        """See that the database is as it must be, and let the features put in what they want there.

        In development the embedded one is made and migrated here; a server's schema is its DBA's.
        Raises SettingsError where the database cannot be used, with a line for each thing that is wrong.
        """
        self.check_schema()
        self.prepare_features()

    def check_schema(self) -> None:
        """See that the database is as it must be; make and migrate it where it is made here. Raises SettingsError."""
        settings = self.services.settings
        self.database.probe()
        made_here = self.database.embedded and settings.development
        self._accept(migrations.prepare(self.database) if made_here else schema.check(self.database))
        if self.database.text_encoding is not None:
            logger.warning("message texts can hold %s only: see %s", self.database.text_encoding, CHECK)

    def prepare_features(self) -> None:
        """Let the features put in what they want there. Raises SettingsError."""
        settings = self.services.settings
        try:
            session = self.database.session(writes=True)
            session.begin()
            for feature in self.features:
                if feature.prepare is not None:
                    feature.prepare(session, settings, self.services.clock.now())
            session.commit()
            session.close()
        except UnicodeEncodeError:
            session.close()
            logger.warning("the demo data is not made, for the database cannot hold its texts: see %s", CHECK)
        except Exception as error:
            if self.database.lacks_a_right(error):
                reason = explanations.one_line(error)
                raise SettingsError(f"DEMO_DATA cannot be made: {reason}. Set DEMO_DATA=false, or GRANT it.") from None
            if not self.database.is_operational(error):
                raise
            raise self.database.unusable(error) from None

    def check_database(self) -> None:
        """See that the database is as it must be; for a worker, whose parent has prepared it. Raises SettingsError."""
        self.database.probe()
        self._accept(schema.check(self.database))

    def start(self) -> None:
        """Begin to work; on the loop's thread, before the server listens."""
        settings = self.services.settings
        listeners = {kind: make(self.services) for feature in self.features for kind, make in feature.frames.items()}
        self.expiry = Expiry(self.services.tokens, enforced=settings.ws_enforce_token_expiry)
        inbox = Inbox(self.services, listeners, self._community.counting, self.expiry)
        self.realtime = realtime = Realtime(
            asyncio.get_running_loop(),
            self.registry,
            self.metrics,
            max_message_size=settings.ws_max_message_size,
            heartbeat_seconds=settings.ws_heartbeat_interval / 1000,
            idle_seconds=settings.ws_idle_timeout / 1000,
            receive=inbox.receive,
            numbers=self.bus.numbers,
            places=self.places,
            expiry=self.expiry,
        )
        admission = Admission(self.services, self.bus, self.places, self._community.refusals)
        if self.faults is not None:
            self.faults.start(realtime.loop, self.expiry)
        self.socket_class.realtime = realtime
        self.socket_class.admission = admission
        self.newcomers = self.socket_class.newcomers = Newcomers(realtime, admission)
        self.services.work.start()
        notices = {kind: take for feature in self.features for kind, take in feature.notices.items()}
        self.places.start(
            arrived=self._telling([listener for feature in self.features for listener in feature.arrivals]),
            departed=self._telling([listener for feature in self.features for listener in feature.departures]),
        )
        self.bus.start(
            self.services.work,
            {
                **self._community.notices,
                **{kind: functools.partial(take, self.services) for kind, take in notices.items()},
            },
        )
        self.heartbeat = heartbeat.Heartbeat(realtime, self.places)
        self.heartbeat.start()
        self.metrics.loop.start(realtime.loop.time())
        # Without the jitter of the others: it measures.
        lag = PeriodicCallback(lambda: self.metrics.loop.tick(realtime.loop.time()), LAG_MS)
        lag.start()
        self._periodic.append(lag)
        self.expiry.callback.start()
        if self._key_set is not None:
            self._fetching = asyncio.ensure_future(self._key_set.fetch())
            self._every(KEYS_MS, self._key_set.fetch)
        self._every(PATIENCE_MS, self.patience.sweep)
        for sweep in (inbox.sweep, self.places.sweep, self.bus.numbers.sweep):
            self._every(SWEEP_MS, sweep)
        for counter in (self._read_counter, self._write_counter):
            self._every(SWEEP_MS, counter.sweep)
        for feature in self.features:
            for periodic in feature.periodic:
                interval = periodic.interval_ms
                interval_ms = interval if isinstance(interval, int) else interval(settings)
                self._every(interval_ms, functools.partial(periodic.run, self.services))

    async def stop(self, server: "PatientServer", delay: float = 0) -> None:
        """The drain (docs/operations.md): under 10 s, after `delay` seconds in which calls are still taken.

        Sockets are closed last: from then until the next start nobody tells their users anything.
        """
        self.patience.draining = True
        await asyncio.sleep(delay)
        await server.close_port(DRAIN_PORT_SECONDS)
        begun = self.realtime.loop.time()
        await self.patience.drained(DRAIN_REQUESTS_SECONDS)
        self.newcomers.stop()
        if self._key_set is not None:
            self._key_set.stop()
        for callback in self._periodic:
            callback.stop()
        left = DRAIN_WORK_SECONDS - (self.realtime.loop.time() - begun)
        await asyncio.gather(self.services.work.stop(left), self._end_features(left))
        await self.patience.drained(DRAIN_ANSWERS_SECONDS)
        self.heartbeat.stop()
        self.expiry.callback.stop()
        if self.faults is not None:
            self.faults.stop()
        self.places.retire()
        await self.realtime.stop(DRAIN_SOCKETS_SECONDS)
        await self.places.stop()
        await self.bus.stop()
        await server.close_all_connections()
        self.database.close()

    async def _end_features(self, seconds: float) -> None:
        """What each has going; at most so long, and whatever fails: the sockets are still to be told."""
        stops = {
            asyncio.ensure_future(feature.stop(self.services)): feature.name
            for feature in self.features
            if feature.stop is not None
        }
        if not stops:
            return
        ended, hanging = await asyncio.wait(stops, timeout=max(0.0, seconds))
        for one in ended:
            if error := one.exception():
                logger.error("%s did not stop as it should", stops[one], exc_info=error)
        for one in hanging:
            one.cancel()
            logger.error("%s did not stop in time", stops[one])

    def _accept(self, report: Report) -> None:
        if report.refusals:
            title = f"{self.database.shown} is not as it must be ({CHECK} prints this list again):"
            raise SettingsError("\n- ".join([title, *map(str, report.refusals)]))
        self.database.text_encoding = report.text_encoding

    def _telling(self, listeners: Sequence[UserListener]) -> Callable[[int], None]:
        def tell(user_id: int) -> None:
            for listener in listeners:
                listener(self.services, user_id)

        return tell

    def _dismiss(self, user_id: int) -> None:
        for connection in self.registry.of(user_id):
            connection.close(closing.INVALID_TOKEN)

    def _every(self, interval_ms: float, run: Callable[[], Awaitable[None] | None]) -> None:
        callback = PeriodicCallback(run, interval_ms, jitter=JITTER)
        callback.start()
        self._periodic.append(callback)


def answered(handler: http.EnvelopeHandler) -> None:
    """Measure a request, and log it."""
    seconds = time.monotonic() - handler.origin.arrived
    handler.services.metrics.answered(str(handler.request.method), handler.get_status(), seconds)
    http.log_request(handler)


class Listening(socket.socket):
    """One that listens, and rests while the system gives no file for another connection."""

    __slots__ = ()

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises BlockingIOError where there is none, or none can be had."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in OUT_OF_FILES:
                raise
            logger.error("no more connections can be accepted for %g s: %s", REST_SECONDS, error.strerror)
        loop = IOLoop.current()
        loop.update_handler(self, 0)
        loop.call_later(REST_SECONDS, self._go_on, loop)
        raise BlockingIOError

    def _go_on(self, loop: IOLoop) -> None:
        # A stop closes it.
        if self.fileno() >= 0:
            loop.update_handler(self, IOLoop.READ)


class PatientServer(HTTPServer):
    """An HTTPServer whose silent and slow clients are ended by `Patience`, and who reads no request in two ways."""

    patience: Patience
    listening: Sequence[socket.socket] = ()

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        self.listening = [*self.listening, *sockets]
        for one in self.listening:
            # Whoever made it, or handed it over, keeps it by the same object.
            one.__class__ = Listening
        super().add_sockets(self.listening)

    async def close_port(self, seconds: float) -> None:
        """Accept who waits for it, at most so long, and nobody from then on: the kernel resets those who still wait."""
        waiting = select.poll()
        for one in self.listening:
            waiting.register(one, select.POLLIN)
        deadline = time.monotonic() + seconds
        while waiting.poll(0) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0)
        self.listening = ()
        self.stop()

    def handle_stream(self, stream: IOStream, address: tuple[str, int]) -> None:
        framing.make_strict(stream, http.refusal)
        self.patience.accepted(stream)
        super().handle_stream(stream, address)


def _routes(features: Sequence[Feature]) -> list[tuple[str, type[Any]]]:
    """Addresses without a variable part come first: `/messages/sync` is no message's id."""
    routes = [route for feature in features for route in feature.routes]
    return sorted(routes, key=lambda route: re.compile(route[0]).groups > 0)


def _by_kind(several: Iterable[Mapping[str, Callable[..., Any]]]) -> dict[str, list[Callable[..., Any]]]:
    gathered: dict[str, list[Callable[..., Any]]] = {}
    for functions in several:
        for kind, function in functions.items():
            gathered.setdefault(kind, []).append(function)
    return gathered


def contract(features: Sequence[Feature] = FEATURES) -> Contract:
    return Contract(
        features=features,
        socket_events=events.EVENTS,
        socket_frames=HEARD,
        close_codes=closing.GIVEN,
        refusals=REFUSALS,
    )


def make_app(settings: Settings, clock: Clock | None = None) -> Application:
    return Application(settings, clock or Clock())


def make_server(app: Application) -> PatientServer:
    """Raises SettingsError for TLS files that cannot be used."""
    return _patient(app, app.patience, tls(app.services.settings))


def make_inside_server(app: Application) -> PatientServer:
    """For METRICS_PORT: what stands under INSIDE, of this process alone, however many share its other port."""
    inside = tornado.web.Application(
        [route for route in _routes(app.features) if route[0].startswith(INSIDE)],
        default_handler_class=api.NotFoundHandler,
        log_function=answered,
        **{name: app.settings[name] for name in ("services", "patience", "read_counter", "write_counter")},
    )
    return _patient(inside, app.patience)


def _patient(
    app: tornado.web.Application, patience: Patience, encryption: ssl.SSLContext | None = None
) -> PatientServer:
    server = PatientServer(app, ssl_options=encryption, max_header_size=MAX_HEADERS, max_body_size=http.MAX_BODY)
    # Tornado would set a timer of an hour for each request's headers; `Patience` waits for less, and without timers.
    server.conn_params.header_timeout = None
    server.patience = patience
    return server


def tls(settings: Settings) -> ssl.SSLContext | None:
    """Raises SettingsError for files that cannot be used."""
    if not settings.tls_cert_file:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(f"TLS_CERT_FILE and TLS_KEY_FILE cannot be used: {error}.") from None
    return context
