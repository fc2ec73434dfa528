"""`run.py erase`: nothing of what somebody wrote is left, beside a server that goes on, and his partners converge."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from regoods.core.clock import Clock
from regoods.core.errors import ServiceUnavailable
from regoods.features.attachments import actions as uploading
from regoods.features.attachments import store
from regoods.features.attachments.periodic import sweep
from regoods.features.attachments.rules import new_name
from regoods.features.attachments.tables import uploads
from regoods.features.conversations.tables import messages
from regoods.features.erasure import actions as erasing
from regoods.features.search import periodic as indexing
from regoods.features.sync import periodic
from regoods.features.users.events import DELETED_NAME
from regoods.features.users.tables import users
from tests.support.commands import command
from tests.support.databases import tables_of
from tests.support.people import Person
from tests.support.pictures import END, FORM, form, photo
from tests.support.server import RunningServer

LIZARD = "🦎"
SECRET = f"{LIZARD} kumquat"
"""Its first letter is nowhere else in a file, and stands whole in an index of trigrams."""

MANY = 30
"""So many more that pages are split, and rows move when they are marked read: both leave copies behind."""

COUNTED = re.compile(r"^ *([\d,]+) (.+)$", re.MULTILINE)


def counts(out: str) -> dict[str, int]:
    return {what: int(number.replace(",", "")) for number, what in COUNTED.findall(out)}


async def picture(person: Person) -> str:
    answer = await person.post("/messages/attachments", raw=form(photo()) + END, headers=FORM)
    url: str = answer.data["url"]
    return url


async def is_there(person: Person, url: str) -> bool:
    return (await person.get(url.removeprefix(person.base_url), root="", token="")).status == 200


def pictures(server: RunningServer) -> list[Path]:
    return list(Path(server.settings.attachments_url.removeprefix("file://")).iterdir())


async def history(person: Person) -> list[dict[str, Any]]:
    """All of his log, whose numbers are looked at."""
    answer = (await person.get("/messages/sync?since=0&limit=100")).data
    events: list[dict[str, Any]] = answer["events"]
    assert answer["complete"]
    assert [event["seq"] for event in events] == list(range(1, answer["latest"] + 1))
    return events


def converged(events: list[dict[str, Any]]) -> dict[int, str]:
    """What a client has, who took these."""
    texts = {}
    for event in events:
        if "message" in event:
            texts[event["message"]["messageId"]] = event["message"]["messageContent"]
        elif event["type"] == "message_deleted":
            texts.pop(event["messageId"], None)
    return texts


def everything(server: RunningServer) -> str:
    """Every row of every table but Users, as text."""
    with server.app.database.engine.connect() as connection:
        tables = [table for table in tables_of(connection) if table.name != "Users"]
        return "\n".join(str(row) for table in tables for row in connection.execute(sa.select(table)))


def in_file(server: RunningServer, *words: str) -> list[str]:
    """Which of the words an embedded database's files still hold, in any case."""
    database = server.app.database
    if not database.embedded:
        return []
    path = Path(str(database.url.database))
    data = b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*")).lower()
    return [word for word in words if word.lower().encode() in data]


async def talk(ann: Person, ben: Person, chloe: Person) -> tuple[str, str]:
    """Ann's life with the others; the addresses of a picture that she sent, and of one that Ben sent on."""
    sent, sent_on = await picture(ann), await picture(ann)
    first = await ann.write(ben, f"{SECRET} one")
    await ann.put(f"/messages/{first['messageId']}", {"messageContent": f"{SECRET} one, edited"})
    gone = await ann.write(ben, f"{SECRET} two")
    await ann.delete(f"/messages/{gone['messageId']}")
    await ann.write(ben, f"{SECRET} three", messageType="image", attachmentUrl=sent)
    await ann.write(ben, f"{SECRET} four", messageType="image", attachmentUrl=sent_on)
    await ben.write(ann, "Ben's own", parentMessageId=first["messageId"])
    await ben.write(chloe, "Look", messageType="image", attachmentUrl=sent_on)
    keyed = {"recipientId": 3, "messageContent": f"{SECRET} five"}
    await ann.post("/messages", keyed, headers={"Idempotency-Key": "of-ann"})
    for number in range(MANY):
        await ann.write(ben, f"{SECRET} {number}" + " and so on" * 20)
    await ben.post("/messages/conversations/1/read")
    await ann.delete("/messages/conversations/3")
    await ann.put("/messages/blocks/4")
    return sent, sent_on


@pytest.mark.editions("sqlite", "postgresql")
async def test_nothing_that_she_wrote_is_left_and_her_partners_converge(
    server: RunningServer, ann: Person, ben: Person, chloe: Person
) -> None:
    await periodic.adopt(server.app.services)
    at_ben = await ben.connect()
    sent, sent_on = await talk(ann, ben, chloe)
    await indexing.keep_up(server.app.services)
    before = await history(ben)
    server.deactivate(1)
    assert SECRET in everything(server)

    looked = await command(server.settings, "erase", "--user", "1", "--dry-run")
    assert (looked.code, looked.errors) == (0, "")
    found = counts(looked.out)
    assert found.pop("texts in the search index", MANY + 5) == MANY + 5
    assert found == {
        "messages that he wrote": MANY + 5,
        # Of Ben: four, one edited, and his own to her. Of Chloe: one.
        "events in partners' logs that quote or name him": MANY + 7,
        "events in his own log": MANY + 10,
        "uploaded pictures": 2,
        "idempotency keys": 1,
        "blocks": 1,
        "cleared conversations": 2,
    }
    unconfirmed = await command(server.settings, "erase", "--user", "1")
    assert unconfirmed.code == 2
    assert "there is no terminal to ask at. Give --yes, or --dry-run." in unconfirmed.errors
    assert await history(ben) == before

    done = await command(server.settings, "erase", "--user", "1", "--yes")

    assert (done.code, done.errors) == (0, "")
    assert "\nErased.\nLeft to ReGoods: the row of user 1 in Users" in done.out
    left = everything(server)
    assert SECRET not in left
    assert "Ann Archer" not in left
    assert in_file(server, LIZARD, "kumquat", 'Ann Archer"') == []
    if server.app.database.embedded:
        assert server.execute(sa.text("PRAGMA integrity_check")) == [("ok",)]
    assert [await is_there(ben, url) for url in (sent, sent_on)] == [False, True]
    assert [row.user_id for row in server.execute(sa.select(uploads))] == [0]

    after = await history(ben)
    assert len(after) == len(before) + MANY + 3
    assert list(converged(after).values()) == ["Ben's own", "Look"]
    from_then = (await ben.get(f"/messages/sync?since={len(before)}")).data["events"]
    assert [event["type"] for event in from_then] == ["message_deleted"] * (MANY + 3)
    assert converged(before + from_then) == converged(after)
    (own,) = [event for event in after if event["type"] == "message_sent" and event["message"]["recipientId"] == 1]
    assert own["message"]["recipient"] == {"userId": 1, "fullName": DELETED_NAME}
    assert [one["messageContent"] for one in (await ben.get("/messages/user/1")).data] == ["Ben's own"]
    assert (await chloe.get("/messages/unread-count")).data == {"count": 1}
    assert (await ben.get("/messages/search?query=kumquat")).data == []

    again = await command(server.settings, "erase", "--user", "1", "--yes")
    assert again.code == 0
    assert set(counts(again.out).values()) == {0}
    # The server went on all the while.
    await ben.write(chloe, "And now?")
    heard = await at_ben.until("message_sent", lambda event: event["message"]["messageContent"] == "And now?")
    assert heard["message"]["recipientId"] == 3
    assert (await history(ben))[-1]["type"] == "message_sent"


@pytest.mark.editions("sqlite", "postgresql")
async def test_a_picture_that_is_stored_after_its_user_was_erased_is_swept(server: RunningServer) -> None:
    """Between the two steps of an upload, its address in the database and its file."""
    services, settings = server.app.services, server.settings
    # The command's clock is the machine's.
    server.clock.advance(Clock().now() - server.clock.now())
    name = new_name("jpg")
    upload_id = await services.work.run(uploading.begin, 1)
    await services.work.run(uploading.store, 1, upload_id, f"{server.base_url}/attachments/{name}")

    assert (await command(settings, "erase", "--user", "1", "--yes")).code == 0
    await store.put(settings.attachments_url, name, photo())

    assert counts((await command(settings, "erase", "--user", "1", "--dry-run")).out)["uploaded pictures"] == 0
    assert len(pictures(server)) == 1
    server.clock.advance(timedelta(minutes=6))
    await sweep(services)
    assert pictures(server) == []
    server.clock.advance(timedelta(hours=1))
    await sweep(services)
    assert server.execute(sa.select(uploads)) == []


@pytest.mark.editions("sqlite", "postgresql")
async def test_an_upload_that_is_erased_while_it_comes_is_not_stored(server: RunningServer) -> None:
    services, url = server.app.services, f"{server.base_url}/attachments/{new_name('jpg')}"
    upload_id = await services.work.run(uploading.begin, 1)

    assert (await command(server.settings, "erase", "--user", "1", "--yes")).code == 0

    with pytest.raises(ServiceUnavailable):
        await services.work.run(uploading.store, 1, upload_id, url)
    assert server.execute(sa.select(uploads)) == []


@pytest.mark.editions("sqlite", "postgresql")
async def test_an_address_that_comes_while_the_erasure_looks_keeps_its_row(server: RunningServer) -> None:
    services, url = server.app.services, f"{server.base_url}/attachments/{new_name('jpg')}"
    upload_id = await services.work.run(uploading.begin, 1)

    (looked_at,) = await services.work.run(erasing.list_uploads, 1, 0)
    await services.work.run(uploading.store, 1, upload_id, url)
    await services.work.run(erasing.settle_upload, 1, looked_at, is_used=False)

    assert [(row.user_id, row.url) for row in server.execute(sa.select(uploads))] == [(0, url)]


@pytest.mark.editions("sqlite", "postgresql")
async def test_messages_whose_rows_are_gone_leave_nothing_either(
    server: RunningServer, ann: Person, ben: Person, chloe: Person
) -> None:
    """ReGoods deletes a user's messages with him; on PostgreSQL it must, for they refer to him."""
    await talk(ann, ben, chloe)
    await indexing.keep_up(server.app.services)
    before = await history(ben)
    server.deactivate(1)
    hers = sa.or_(messages.c.sender_id == 1, messages.c.recipient_id == 1)
    server.execute(sa.delete(messages).where(hers))
    assert SECRET in everything(server)

    done = await command(server.settings, "erase", "--user", "1", "--yes")

    assert (done.code, done.errors) == (0, "")
    left = everything(server)
    assert SECRET not in left
    assert "Ann Archer" not in left
    assert in_file(server, LIZARD, "kumquat", 'Ann Archer"') == []
    after = await history(ben)
    assert [event["seq"] for event in after] == [event["seq"] for event in before]
    assert list(converged(after).values()) == ["Ben's own", "Look"]
    again = await command(server.settings, "erase", "--user", "1", "--yes")
    assert set(counts(again.out).values()) == {0}


@pytest.mark.editions("postgresql")
async def test_where_it_ends_in_the_middle_it_says_so_and_does_the_rest_the_next_time(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    await ann.write(ben, SECRET)
    server.deactivate(1)
    narrow = "eraser"
    url = server.settings.database_url.replace("//regoods:", f"//{narrow}:")
    for statement in (
        f"CREATE ROLE {narrow} LOGIN",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {narrow}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {narrow}",
        # As a server's user has it.
        f"REVOKE UPDATE ON messaging_events FROM {narrow}",
    ):
        server.execute(sa.text(statement))
    try:
        settings = msgspec.structs.replace(server.settings, database_url=url)
        failed = await command(settings, "erase", "--user", "1", "--yes")
    finally:
        server.execute(sa.text(f"DROP OWNED BY {narrow}"))
        server.execute(sa.text(f"DROP ROLE {narrow}"))

    assert failed.code == 1
    (line,) = failed.errors.splitlines()
    assert "permission denied for table messaging_events. Do it as the owner of the tables, or GRANT the right." in line
    assert line.endswith("What was erased stays so; the same command erases the rest.")
    assert (await command(server.settings, "erase", "--user", "1", "--yes")).code == 0
    assert SECRET not in everything(server)


@pytest.mark.editions("sqlite")
async def test_a_name_that_a_terminal_would_obey_is_shown_harmless(server: RunningServer) -> None:
    server.execute(sa.update(users).where(users.c.user_id == 2).values(full_name="\x1b[2JBen \u009b2J🦎"))

    looked = await command(server.settings, "erase", "--user", "2", "--dry-run", PYTHONIOENCODING="ascii")

    assert (looked.code, looked.errors) == (0, "")
    assert r"User 2 (\u001b[2JBen \u009b2J\U0001f98e)" in looked.out


@pytest.mark.editions("sqlite")
async def test_who_is_active_keeps_his_number_and_may_go_on(server: RunningServer, ann: Person, ben: Person) -> None:
    at_ann = await ann.connect()
    await ann.write(ben, SECRET)
    await ben.write(ann, "Hello")

    done = await command(server.settings, "erase", "--user", "1", "--yes", "--no-vacuum")

    assert done.code == 0
    assert "He is active: what he writes from now on is not erased." in done.out
    assert SECRET not in everything(server)
    answer = (await ann.get("/messages/sync?since=0")).data
    assert answer == {"events": [], "latest": 2, "more": False, "complete": False}
    await ben.write(ann, "Still there?")
    await at_ann.until("message", lambda event: event["message"]["messageContent"] == "Still there?")
    assert at_ann.numbers == [1, 2, 3]


@pytest.mark.editions("sqlite")
async def test_a_picture_that_cannot_be_removed_is_said_and_removed_the_next_time(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    await ann.write(ben, SECRET, messageType="image", attachmentUrl=await picture(ann))
    server.deactivate(1)
    (file,) = pictures(server)
    kept = file.parent.with_name("kept")
    file.rename(kept)
    file.mkdir()

    failed = await command(server.settings, "erase", "--user", "1", "--yes")
    assert failed.code == 1
    assert "1 pictures could not be removed" in failed.errors
    assert SECRET not in everything(server)
    file.rmdir()
    kept.rename(file)

    assert (await command(server.settings, "erase", "--user", "1", "--yes")).code == 0
    assert pictures(server) == []


@pytest.mark.editions("sqlite")
async def test_of_nobody_there_is_nothing(server: RunningServer) -> None:
    done = await command(server.settings, "erase", "--user", "99", "--dry-run")

    assert done.code == 0
    assert "User 99 (has no row in Users)" in done.out
    assert set(counts(done.out).values()) == {0}
    assert server.execute(sa.select(messages)) == []


@pytest.mark.editions("sqlite")
async def test_at_a_terminal_it_asks_and_takes_nothing_but_yes(server: RunningServer, ann: Person, ben: Person) -> None:
    await ann.write(ben, SECRET)

    for answer, code, left in (("no", 2, True), ("", 2, True), ("yes", 0, False)):
        ours, theirs = os.openpty()
        os.write(ours, f"{answer}\n".encode())
        done = await command(server.settings, "erase", "--user", "1", stdin=theirs)
        os.close(ours)
        os.close(theirs)
        assert "Type yes to erase it: " in done.out
        assert (done.code, SECRET in everything(server)) == (code, left)
