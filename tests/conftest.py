"""Fixtures: a running server and people who use it. Every test function that is a coroutine runs on Tornado's loop."""

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tornado.ioloop import IOLoop

from regoods.core.settings import Settings
from tests.support.people import Person
from tests.support.server import RunningServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        is_coroutine = isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function)
        if is_coroutine and item.get_closest_marker("gen_test") is None:
            item.add_marker(pytest.mark.gen_test)


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Defaults, an own database, and what the test's `@pytest.mark.settings(...)` sets."""
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/regoods.db", demo_data=False, jwt_access_secret="a-secret-for-tests-" * 2
    )
    marker = request.node.get_closest_marker("settings")
    return msgspec.structs.replace(settings, **marker.kwargs) if marker else settings


@pytest.fixture
def server(io_loop: IOLoop, settings: Settings) -> Iterator[RunningServer]:
    running = RunningServer(settings)

    async def start() -> None:
        running.start()

    io_loop.run_sync(start)
    yield running
    io_loop.run_sync(running.stop, timeout=15)


@pytest.fixture
def ann(server: RunningServer) -> Person:
    return server.person(1)


@pytest.fixture
def ben(server: RunningServer) -> Person:
    return server.person(2)


@pytest.fixture
def chloe(server: RunningServer) -> Person:
    return server.person(3)


@pytest.fixture
def dmitri(server: RunningServer) -> Person:
    return server.person(4)


def skipped(config: pytest.Config) -> list[Any]:
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    return list(reporter.stats.get("skipped", []))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A skip is for a developer's machine that lacks a package; on CI it would be a hole nobody sees."""
    if exitstatus == pytest.ExitCode.OK and os.environ.get("CI") == "true" and skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name what was skipped, in the last lines."""
    for report in skipped(config):
        terminalreporter.write_line(f"NOT RUN: {report.nodeid}: {report.longrepr[2]}")
    if os.environ.get("CI") == "true" and skipped(config):
        terminalreporter.write_line("Under CI=true a skipped test is a failure.")
