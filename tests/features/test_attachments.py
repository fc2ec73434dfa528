"""Pictures over HTTP: uploaded, sent, seen, deleted; and nothing left of those that were refused."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tornado.httputil import HTTPHeaders

from regoods.core import patience
from regoods.core.networks import parse_network
from regoods.core.settings import Settings
from regoods.core.work_queue import READERS
from regoods.features.attachments import actions
from regoods.features.attachments.periodic import sweep
from regoods.features.attachments.routes import Upload
from regoods.features.attachments.rules import LARGEST_FILE, TRIES_AN_HOUR, UPLOADS_AN_HOUR
from regoods.features.attachments.tables import uploads
from regoods.features.conversations.tables import messages
from tests.support.clock import ManualClock
from tests.support.nodes import holds, queued
from tests.support.people import LIMIT, Answer, Person
from tests.support.pictures import BOUNDARY, END, FORM, film, form, opened, padded, photo, text_field
from tests.support.raw_socket import eventually
from tests.support.server import RunningServer, hang_a_reader
from tests.support.volume import locked

UPLOAD = "/messages/attachments"
ONE_EDITION = pytest.mark.editions("sqlite")
"""For what never gets as far as the database."""


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where uploads are on their way."""
    folder = tmp_path / "spool"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


async def upload(person: Person, content: bytes, **part: str) -> Answer:
    return await person.post(UPLOAD, raw=form(content, **part) + END, headers=FORM)


async def uploaded(person: Person, content: bytes | None = None) -> str:
    """The address of a picture that was taken."""
    answer = await upload(person, photo() if content is None else content)
    assert answer.status == 201, answer.raw
    assert set(answer.data) == {"url"}
    url: str = answer.data["url"]
    return url


async def see(person: Person, url: str) -> Answer:
    """Fetch it as an <img> does: without a token."""
    assert url.startswith(person.base_url)
    return await person.get(url.removeprefix(person.base_url), root="", token="")


async def is_there(person: Person, url: str) -> bool:
    answer = await see(person, url)
    assert answer.status in (200, 404)
    return answer.status == 200


def folder_of(settings: Settings) -> Path:
    return Path(settings.attachments_url.removeprefix("file://"))


def on_disk(settings: Settings) -> list[str]:
    return sorted(path.name for path in folder_of(settings).iterdir())


def on_their_way(spool: Path) -> list[str]:
    """Uploads that this process holds open, and what has a name in the folder, which nothing should have."""
    names = [str(path) for path in spool.iterdir()]
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            names.append(os.readlink(f"/proc/self/fd/{number}"))
    return [name for name in names if name.startswith(str(spool))]


def in_the_way(path: Path) -> None:
    """Put a folder where a file is, or a file where a folder is."""
    if path.is_dir():
        path.rmdir()
        path.write_bytes(b"in the way")
    else:
        path.unlink()
        path.mkdir()


def out_of_the_way(path: Path) -> None:
    path.rmdir() if path.is_dir() else path.unlink()


def rows(server: RunningServer) -> list[Any]:
    return server.execute(sa.select(uploads).order_by(uploads.c.upload_id))


# Uploading and seeing


async def test_a_photo_is_sent_and_seen_without_the_seller_s_home(ann: Person, ben: Person) -> None:
    at_ben = await ben.connect()

    url = await uploaded(ann, photo())
    await ann.write(ben, "Look", messageType="image", attachmentUrl=url)

    event = await at_ben.until("message")
    seen = await see(ben, event["message"]["attachmentUrl"])
    assert seen.status == 200
    assert opened(seen.raw).format == "JPEG"
    assert not opened(seen.raw).getexif()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (photo("JPEG"), "image/jpeg"),
        (photo("PNG"), "image/png"),
        (film("GIF"), "image/gif"),
        (photo("WEBP"), "image/webp"),
    ],
)
@ONE_EDITION
async def test_it_is_served_to_be_shown_and_for_nothing_else(ann: Person, content: bytes, kind: str) -> None:
    # What the client says of it is wrong on purpose.
    url = (await upload(ann, content, name="../../page.html", kind="text/html")).data["url"]

    seen = await see(ann, url)

    assert seen.headers["Content-Type"] == kind
    assert seen.headers["Content-Length"] == str(len(seen.raw))
    assert seen.headers["X-Content-Type-Options"] == "nosniff"
    assert seen.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert seen.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert seen.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert url.rpartition(".")[2] == kind.partition("/")[2].replace("jpeg", "jpg")


@ONE_EDITION
async def test_a_large_picture_comes_whole(ann: Person) -> None:
    content = os.urandom(1_000_000)
    url = await uploaded(ann, photo("JPEG")[:-2] + content.replace(b"\xff", b"\xfe") + b"\xff\xd9")

    assert len((await see(ann, url)).raw) > 900_000


@ONE_EDITION
async def test_names_cannot_be_guessed_or_listed(ann: Person, settings: Settings) -> None:
    first, second = [await uploaded(ann), await uploaded(ann)]

    assert first != second
    assert len(first.rpartition("/")[2].partition(".")[0]) * 4 >= 128
    name = first.rpartition("/")[2]
    (folder_of(settings) / "secret.jpg").write_bytes(b"secret")
    for path in (
        "",
        "/",
        "/secret.jpg",
        f"/{name.upper()}",
        f"/{name}.html",
        f"/{name}/",
        "/..%2fregoods.db",
        "/%2e%2e/x",
    ):
        answer = await ann.get(f"/attachments{path}", root="", token="")
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")
    gone = await ann.get(f"/attachments/{'0' * 40}.jpg", root="", token="")
    assert (gone.status, gone.error["code"]) == (404, "RESOURCE_NOT_FOUND")
    assert gone.headers["Cache-Control"] == "no-store"
    head = await ann.call("HEAD", f"/attachments/{name}", root="", token="")
    assert head.status == 404


@ONE_EDITION
async def test_other_methods_are_not_found(ann: Person) -> None:
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        raw = form(photo()) + END if method in ("PUT", "PATCH") else None
        answer = await ann.call(method, UPLOAD, raw=raw, headers=FORM)
        assert (answer.status, answer.error["code"]) == (404, "RESOURCE_NOT_FOUND")


# Under which address


@pytest.mark.settings(public_url="https://chat.regoods.example/live/")
@ONE_EDITION
async def test_the_address_is_public_url_s(ann: Person) -> None:
    answer = await ann.post(UPLOAD, raw=form(photo()) + END, headers=FORM | {"Host": "evil.example"})

    assert answer.data["url"].startswith("https://chat.regoods.example/live/attachments/")


FORWARDED = {"Host": "inside:3000", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.regoods.example"}


@ONE_EDITION
async def test_a_stranger_s_word_for_a_proxy_s_is_not_taken(ann: Person) -> None:
    answer = await ann.post(UPLOAD, raw=form(photo()) + END, headers=FORM | FORWARDED)

    assert answer.data["url"].startswith("http://inside:3000/attachments/")


@pytest.mark.settings(trusted_proxies=(parse_network("127.0.0.0/8"),))
@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("chat.regoods.example", "https://chat.regoods.example"),
        ("evil.example, chat.regoods.example:8443", "https://chat.regoods.example:8443"),
        ("chat.regoods.example/evil", "https://inside:3000"),
        ("", "https://inside:3000"),
    ],
)
@ONE_EDITION
async def test_a_trusted_proxy_s_word_is_taken(ann: Person, host: str, address: str) -> None:
    headers = FORM | FORWARDED | {"X-Forwarded-Host": host}

    answer = await ann.post(UPLOAD, raw=form(photo()) + END, headers=headers)

    assert answer.data["url"].startswith(f"{address}/attachments/")


# What is refused, and leaves nothing


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


@pytest.mark.parametrize(
    "content",
    [
        SVG,
        b"",
        photo()[:-100],
        photo() + b"<script>alert(1)</script>",
        b"MZ\x90 a program",
        photo().replace(b"\xff\xc0", b"\xff\xc8"),
    ],
    ids=["SVG", "empty", "cut short", "polyglot", "program", "broken"],
)
@ONE_EDITION
async def test_what_is_no_picture_leaves_nothing(
    server: RunningServer, settings: Settings, ann: Person, content: bytes, spool: Path
) -> None:
    refused = await upload(ann, content)

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "file")
    assert on_disk(settings) == []
    assert on_their_way(spool) == []
    assert [row.url for row in rows(server)] == [None]


WHOLE = form(photo()) + END


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", FORM),
        (END, FORM),
        (form(photo(), field="photo") + END, FORM),
        (text_field("note", "Hello") + END, FORM),
        (form(photo()) + form(photo()) + END, FORM),
        (form(photo()), FORM),
        (WHOLE[:-4], FORM),
        (WHOLE[: len(WHOLE) // 2], FORM),
        (WHOLE, {"Content-Type": "multipart/form-data; boundary=another"}),
        (WHOLE, {"Content-Type": "multipart/form-data"}),
        (WHOLE, {"Content-Type": f"multipart/form-data; boundary={'x' * 300}"}),
        (WHOLE, {"Content-Type": f"multipart/mixed; boundary={BOUNDARY}"}),
        (photo(), {"Content-Type": "image/jpeg"}),
        (b'{"file": "x"}', {"Content-Type": "application/json"}),
        (text_field("note", "Hello") * 200 + END, FORM),
        (b"rubbish" + WHOLE, FORM),
        (f"--{BOUNDARY}\r\nX: {'y' * 10_000}\r\n\r\n\r\n".encode() + WHOLE, FORM),
    ],
)
@ONE_EDITION
async def test_what_is_no_form_with_a_file_leaves_nothing(
    settings: Settings, ann: Person, body: bytes, headers: dict[str, str], spool: Path
) -> None:
    refused = await ann.post(UPLOAD, raw=body, headers=headers)

    assert (refused.status, refused.error["code"], refused.field) == (400, "VALIDATION_ERROR", "file")
    assert on_disk(settings) == []
    assert on_their_way(spool) == []
    assert (await ann.get("/messages/unread-count")).status == 200


@ONE_EDITION
async def test_other_fields_beside_it_are_ignored(ann: Person) -> None:
    body = text_field("note", "Hello") + form(photo()) + form(SVG, field="other") + text_field("file2", "x") + END

    assert (await ann.post(UPLOAD, raw=body, headers=FORM)).status == 201


@ONE_EDITION
async def test_five_megabytes_pass_and_one_byte_more_does_not(settings: Settings, ann: Person, spool: Path) -> None:
    assert (await upload(ann, padded(photo(), LARGEST_FILE))).status == 201
    (kept,) = on_disk(settings)

    for size in (LARGEST_FILE + 1, 6 * 1024 * 1024, 6_000_000):
        refused = await upload(ann, padded(photo(), size))
        assert (refused.status, refused.error["code"], refused.field) == (413, "VALIDATION_ERROR", "file")
        assert str(LARGEST_FILE) in refused.error["message"]
    others = await ann.post(UPLOAD, raw=text_field("note", "x" * LARGEST_FILE * 2) + form(photo()) + END, headers=FORM)
    assert others.status == 413
    assert on_disk(settings) == [kept]
    assert on_their_way(spool) == []


async def test_only_who_is_signed_in_and_active_may_upload(server: RunningServer, ann: Person, chloe: Person) -> None:
    server.deactivate(3)

    for token, code in (("", "UNAUTHORIZED"), ("rubbish", "INVALID_TOKEN"), (chloe.token(), "INVALID_TOKEN")):
        refused = await ann.post(UPLOAD, raw=form(photo()) + END, headers=FORM, token=token)
        assert (refused.status, refused.error["code"]) == (401, code)
    assert rows(server) == []


@asynccontextmanager
async def uploading(
    person: Person, length: int | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which the headers of an upload were sent; no length: in chunks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(person.base_url.rpartition(":")[2]))
    how = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    writer.write(
        f"POST /api/v1{UPLOAD} HTTP/1.1\r\nHost: regoods\r\nAuthorization: Bearer {person.token()}\r\n"
        f"Content-Type: {FORM['Content-Type']}\r\n{how}\r\n\r\n".encode()
    )
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer(reader: asyncio.StreamReader, limit: float = LIMIT) -> Answer:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), limit)).decode()
    first, _, rest = head.partition("\r\n")
    headers = HTTPHeaders.parse(rest)
    return Answer(int(first.split()[1]), headers, await reader.readexactly(int(headers["Content-Length"])))


async def said(writer: asyncio.StreamWriter, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await asyncio.wait_for(writer.drain(), LIMIT)
    writer.write(b"0\r\n\r\n")


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@ONE_EDITION
async def test_a_body_in_chunks_of_any_size_is_the_same(ann: Person) -> None:
    for size in (1, 7, 1000, 70_000):
        async with uploading(ann, None) as (reader, writer):
            await said(writer, cut(WHOLE, size))
            assert (await answer(reader)).status == 201


@ONE_EDITION
async def test_an_endless_body_is_told_413_and_the_connection_goes_on(settings: Settings, ann: Person) -> None:
    async with uploading(ann, None) as (reader, writer):
        await said(writer, [form(b"")[:-2], *[b"x" * 65_536] * 200])
        refused = await answer(reader)
        assert (refused.status, refused.field) == (413, "file")
        writer.write(b"GET /health HTTP/1.1\r\nHost: regoods\r\n\r\n")
        assert (await answer(reader)).status == 200
    assert on_disk(settings) == []


@ONE_EDITION
async def test_a_client_that_vanishes_leaves_nothing(
    server: RunningServer, settings: Settings, ann: Person, spool: Path
) -> None:
    body = form(padded(photo(), 1_000_000)) + END
    async with uploading(ann, len(body)) as (_, writer):
        writer.write(body[:500_000])
        await writer.drain()

        async def arrives() -> bool:
            return bool(on_their_way(spool))

        await eventually(arrives)

    async def is_gone() -> bool:
        return not on_their_way(spool)

    await eventually(is_gone)
    assert on_disk(settings) == []
    assert [row.url for row in rows(server)] == [None]
    server.clock.advance(timedelta(hours=1, minutes=1))
    await sweep(server.app.services)
    assert rows(server) == []


@ONE_EDITION
async def test_an_upload_may_take_longer_than_another_body(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    body = form(photo()) + END
    async with uploading(ann, len(body)) as (reader, writer):
        writer.write(body[:200])

        async def arrives() -> bool:
            return bool(on_their_way(spool))

        await eventually(arrives)
        monkeypatch.setattr(patience, "BODY_SECONDS", -1)
        server.app.patience.sweep()
        writer.write(body[200:])
        assert (await answer(reader)).status == 201

    async with uploading(ann, len(body)) as (reader, writer):
        writer.write(body[:200])
        await eventually(arrives)
        monkeypatch.setattr(Upload, "body_seconds", -1)
        server.app.patience.sweep()
        assert await asyncio.wait_for(reader.read(), LIMIT) == b""


# How many


async def test_fifty_an_hour_and_a_restart_forgets_none(
    server: RunningServer, settings: Settings, ann: Person, ben: Person
) -> None:
    small = photo(size=(8, 6))
    assert (await upload(ann, b"no picture")).status == 400
    for _ in range(UPLOADS_AN_HOUR):
        server.clock.advance(timedelta(seconds=6))
        await uploaded(ann, small)

    refused = await upload(ann, small)

    assert (refused.status, refused.error["code"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert int(refused.headers["Retry-After"]) == 3600 - 6 * (UPLOADS_AN_HOUR - 1)
    await uploaded(ben, small)
    other = RunningServer(settings, ManualClock(server.clock.now()))
    other.start()
    try:
        assert (await upload(other.person(1), small)).status == 429
    finally:
        await other.stop()
    server.clock.advance(timedelta(hours=1, seconds=-6 * (UPLOADS_AN_HOUR - 1)))
    await uploaded(ann, small)
    assert (await upload(ann, small)).status == 429


@ONE_EDITION
async def test_an_upload_that_was_broken_off_is_none_of_the_fifty(server: RunningServer, ann: Person) -> None:
    small = photo(size=(8, 6))
    body = form(small) + END
    for number in range(1, 4):
        async with uploading(ann, len(body)) as (_, writer):
            writer.write(body[:-20])
            await writer.drain()
            await holds(lambda number=number: len(rows(server)) == number)  # it has begun

    async def are_given_up() -> bool:
        return all(row.is_refused for row in rows(server))

    await eventually(are_given_up)
    assert len(rows(server)) == 3
    for _ in range(UPLOADS_AN_HOUR):
        await uploaded(ann, small)
    assert (await upload(ann, small)).status == 429


@ONE_EDITION
async def test_fifty_at_once_are_no_more(server: RunningServer, ann: Person) -> None:
    answers = await asyncio.gather(*(upload(ann, photo(size=(8, 6))) for _ in range(UPLOADS_AN_HOUR + 5)))

    assert sorted(answer.status for answer in answers) == [201] * UPLOADS_AN_HOUR + [429] * 5


@ONE_EDITION
async def test_who_only_sends_rubbish_is_stopped_too(server: RunningServer, ann: Person) -> None:
    for _ in range(TRIES_AN_HOUR):
        assert (await upload(ann, b"no picture")).status == 400

    assert (await upload(ann, photo())).status == 429
    server.clock.advance(timedelta(hours=1, seconds=1))
    await sweep(server.app.services)
    assert rows(server) == []
    await uploaded(ann)


# What goes


async def test_a_deleted_message_s_picture_goes(
    server: RunningServer, settings: Settings, ann: Person, ben: Person
) -> None:
    url, other = await uploaded(ann), await uploaded(ann)
    message = await ann.write(ben, attachmentUrl=url)
    await ann.write(ben, attachmentUrl=other)

    assert (await ann.delete(f"/messages/{message['messageId']}")).status == 200

    async def is_gone() -> bool:
        return not await is_there(ann, url)

    await eventually(is_gone)
    assert on_disk(settings) == [other.rpartition("/")[2]]


async def test_a_picture_stays_while_another_message_uses_it(
    server: RunningServer, settings: Settings, ann: Person, ben: Person, chloe: Person
) -> None:
    url = await uploaded(ann)
    first = await ann.write(ben, attachmentUrl=url)
    second = await ben.write(chloe, attachmentUrl=url)

    await ann.delete(f"/messages/{first['messageId']}")
    await sweep(server.app.services)
    assert await is_there(ann, url)

    await ben.delete(f"/messages/{second['messageId']}")
    await sweep(server.app.services)
    assert not await is_there(ann, url)
    assert on_disk(settings) == []


@ONE_EDITION
async def test_a_picture_goes_though_the_sweep_has_just_seen_it_in_use(
    server: RunningServer, tmp_path: Path, ann: Person, ben: Person
) -> None:
    server.rest()
    url = await uploaded(ann)
    message = await ann.write(ben, attachmentUrl=url)
    server.clock.advance(timedelta(days=1, minutes=1))
    with locked(tmp_path / "regoods.db"):
        deleting = asyncio.ensure_future(ann.delete(f"/messages/{message['messageId']}"))
        await queued(ann, 1)
        sweeping = asyncio.ensure_future(sweep(server.app.services))
        await queued(ann, 2)  # it has read before the deletion, and writes after it
    assert (await deleting).status == 200
    await sweeping

    await sweep(server.app.services)

    assert not await is_there(ann, url)


@ONE_EDITION
async def test_a_late_sweep_takes_no_newer_upload_s_row_away(server: RunningServer, ann: Person) -> None:
    server.rest()
    run = server.app.services.work.run
    assert (await upload(ann, b"no picture")).status == 400
    server.clock.advance(timedelta(hours=1, seconds=1))
    late = await run(actions.due, 0)
    await sweep(server.app.services)  # as another process on this file does meanwhile
    url = await uploaded(ann)
    # SQLite gives the highest id again.
    assert [row.upload_id for row in rows(server)] == [row.upload_id for row in late]

    assert await run(actions.settle, 0, [(row, None) for row in late]) == 0

    assert [row.url for row in rows(server)] == [url]


async def test_a_deletion_that_is_refused_takes_nothing_away(
    server: RunningServer, ann: Person, ben: Person, chloe: Person
) -> None:
    url = await uploaded(ann)
    message = await ann.write(ben, attachmentUrl=url)

    assert (await chloe.delete(f"/messages/{message['messageId']}")).status == 403
    await sweep(server.app.services)

    assert await is_there(ann, url)


async def test_a_message_with_somebody_else_s_address_is_deleted_as_ever(ann: Person, ben: Person) -> None:
    for more in ({}, {"attachmentUrl": "https://elsewhere.example/attachments/1.jpg"}):
        message = await ann.write(ben, **more)
        assert (await ann.delete(f"/messages/{message['messageId']}")).status == 200


async def test_what_was_never_sent_goes_after_a_day(
    server: RunningServer, settings: Settings, ann: Person, ben: Person
) -> None:
    unsent, sent, by_old_api = [await uploaded(ann) for _ in range(3)]
    await ann.write(ben, attachmentUrl=sent)
    values = {"sender_id": 1, "recipient_id": 2, "message_content": "Old", "attachment_url": by_old_api}
    server.execute(sa.insert(messages).values(**values))

    server.clock.advance(timedelta(hours=23, minutes=59))
    await sweep(server.app.services)
    assert len(on_disk(settings)) == 3

    server.clock.advance(timedelta(minutes=2))
    await sweep(server.app.services)
    assert [await is_there(ann, url) for url in (unsent, sent, by_old_api)] == [False, True, True]
    assert {row.url for row in rows(server)} == {sent, by_old_api}

    server.execute(sa.update(messages).where(messages.c.attachment_url == by_old_api).values(is_deleted=True))
    server.clock.advance(timedelta(days=7, minutes=1))
    await sweep(server.app.services)
    assert [await is_there(ann, url) for url in (sent, by_old_api)] == [True, False]


@ONE_EDITION
async def test_many_are_swept_in_one_go(
    server: RunningServer, settings: Settings, ann: Person, ben: Person, chloe: Person
) -> None:
    small = photo(size=(8, 6))
    for person in (ann, ben, chloe):
        await asyncio.gather(*(uploaded(person, small) for _ in range(40)))

    server.clock.advance(timedelta(days=1, minutes=1))
    await sweep(server.app.services)

    assert (on_disk(settings), rows(server)) == ([], [])


@ONE_EDITION
async def test_a_sweep_ends_though_an_hour_ends_while_it_waits_for_the_database(
    server: RunningServer, ann: Person
) -> None:
    server.rest()  # another sweep would come to this one's help
    assert (await upload(ann, b"no picture")).status == 400
    await sweep(server.app.services)
    server.clock.advance(timedelta(minutes=59, seconds=59))
    answered = threading.Event()
    hanging = [await hang_a_reader(server, answered) for _ in range(READERS)]

    sweeping = asyncio.ensure_future(sweep(server.app.services))
    await asyncio.sleep(0)
    server.clock.advance(timedelta(seconds=2))
    answered.set()
    await asyncio.gather(*hanging)

    await asyncio.wait_for(sweeping, LIMIT)
    assert rows(server) == []


@ONE_EDITION
async def test_what_cannot_be_removed_is_tried_again(
    server: RunningServer, settings: Settings, ann: Person, caplog: pytest.LogCaptureFixture
) -> None:
    url = await uploaded(ann)
    name = url.rpartition("/")[2]
    path = folder_of(settings) / name
    in_the_way(path)
    server.clock.advance(timedelta(days=1, minutes=1))
    await sweep(server.app.services)
    assert [row.url for row in rows(server)] == [url]
    assert any(name in record.getMessage() for record in caplog.records)

    out_of_the_way(path)
    server.clock.advance(timedelta(hours=1, minutes=1))
    await sweep(server.app.services)
    assert rows(server) == []


# When the disk is the trouble


@ONE_EDITION
async def test_a_disk_that_refuses_is_our_trouble_not_the_user_s(
    server: RunningServer, settings: Settings, ann: Person, monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    monkeypatch.setenv("TMPDIR", "/proc")

    refused = await upload(ann, photo())

    assert (refused.status, refused.error["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert refused.headers["Retry-After"] == "2"
    monkeypatch.setenv("TMPDIR", str(spool))
    await uploaded(ann)
    assert len(on_disk(settings)) == 1


@ONE_EDITION
async def test_a_store_that_refuses_leaves_nothing(server: RunningServer, settings: Settings, ann: Person) -> None:
    in_the_way(folder_of(settings))

    refused = await upload(ann, photo())
    assert (refused.status, refused.headers["Retry-After"]) == (503, "2")

    out_of_the_way(folder_of(settings))
    await sweep(server.app.services)
    await uploaded(ann)
    assert len(on_disk(settings)) == 1
