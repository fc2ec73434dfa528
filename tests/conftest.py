"""Fixtures: a running server and people who use it. Every test function that is a coroutine runs on Tornado's loop."""

import inspect
import logging
import os
import shutil
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import msgspec
import packaging.version
import pytest
import structlog
from tornado.ioloop import IOLoop

from regoods import migrations
from regoods.core.database import Database
from regoods.core.settings import ROOT, Settings
from tests.support.contract_schema import statements
from tests.support.databases import (
    DatabaseServer,
    MariaDbServer,
    MissingPackage,
    PostgresServer,
    SqlServer,
    server_folder,
)
from tests.support.figures import FIGURE, Figures
from tests.support.nodes import Nodes, two_nodes
from tests.support.people import Person
from tests.support.process import ServerProcess, Start
from tests.support.receiver import Receiver
from tests.support.redis import RedisServer
from tests.support.schemas import Make, execute, url_of
from tests.support.server import RunningServer, serving

# pytest-tornado takes this one function from setuptools' pkg_resources. Setuptools 82 dropped that, and those that have
# it have a known vulnerability (PYSEC-2026-3447), so the plugin is not loaded by its entry point but from here.
sys.modules["pkg_resources"] = types.SimpleNamespace(parse_version=packaging.version.parse)  # type: ignore[assignment]
pytest_plugins = ["pytest_tornado.plugin"]

# How long an example takes, or its making, says how busy the machine is.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        is_coroutine = isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function)
        if is_coroutine and item.get_closest_marker("gen_test") is None:
            item.add_marker(pytest.mark.gen_test)


EDITIONS = ("sqlite", "postgresql", "mssql")
ON_ALL_EDITIONS = ("tests/commands/", "tests/features/", "tests/stories/")
"""Where each test that uses a database runs once for each edition, or for those of its `@pytest.mark.editions(...)`."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    path = metafunc.definition.path.relative_to(metafunc.config.rootpath).as_posix()
    editions: tuple[str, ...] = ()
    if "edition" in metafunc.fixturenames and path.startswith(ON_ALL_EDITIONS):
        marker = metafunc.definition.get_closest_marker("editions")
        editions = marker.args if marker else EDITIONS
    marks = {"mssql": [pytest.mark.mssql]}
    if metafunc.definition.get_closest_marker("twins"):
        # What is shared by Redis is the same whatever the database.
        pairs = [(name, "local") for name in editions or ("sqlite",)] + [("sqlite", "redis")]
        values = [pytest.param(*pair, marks=marks.get(pair[0], [])) for pair in pairs]
        metafunc.parametrize(("edition", "twin"), values, indirect=True)
    elif editions:
        values = [pytest.param(name, marks=marks.get(name, [])) for name in editions]
        metafunc.parametrize("edition", values, indirect=True)


T = TypeVar("T")


def start_or_skip(kind: Callable[[Path], T], folder: Path) -> T:
    try:
        return kind(folder)
    except MissingPackage as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with server_folder() as folder:
        server = start_or_skip(PostgresServer, folder)
        yield server
        server.stop("immediate")


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDbServer]:
    with server_folder() as folder:
        server = start_or_skip(MariaDbServer, folder)
        yield server
        server.stop()


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """One for all tests that leave it as it is."""
    with server_folder() as folder:
        server = start_or_skip(RedisServer, folder)
        yield server
        server.stop()


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """A Redis without keys."""
    shared_redis.empty()
    return shared_redis


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """One that a test may stop, freeze and kill."""
    with server_folder() as folder:
        server = start_or_skip(RedisServer, folder)
        yield server
        server.kill()


@pytest.fixture(scope="session")
def sql_server() -> Iterator[SqlServer]:
    url = os.environ.get("MSSQL_URL", "")
    assert url, "MSSQL_URL is missing: make test-mssql MSSQL_URL='mssql+pyodbc://…'"
    server = SqlServer(url)
    yield server
    server.drop_all()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}", ROOT)
    migrations.upgrade(database)
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql", pytest.param("mssql", marks=pytest.mark.mssql)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes a database of one of the editions, by these statements."""
    made: list[Database] = []
    servers = {"postgresql": "postgres", "mssql": "sql_server"}
    server: DatabaseServer | None = None
    if request.param in servers:
        server = request.getfixturevalue(servers[request.param])

    def new(schema: str) -> Database:
        url = server.create() if server else f"sqlite:///{tmp_path}/other-{len(made)}.db"
        made.append(Database(url, ROOT))
        execute(made[-1], *statements(schema))
        return made[-1]

    yield new
    for database in made:
        database.close()
        if server:
            server.drop(url_of(database))


@pytest.fixture
def edition(request: pytest.FixtureRequest) -> str:
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def twin(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a server that is alone, or of one that would share with others by Redis."""
    if getattr(request, "param", "local") == "local":
        return {}
    server: RedisServer = request.getfixturevalue("redis")
    return {"redis_url": server.url}


@pytest.fixture
def new_database(request: pytest.FixtureRequest, edition: str, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Gives the URL of a database of this edition, with the schema and without rows; another one for another name."""
    if edition == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")

        def new(name: str) -> str:
            shutil.copy(template, tmp_path / f"{name}.db")
            return f"sqlite:///{tmp_path}/{name}.db"

        yield new
        return
    server: DatabaseServer = request.getfixturevalue({"postgresql": "postgres", "mssql": "sql_server"}[edition])
    given: list[str] = []

    def fresh(_name: str) -> str:
        given.append(server.fresh())
        return given[-1]

    yield fresh
    for url in given:
        server.take_back(url)


@pytest.fixture
def database_url(new_database: Callable[[str], str]) -> str:
    return new_database("regoods")


@pytest.fixture
def settings(database_url: str, tmp_path: Path, twin: dict[str, str], request: pytest.FixtureRequest) -> Settings:
    """Defaults, an own database and folder, and what the test's `@pytest.mark.settings(...)` sets."""
    settings = Settings(
        database_url=database_url,
        attachments_url=f"file://{tmp_path}/attachments",
        demo_data=False,
        jwt_access_secret="a-secret-for-tests-" * 2,
        **twin,
    )
    marker = request.node.get_closest_marker("settings")
    return msgspec.structs.replace(settings, **marker.kwargs) if marker else settings


@pytest.fixture
def server(io_loop: IOLoop, settings: Settings, request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    with serving(io_loop, RunningServer(settings), migrated="new_database" in request.fixturenames) as server:
        yield server


@pytest.fixture
def start(io_loop: IOLoop, tmp_path: Path) -> Iterator[Start]:
    """Starts `run.py` in processes of its own, by default on one database, and ends those that still live."""
    running: list[ServerProcess] = []

    def new(*arguments: str, **options: Any) -> ServerProcess:
        running.append(ServerProcess(tmp_path, *arguments, **options))
        return running[-1]

    yield new
    for process in running:
        io_loop.run_sync(process.clean_up)


@pytest.fixture
def nodes(io_loop: IOLoop, settings: Settings, redis: RedisServer) -> Iterator[Nodes]:
    """Two servers on one database, joined by a Redis."""
    with two_nodes(io_loop, settings, redis) as running:
        yield running


@pytest.fixture
def receiver(io_loop: IOLoop) -> Iterator[Receiver]:
    async def begin() -> Receiver:
        return Receiver()

    running = io_loop.run_sync(begin)
    yield running
    io_loop.run_sync(running.stop)


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


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    return Figures(request.node.user_properties)


def skipped(config: pytest.Config) -> list[Any]:
    """Reports of what was skipped; with several processes the one that reports knows them all, its workers none."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    return [] if reporter is None else list(reporter.stats.get("skipped", []))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A skip is for a developer's machine that lacks a package; on CI it would be a hole nobody sees."""
    if exitstatus == pytest.ExitCode.OK and os.environ.get("CI") == "true" and skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name what was skipped, in the last lines; before them the figures that tests found."""
    for report in terminalreporter.stats.get("passed", []):
        for name, line in report.user_properties:
            if name == FIGURE and report.when == "call":
                terminalreporter.write_line(f"FIGURE: {report.nodeid}: {line}")
    for report in skipped(config):
        terminalreporter.write_line(f"NOT RUN: {report.nodeid}: {report.longrepr[2]}")
    if os.environ.get("CI") == "true" and skipped(config):
        terminalreporter.write_line("Under CI=true a skipped test is a failure.")


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """The events that are logged in the test's own process, at whatever level, as dicts."""
    before, capture = structlog.get_config(), structlog.testing.LogCapture()
    structlog.configure(processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    yield capture.entries
    structlog.configure(**before)
