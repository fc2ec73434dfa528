"""config/alerts.yml: the same four alerts as rules of Prometheus, checked by its own tool."""

import re
import shutil
import subprocess

import pytest
import yaml

from regoods.core.settings import ROOT
from regoods.features.alerts.rules import LEAST_DELIVERIES, LEAST_FAILURES, LEAST_SOCKETS, RULES
from tests.support.people import Person
from tests.support.prometheus import scrape

CONFIGURATION = ROOT / "config" / "alerts.yml"
PROMTOOL = shutil.which("promtool")

by_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)


def rules() -> dict[str, str]:
    """The expressions by the alerts' names."""
    (group,) = yaml.safe_load(CONFIGURATION.read_text())["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def promtool(*arguments: str) -> None:
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.editions("sqlite")
async def test_every_metric_they_name_is_there_from_the_start(ann: Person) -> None:
    await ann.connect()
    found = await scrape(ann)

    named = {name for one in rules().values() for name in re.findall(r"\b(?:regoods|process)_\w+", one)}
    assert len(named) == 7
    assert named <= found.names


@by_promtool
def test_the_rules_are_valid() -> None:
    promtool("check", "rules", str(CONFIGURATION))


@by_promtool
def test_each_rule_fires_for_what_it_should_and_is_resolved() -> None:
    promtool("test", "rules", str(ROOT / "tests" / "support" / "alerts_promtool.yml"))


def test_they_have_the_limits_that_the_server_has() -> None:
    expected = {"".join(part.capitalize() for part in f"re_goods_{name}".split("_")) for name in RULES}
    assert set(rules()) == expected

    for (name, expression), rule in zip(rules().items(), RULES.values(), strict=True):
        limit = rule.limit / 1000 if rule.unit == "ms" else rule.limit
        assert f"> {limit:g}" in expression, name
    for number, least in zip(rules().values(), (LEAST_FAILURES, LEAST_DELIVERIES, LEAST_SOCKETS), strict=False):
        assert re.search(rf">= {least}\b", number)
