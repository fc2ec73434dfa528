"""GET /health/alerts: the four alerts of the process that answers; for anyone inside, without a token."""

import os

import pytest

from regoods.features.alerts.periodic import watch, watch_memory
from regoods.features.alerts.rules import RULES
from tests.support.people import Person
from tests.support.raw_socket import dial_raw
from tests.support.server import RunningServer

pytestmark = pytest.mark.editions("sqlite")
ROOTS = pytest.mark.parametrize("root", ["", "/api/v1"])


@ROOTS
async def test_before_the_first_look_all_is_well(ann: Person, root: str) -> None:
    answer = await ann.get("/health/alerts", root=root, token="")

    assert (answer.status, answer.body["status"]) == (200, "ok")
    assert answer.body["windowMs"] == 300_000
    assert answer.body["processId"] == os.getpid()
    assert answer.body["process"].endswith(":3000")
    assert answer.body["alerts"][0] == {
        "name": "connection_failures",
        "state": "ok",
        "limit": 0.05,
        "resolvedUnder": 0.04,
        "unit": "ratio",
        "details": {},
    }
    assert [one["name"] for one in answer.body["alerts"]] == list(RULES)


async def test_figures_stand_beside_the_limits(server: RunningServer, ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()
    await (await dial_raw(ann, "no-token")).closed()
    await ann.write(ben)
    await at_ben.next()
    watch(server.app.services)
    await watch_memory(server.app.services)

    failures, latency, dropped, memory = (await ann.get("/health/alerts", root="", token="")).body["alerts"]

    assert (failures["value"], failures["state"]) == (0.5, "ok")
    assert failures["details"] == {"handshakes": 2, "failures": 1, "reasons": {"Invalid token": 1}}
    assert latency["details"]["deliveries"] >= 1
    assert latency["value"] > 0
    assert (dropped["value"], dropped["details"]) == (0, {"sockets": 1, "mostSockets": 1})
    assert memory["details"]["memoryOf"] in ("machine", "cgroup")
    assert memory["value"] == round(memory["details"]["usedBytes"] / memory["details"]["totalBytes"], 4)
    registry = server.app.metrics.registry
    assert registry.get_sample_value("regoods_memory_used_ratio") == pytest.approx(memory["value"], abs=1e-4)
