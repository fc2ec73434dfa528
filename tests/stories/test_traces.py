"""One trace from a request to the sockets on another node, taken by a collector; and none where none is wanted."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.nodes import joined
from tests.support.otlp import Collector, attributes
from tests.support.process import ServerProcess
from tests.support.redis import RedisServer

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
SERVER = 2
"""SPAN_KIND_SERVER of OTLP."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.stop()


@pytest.mark.gen_test(timeout=120)
async def test_one_trace_from_the_request_to_the_sockets_of_another_node(
    tmp_path: Path, redis: RedisServer, collector: Collector
) -> None:
    processes: list[ServerProcess] = []
    try:
        for name in ("one", "two"):
            given = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": name, "REDIS_URL": redis.url}
            processes.append(await ServerProcess(tmp_path, **given).started())
        ann, ben = processes[0].person(1), processes[1].person(2)
        for person in (ann, ben):
            await joined(person)
        at_ben = await ben.connect()
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "traced"}
        answer = await ann.post("/messages", {"recipientId": 2, "messageContent": "umbrella"}, headers=headers)
        assert answer.status == 201
        await at_ben.until("message")
        for process in processes:
            process.signal(signal.SIGTERM)
            assert await process.exit_code() == 0
        assert [process.troubles for process in processes] == [[], []]
    finally:
        for process in processes:
            await process.clean_up()

    spans = [span for span in collector.spans if span.trace_id.hex() == TRACE]
    names: dict[tuple[str, str], Any] = {(collector.services[span.span_id], span.name): span for span in spans}
    assert set(names) == {
        ("one", "POST Messages"),
        ("one", "queue"),
        ("one", "transaction"),
        ("one", "push message"),
        ("one", "push message_sent"),
        ("two", "push message"),
    }
    request = names.pop(("one", "POST Messages"))
    assert (request.parent_span_id.hex(), request.kind) == (PARENT, SERVER)
    assert attributes(request) == {
        "http.response.status_code": 201,
        "url.path": "/api/v1/messages",
        "regoods.request_id": "traced",
    }
    for span in names.values():
        assert span.parent_span_id == request.span_id
        assert span.start_time_unix_nano <= span.end_time_unix_nano
    assert attributes(names["two", "push message"]) == {"sockets": 1}
    assert attributes(names["one", "transaction"]) == {"units": 1}
    assert names["one", "queue"].end_time_unix_nano <= names["one", "transaction"].end_time_unix_nano
    others = {span.name for span in collector.spans if span.trace_id.hex() != TRACE}
    assert "GET MessageSocket" in others
    assert "umbrella" not in str(collector.spans)


async def test_traces_that_nobody_takes_hold_nothing_up(tmp_path: Path) -> None:
    process = ServerProcess(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    try:
        await process.started()
        ann, ben = process.person(1), process.person(2)
        at_ben = await ben.connect()
        sent = await ann.write(ben)
        assert (await at_ben.until("message"))["message"] == sent
        process.signal(signal.SIGTERM)
        assert await process.exit_code() == 0
    finally:
        await process.clean_up()


@pytest.mark.parametrize("arguments", [(), ("--workers", "2")])
async def test_traces_need_their_packages(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    package = tmp_path / "without" / "opentelemetry"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError\n")
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "REDIS_URL": "redis://127.0.0.1:9"}
    process = ServerProcess(tmp_path, *arguments, PYTHONPATH=str(package.parent), **told)
    try:
        assert await process.exit_code() == 2
    finally:
        await process.clean_up()
    assert process.troubles == [
        "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed. "
        "Run .venv/bin/pip install -r requirements-tracing.txt, or leave it empty."
    ]


async def test_without_an_address_nothing_of_it_is_imported(tmp_path: Path) -> None:
    package = tmp_path / "without" / "opentelemetry"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError\n")
    process = ServerProcess(tmp_path, PYTHONPATH=str(package.parent))
    try:
        await process.started()
        sent = await process.person(1).write(process.person(2))
        assert sent["messageId"]
        process.signal(signal.SIGTERM)
        assert await process.exit_code() == 0
        assert process.troubles == []
    finally:
        await process.clean_up()
