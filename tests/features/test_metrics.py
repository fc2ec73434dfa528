"""What Prometheus is told: names, types, and figures that move with what people do; nobody's name is in it."""

import itertools
import json
import os
import platform
import re
import subprocess
import sys
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPClientError

from regoods import __version__
from regoods.core.build import commit
from regoods.core.metrics import LATENCIES, Metrics, summary
from regoods.core.settings import ROOT
from tests.support.nodes import Nodes
from tests.support.people import Person
from tests.support.prometheus import Scrape, scrape
from tests.support.raw_socket import eventually

KINDS = {
    "regoods_alerts_firing": "gauge",
    "regoods_build_info": "gauge",
    "regoods_bus_lag_seconds": "gauge",
    "regoods_bus_limits_alone": "counter",
    "regoods_bus_published": "counter",
    "regoods_bus_received": "counter",
    "regoods_bus_resyncs": "counter",
    "regoods_connection_duration_average_seconds": "gauge",
    "regoods_connections": "gauge",
    "regoods_connections_closed": "counter",
    "regoods_connections_opened": "counter",
    "regoods_database_batch_seconds": "histogram",
    "regoods_database_batch_units": "histogram",
    "regoods_degraded": "gauge",
    "regoods_delivery_latency_seconds": "histogram",
    "regoods_events_sent": "counter",
    "regoods_frames_received": "counter",
    "regoods_handshakes_refused": "counter",
    "regoods_log_lines_dropped": "counter",
    "regoods_loop_lag_longest_seconds": "gauge",
    "regoods_loop_lag_seconds": "gauge",
    "regoods_memory_used_ratio": "gauge",
    "regoods_online_users": "gauge",
    "regoods_overload_refused": "counter",
    "regoods_queue_units": "gauge",
    "regoods_rate_limited": "counter",
    "regoods_request_duration_seconds": "histogram",
    "regoods_send_latency_seconds": "histogram",
    "process_cpu_seconds": "counter",
    "process_max_fds": "gauge",
    "process_open_fds": "gauge",
    "process_resident_memory_bytes": "gauge",
}
DASHBOARD = ROOT / "config" / "grafana-dashboard.json"
PAGE = ROOT / "docs" / "operations.md"


@pytest.mark.editions("sqlite")
async def test_each_metric_is_there_by_its_name_and_type(ann: Person) -> None:
    found = await scrape(ann)

    assert {name: found.kinds.get(name) for name in KINDS} == KINDS
    others = found.kinds.keys() - KINDS
    assert {name for name in others if name.startswith("regoods_")} == set(), "name it in KINDS and docs/operations.md"
    (build,) = [sample for sample in found.samples if sample.name == "regoods_build_info"]
    assert build.labels["version"] == __version__
    page = PAGE.read_text()
    for name, kind in KINDS.items():
        assert f"`{name}{'_total' * (kind == 'counter')}" in page, name


async def test_a_message_moves_them(ann: Person, ben: Person) -> None:
    at_ann, at_ben = await ann.connect(), await ben.connect()
    await ann.write(ben)
    await at_ben.until("message")
    await at_ann.until("message_sent")
    await ann.get("/messages/unread-count")

    found = await scrape(ann)

    assert found.value("regoods_connections") == found.value("regoods_connections_opened_total") == 2
    assert found.value("regoods_online_users") == 2
    assert found.value("regoods_events_sent_total", type="message") == 1
    assert found.value("regoods_events_sent_total", type="message_sent") == 1
    # Ben's, and that of Ann's other tabs.
    assert found.value("regoods_delivery_latency_seconds_count") == 2
    assert found.value("regoods_delivery_latency_seconds_bucket", le="+Inf") == 2
    assert found.value("regoods_send_latency_seconds_count") == 1
    assert 0 < found.value("regoods_delivery_latency_seconds_sum") < 2 * found.value("regoods_send_latency_seconds_sum")
    assert found.value("regoods_request_duration_seconds_count", method="POST", status="2xx") == 1
    assert found.value("regoods_request_duration_seconds_count", method="GET", status="2xx") == 1
    assert found.value("regoods_database_batch_seconds_count", lane="writes") >= 1
    assert found.value("regoods_database_batch_units_sum", lane="reads") >= 3
    assert found.value("process_resident_memory_bytes") > 2**20


@pytest.mark.settings(rate_limit_reads_per_minute=1, rate_limit_writes_per_minute=1, ws_rate_limit_per_minute=1)
async def test_refusals_move_them(ann: Person, ben: Person) -> None:
    rubbish = await ann.dial(token="rubbish")
    await rubbish.closed()
    with pytest.raises(HTTPClientError, match="401"):
        await ann.dial(token="rubbish")
    with pytest.raises(HTTPClientError, match="403"):
        await ann.dial(headers={"Origin": "https://elsewhere.example.com"})
    for _ in range(2):
        await ann.get("/messages/unread-count")
        await ann.post("/messages", {"recipientId": ben.user_id, "messageContent": "Hello"})
    socket = await ann.connect()
    for _ in range(3):
        socket.send({"type": "typing", "conversationId": ben.user_id})
    await socket.quiet()
    socket.connection.close(4008, "as if it were the server's")

    async def is_closed() -> Scrape | None:
        found = await scrape(ann)
        return found if found.value("regoods_connections") == 0 else None

    found = await eventually(is_closed)
    assert found.value("regoods_handshakes_refused_total", reason="Invalid token") == 2
    assert found.value("regoods_handshakes_refused_total", reason="Foreign origin") == 1
    for limit, count in {"reads": 1, "writes": 1, "frames": 2}.items():
        assert found.value("regoods_rate_limited_total", limit=limit) == count, limit
    assert found.value("regoods_request_duration_seconds_count", method="POST", status="4xx") == 1
    # A client may close with any code of 2,000, ours among them.
    assert found.value("regoods_connections_closed_total", code="other") == 1
    assert found.value("regoods_connections_closed_total", code="4008") == 0


@pytest.mark.editions("sqlite")
async def test_every_reason_for_a_refusal_is_there_before_it_comes(ann: Person) -> None:
    found = await scrape(ann)

    series = [sample for sample in found.samples if sample.name == "regoods_handshakes_refused_total"]
    assert {sample.labels["reason"]: sample.value for sample in series} == dict.fromkeys(
        [
            "Token required",
            "Invalid token",
            "Too many connections",
            "Authentication failed",
            "Foreign origin",
        ],
        0,
    )


@pytest.mark.editions("sqlite")
async def test_nothing_in_it_is_a_clients_to_choose(ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()
    await ann.write(ben, "The key lies under the flowerpot")
    await at_ben.until("message")
    before = await scrape(ann)
    await ann.call("FETCH", "/flowerpot/messages", token="")
    await ann.call("PATCH", f"/messages/user/{ben.user_id}?flowerpot={quote(ann.token())}")
    at_ben.send({"type": "flowerpot"})
    at_ben.connection.close(4999, "flowerpot")
    await at_ben.closed()

    found = await scrape(ann)

    said = found.text + (await ann.get("/health/websocket-stats", root="", token="")).raw.decode()
    for secret in ("flowerpot", "FETCH", *ann.token().split("."), *ben.token().split(".")):
        assert secret not in said
    # New are the answers to methods that nobody knows, and sockets closed by their clients.
    assert {(one.name, *one.labels.values()) for one in found.samples if not one.name.endswith("_bucket")} - {
        (one.name, *one.labels.values()) for one in before.samples
    } <= {
        *(("regoods_request_duration_seconds" + part, "other", "4xx") for part in ("_count", "_sum")),
        *(("regoods_request_duration_seconds" + part, "GET", "2xx") for part in ("_count", "_sum")),
        ("regoods_connections_closed_total", "other"),
    }


async def test_stats_say_the_same_as_json(ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()
    await ann.write(ben)
    await at_ben.until("message")

    stats = (await ann.get("/health/websocket-stats", root="", token="")).body

    assert stats["eventsByType"] == {"message": 1}
    assert stats["messagesSent"] == 1
    for latency in ("deliveryLatency", "sendLatency"):
        figures = stats[latency]
        assert figures["count"] == 1
        # One lies somewhere in its bucket.
        bounds = [0.0, *(1000 * bound for bound in LATENCIES)]
        (bucket,) = [pair for pair in itertools.pairwise(bounds) if pair[0] < figures["meanMs"] <= pair[1]]
        assert bucket[0] <= figures["p50Ms"] <= figures["p95Ms"] <= figures["p99Ms"] <= bucket[1]
    assert stats["database"]["writes"]["meanUnits"] >= 1
    assert stats["database"]["slowReads"]["count"] == 0
    assert stats["memory"]["residentBytes"] > 2**20
    assert 0 < stats["openFiles"] < stats["maxOpenFiles"]
    assert (stats["slowConsumers"], stats["reaped"]) == (0, 0)
    assert stats["rateLimited"] == {"reads": 0, "writes": 0, "frames": 0}


def test_percentiles_lie_within_their_bucket() -> None:
    histogram = Metrics().delivery
    assert summary(histogram).p99 == 0
    for seconds, times in ((0.004, 10), (0.02, 80), (99.0, 10)):
        for _ in range(times):
            histogram.observe(seconds)

    found = summary(histogram)

    assert (found.count, round(found.mean, 3)) == (100, 9.916)
    # The 40th of the 80 between 10 and 25 ms; of those above the last bound nothing is known but that.
    assert round(found.p50, 6) == 0.0175
    assert found.p95 == found.p99 == LATENCIES[-1]


@pytest.mark.editions("sqlite")
async def test_version_says_which_program_it_is(ann: Person) -> None:
    said = (await ann.get("/version", root="", token="")).body

    expected = {"version": __version__, "python": platform.python_version(), "startedAt": "2026-01-06T10:00:00.000Z"}
    assert said == expected | ({"commit": commit()} if commit() else {})


def test_the_commit_is_known_where_the_program_is_anothers() -> None:
    """As it is installed: by root, and run by a user of its own. git then reads no folder that it is not told to."""
    if commit() is None:
        pytest.skip("this is no checkout, or git is not installed")

    said = subprocess.run(
        [sys.executable, "-c", "from regoods.core.build import commit; print(commit())"],
        cwd=ROOT,
        env=os.environ | {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == commit()


@pytest.mark.editions("sqlite")
async def test_every_metric_of_the_dashboard_is_there(nodes: Nodes) -> None:
    ann, ben = nodes[0].person(1), nodes[1].person(2)
    at_ben = await ben.connect()
    await ann.write(ben)
    await at_ben.until("message")
    refused = await ann.dial(token="rubbish")
    await refused.closed()
    dashboard = json.loads(DASHBOARD.read_text())
    targets = [target for panel in dashboard["panels"] for target in panel.get("targets", ())]
    expressions = [target["expr"] for target in targets]
    found = [await scrape(node.person(1)) for node in nodes]

    assert len(expressions) > 20
    named = {name for expression in expressions for name in re.findall(r"\b(?:regoods|process)_\w+", expression)}
    assert named <= found[0].names, "the dashboard names a metric that there is not"
    for sample, label, value in (
        one for expression in expressions for one in re.findall(r'(\w+)\{[^}]*?(\w+)=~?"([^"$]+)"', expression)
    ):
        for word in value.split("|"):
            assert any(
                re.fullmatch(word, one.labels.get(label, "")) for one in found[0].samples if one.name == sample
            ), f"{sample} has no {label} {word}"
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
