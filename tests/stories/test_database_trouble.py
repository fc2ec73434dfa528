"""The disk is full or fails, the file is locked or not to be written, while a crowd sends: 503, and then as before."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from regoods.core.editions import BUSY_TIMEOUT_MS
from tests.conftest import start_or_skip
from tests.stories.conftest import Begin
from tests.support.databases import MissingPackage, PostgresServer, database_of, prepare_folder, server_folder
from tests.support.figures import Figures
from tests.support.follower import follow_all
from tests.support.people import LIMIT
from tests.support.process import ServerProcess
from tests.support.stored import Stored, check_integrity
from tests.support.traffic import RECIPIENTS, Crowd
from tests.support.volume import Volume, locked, no_growth, unwritable

pytestmark = [pytest.mark.gen_test(timeout=90)]

SENDERS = 50
VOLUME_MEGABYTES = 48
"""More than the write-ahead log grows to before it is copied back (32), and less than that and the copy."""


@pytest.fixture
def volume() -> Iterator[Volume]:
    with server_folder() as folder:
        made = start_or_skip(lambda path: Volume(path, VOLUME_MEGABYTES), folder / "volume")
        yield made
        made.unmount()


@pytest.fixture
def path(volume: Volume) -> Path:
    return volume.folder / "regoods.db"


def log_of(path: Path) -> Path:
    """SQLite's write-ahead log."""
    return path.with_name(f"{path.name}-wal")


def url(path: Path) -> str:
    return f"sqlite:///{path}"


async def reads_go_on(process: ServerProcess) -> None:
    begun = time.monotonic()
    assert (await process.person(1).get("/messages/conversations")).status == 200
    assert (await process.person(1).get("/messages/unread-count")).status == 200
    assert (await process.person(1).get("/health/ready", root="")).status == 200
    assert time.monotonic() - begun < BUSY_TIMEOUT_MS / 1000  # so long waits who waits for a writer


async def survive(
    begin: Begin,
    database_url: str,
    trouble: Callable[[ServerProcess], AbstractContextManager[None]],
    figures: Figures,
    what: str,
    *,
    commits_break: bool = False,
) -> None:
    """`commits_break`: whether the trouble may come between a commit and its answer, which is then 503."""
    process = await begin(database_url, SENDERS).started()
    followers = await follow_all(process, RECIPIENTS)
    crowd = await Crowd(SENDERS).begin(process)
    await crowd.until_acknowledged(200)

    with trouble(process):
        await crowd.until_refused(2 * SENDERS, 2 * LIMIT)
        await reads_go_on(process)
        refused = len(crowd.refused)
    over = time.monotonic()
    await crowd.until_acknowledged(1)
    recovered = time.monotonic() - over
    await crowd.until_each_acknowledged()
    await crowd.end()

    stored = Stored(database_url)
    stored.check(crowd, doubtful=crowd.refused if commits_break else ())
    await stored.check_followers(followers)
    check_integrity(database_url)
    for follower in followers.values():
        assert follower.dials == 1  # nobody's socket was closed for it
        await follower.stop()
    assert "Traceback" not in process.errors
    process.signal(signal.SIGTERM)
    assert await process.exit_code() == 0
    figures.say(
        f"{what}: {refused:,} refused with 503, {stored.count(crowd.refused)} of them stored; "
        f"first 201 {recovered:.1f} s after its end"
    )


async def test_the_disk_is_full(begin: Begin, volume: Volume, path: Path, figures: Figures) -> None:
    await survive(begin, url(path), lambda _process: volume.full(), figures, "disk full")


async def test_the_disk_fails(begin: Begin, tmp_path: Path, figures: Figures) -> None:
    path = tmp_path / "regoods.db"

    await survive(begin, url(path), lambda process: no_growth(process.process_id, log_of(path)), figures, "I/O error")


async def test_the_files_may_not_be_written(begin: Begin, tmp_path: Path, figures: Figures) -> None:
    path = tmp_path / "regoods.db"

    try:
        await survive(begin, url(path), lambda _process: unwritable(path, log_of(path)), figures, "read-only")
    except MissingPackage as missing:
        pytest.skip(str(missing))


@pytest.mark.editions("postgresql")
async def test_a_server_turns_read_only(
    begin: Begin, postgres: PostgresServer, database_url: str, figures: Figures
) -> None:
    """As a primary does that becomes a standby. Connections that were made meanwhile are not kept."""
    name = database_of(database_url)

    @contextmanager
    def read_only(_process: ServerProcess) -> Iterator[None]:
        postgres.execute(
            f"ALTER DATABASE {name} SET default_transaction_read_only = on",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        )
        yield
        postgres.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")

    await survive(begin, database_url, read_only, figures, "PostgreSQL read-only", commits_break=True)


async def test_a_servers_disk_is_full(begin: Begin, postgres: PostgresServer, volume: Volume, figures: Figures) -> None:
    folder = volume.folder / "tables"
    folder.mkdir()
    prepare_folder(folder, "postgres")
    database_url = postgres.fresh()
    name = database_of(database_url)
    postgres.execute(f"CREATE TABLESPACE small LOCATION '{folder}'", f"ALTER DATABASE {name} SET TABLESPACE small")
    try:
        await survive(begin, database_url, lambda _process: volume.full(), figures, "PostgreSQL's disk full")
    finally:
        postgres.drop(database_url)
        postgres.execute("DROP TABLESPACE small")


async def test_the_file_is_locked_for_ten_seconds(begin: Begin, tmp_path: Path, figures: Figures) -> None:
    """300 wait, more than two batches take: none waits for the batches before his own."""
    path, senders = tmp_path / "regoods.db", 300
    process = await begin(url(path), senders).started()
    followers = await follow_all(process, RECIPIENTS)
    crowd = await Crowd(senders, pause=0.5).begin(process)
    await crowd.until_acknowledged(1)

    begun = time.monotonic()
    with locked(path):
        await crowd.until_refused(senders)
        await reads_go_on(process)
        await crowd.until_refused(senders)
    over = time.monotonic()
    assert over - begun > 10
    await crowd.until_acknowledged(1)
    recovered = time.monotonic() - over
    await crowd.until_acknowledged(senders)
    await crowd.end()

    # With the batch before his own he would wait twice as long.
    assert crowd.slowest < 2 * BUSY_TIMEOUT_MS / 1000
    assert recovered < BUSY_TIMEOUT_MS / 1000
    stored = Stored(url(path))
    stored.check(crowd)
    await stored.check_followers(followers)
    for follower in followers.values():
        await follower.stop()
    figures.say(
        f"locked for 10 s amid {senders} senders: {len(crowd.refused):,} refused with 503, the slowest after "
        f"{crowd.slowest:.1f} s; first 201 {recovered:.1f} s after its end"
    )


@pytest.mark.parametrize("killed", [False, True])
async def test_the_log_cannot_be_copied_back_for_want_of_room(
    begin: Begin, volume: Volume, path: Path, killed: bool, figures: Figures
) -> None:
    """What is committed stands in the log alone then, and stays whole; more room is all that is needed."""
    process = await begin(url(path), SENDERS).started()
    crowd = await Crowd(SENDERS, padding=4_500).begin(process)

    await crowd.until_refused(2 * SENDERS, 3 * LIMIT)
    assert log_of(path).stat().st_size > 8_000 * 4_096  # it was due
    await reads_go_on(process)
    if killed:
        process.kill()
        await crowd.end()
    volume.resize(4 * VOLUME_MEGABYTES)
    if killed:
        process = await begin(url(path), SENDERS).started()
        await crowd.begin(process)
    await crowd.until_acknowledged(200)
    await crowd.end()

    Stored(url(path)).check(crowd)
    process.signal(signal.SIGTERM)
    assert await process.exit_code() == 0
    assert not log_of(path).exists()
    check_integrity(url(path))
    how = "killed then" if killed else "resized then"
    figures.say(f"no room to copy the log back, {how}: {len(crowd.acknowledged):,} acknowledged, 0 lost")
