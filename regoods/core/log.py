"""Structured logs: one line an event, JSON for machines and text for people.

`event.info("socket_opened", userId=1)` writes a line of that type; what says prose by `logging.getLogger(__name__)`,
ours or a library's, becomes a line of type `log`. Nothing is written before `set_up`: a test's own process stays quiet.
Never a token, never a message's text.
"""

import atexit
import logging
import re
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import structlog
from structlog.dev import Column, ConsoleRenderer, KeyValueColumnFormatter
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger

from regoods.core import explanations, origin
from regoods.core.log_writer import LogWriter
from regoods.core.settings import Settings
from regoods.core.wire import iso

Form = Literal["json", "text", "colour"]

FLUSH_SECONDS = 1.0
"""An exit waits so long for whoever reads the lines."""

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))

event: FilteringBoundLogger = structlog.get_logger()

_writer: LogWriter | None = None


def begin(settings: Settings, *, worker: int | None = None) -> None:
    """As `set_up`, as the settings want it; and quiet what other libraries say too much of."""
    set_up(settings.log_level, form_of(settings.log_format, production=not settings.development), worker=worker)
    # Tornado's lines on malformed requests quote them, tokens included.
    logging.getLogger("tornado.general").setLevel(logging.WARNING)
    # It warns of a connection that is closed with its transaction failed, and what failed is said by who closes it.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    # What a migration did is printed by the command.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def set_up(level: str, form: Form, *, worker: int | None = None, descriptor: int = 2) -> None:
    """Write what is said at this level or above; once a process. `worker`: which of several processes it is."""
    global _writer
    _writer = writer = LogWriter(descriptor)
    atexit.register(flush)
    least = logging.getLevelNamesMapping()[level.upper()]
    who = {} if worker is None else {"worker": worker}
    render = _as_json if form == "json" else _as_text(colour=form == "colour")
    exceptions = structlog.processors.ExceptionRenderer(_told)
    structlog.configure(
        processors=[_Head(who), exceptions, render],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_names: _Lines(writer),
        cache_logger_on_first_use=True,
    )
    handler = _Handler(writer)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[_ProseHead(who), exceptions, lambda *said: render(*said).decode()]
        )
    )
    logging.basicConfig(level=least, handlers=[handler], force=True)


def flush() -> None:
    """Write what waits, before an exit."""
    if _writer is not None:
        _writer.stop(FLUSH_SECONDS)


def dropped() -> int:
    """Lines of this process that nobody will read."""
    return 0 if _writer is None else _writer.dropped


def form_of(setting: str, *, production: bool) -> Form:
    """Of LOG_FORMAT."""
    if setting == "json" or (setting == "auto" and production):
        return "json"
    return "colour" if sys.stderr is not None and sys.stderr.isatty() else "text"


class _Head:
    """Puts first what every line begins with."""

    def __init__(self, who: dict[str, Any]) -> None:
        self._who = who

    def __call__(self, _logger: Any, level: str, said: EventDict) -> EventDict:
        return {
            "timestamp": iso(datetime.now(UTC)),
            "level": level,
            "type": said.pop("event"),
            **self._who,
            **said,
        }


class _ProseHead:
    """The same for a record of `logging`, which knows neither type nor request."""

    def __init__(self, who: dict[str, Any]) -> None:
        self._who = who

    def __call__(self, _logger: Any, level: str, said: EventDict) -> EventDict:
        record: logging.LogRecord = said["_record"]
        head = {
            "timestamp": iso(datetime.fromtimestamp(record.created, UTC)),
            "level": level,
            "type": "log",
            **self._who,
            "logger": record.name,
            "message": _encodable(_message(record.name, str(said["event"]))),
        }
        request = origin.current.get()
        if request is not None:
            head["requestId"] = request.request_id
        if "exc_info" in said:
            head["exc_info"] = said["exc_info"]
        return head


_outcome = re.compile(r"\b(exception|result)=.*")


def _message(logger: str, said: str) -> str:
    """asyncio shows the futures that it speaks of, and in them what they have brought and all that their errors say."""
    return _outcome.sub(r"\1=...", said) if logger == "asyncio" else said


def _told(exc_info: ExcInfo) -> str:
    """A traceback, of each error what `explanations.loggable` leaves."""
    told = []
    for part in traceback.TracebackException(*exc_info).format():
        is_frame = part.startswith((" ", "Traceback", "\n"))
        told.append(part if is_frame else explanations.loggable(part) + "\n")
    return _encodable("".join(told).rstrip("\n"))


def _encodable(text: str) -> str:
    """Half of a surrogate pair, as in the name of a file, has no UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


_encoder = msgspec.json.Encoder(enc_hook=str)


def _as_json(_logger: Any, _level: str, said: EventDict) -> bytes:
    return _encoder.encode(said) + b"\n"


def _as_text(*, colour: bool) -> Callable[[Any, str, EventDict], bytes]:
    """`time LEVEL logger: prose`, or `time LEVEL type field=value …`."""
    styles = ConsoleRenderer.get_default_column_styles(colors=colour)
    levels = ConsoleRenderer.get_default_level_styles(colors=colour)

    def column(style: str, before: str = "", after: str = "") -> KeyValueColumnFormatter:
        return KeyValueColumnFormatter(None, style, styles.reset, str, prefix=before, postfix=after)

    def level(key: str, value: object) -> str:  # noqa: ARG001
        return f"{levels[str(value)]}{str(value).upper()}{styles.reset}"

    def type_of(key: str, value: object) -> str:
        # Prose is known by who says it.
        return "" if value == "log" else bright(key, value)

    bright = column(styles.bright)
    renderer = ConsoleRenderer(
        sort_keys=False,
        columns=[
            Column("timestamp", column(styles.timestamp)),
            Column("level", level),
            Column("worker", column("", before="worker ")),
            Column("logger", column(styles.logger_name, after=":")),
            Column("type", type_of),
            Column("message", column("")),
            Column("", KeyValueColumnFormatter(styles.kv_key, styles.kv_value, styles.reset, _quoted)),
        ],
    )

    def render(logger: Any, name: str, said: EventDict) -> bytes:
        return renderer(logger, name, said).encode("utf-8", "backslashreplace") + b"\n"

    return render


def _quoted(value: object) -> str:
    return repr(value) if isinstance(value, str) and " " in value else str(value)


class _Lines:
    """What structlog hands rendered lines to: a method for each level."""

    def __init__(self, writer: LogWriter) -> None:
        self._put = writer.put

    def info(self, line: bytes) -> None:
        self._put(line)

    debug = info

    def warning(self, line: bytes) -> None:
        self._put(line, urgent=True)

    error = critical = exception = warning


class _Handler(logging.Handler):
    """The same for `logging`."""

    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record).encode()
        except Exception:
            self.handleError(record)
        else:
            self._writer.put(line, urgent=record.levelno >= logging.WARNING)
