"""`run.py system-message`: what nobody else can write, heard by whoever has a socket on a running server."""

import ast
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.core.settings import ROOT
from regoods.features.conversations.tables import messages
from regoods.features.sync import periodic
from regoods.features.users.tables import users
from tests.support.commands import command
from tests.support.people import Person
from tests.support.server import RunningServer

TEXT = "Your offer for the bike was accepted. 🚲"


def stored(server: RunningServer) -> list[Any]:
    return server.execute(sa.select(messages).where(messages.c.message_type == "system"))


@pytest.mark.twins
async def test_a_running_server_pushes_it_and_keeps_it_as_any_message(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    # Before the first look what is there is no news.
    await periodic.adopt(server.app.services)
    at_ann, at_ben = await ann.connect(), await ben.connect()

    done = await command(server.settings, "system-message", "--to", "1", "--post", "1", "--text", TEXT)

    assert (done.code, done.errors) == (0, "")
    assert "to user 1 (Ann Archer), from user 2 (Ben Baker), about post 1." in done.out
    message = (await at_ann.until("message"))["message"]
    sent = (await at_ben.until("message_sent"))["message"]
    assert (message["messageType"], message["messageContent"]) == ("system", TEXT)
    assert (message["senderId"], message["recipientId"], message["post"]["title"]) == (2, 1, "Road bike")
    assert sent["messageId"] == message["messageId"]
    assert (await ann.get("/messages/user/2")).data == [message]
    assert (await ann.get("/messages/unread-count")).data == {"count": 1}
    (missed,) = (await ann.get("/messages/sync?since=0")).data["events"]
    assert (missed["seq"], missed["message"]) == (1, message)


async def test_what_was_written_while_no_server_ran_is_in_the_log_after_the_next_start(
    server: RunningServer, ann: Person
) -> None:
    await periodic.adopt(server.app.services)
    await server.stop()
    done = await command(server.settings, "system-message", "--to", "1", "--post", "1", "--text", TEXT)
    assert done.code == 0

    again = RunningServer(server.settings)
    again.start()
    try:
        await periodic.adopt(again.app.services)
        (missed,) = (await again.person(1).get("/messages/sync?since=0")).data["events"]
        assert missed["message"]["messageType"] == "system"
    finally:
        await again.stop()


@pytest.mark.editions("sqlite")
async def test_somebody_else_may_stand_for_regoods(server: RunningServer) -> None:
    own_post = ("system-message", "--to", "2", "--post", "1", "--text", TEXT)

    refused = await command(server.settings, *own_post)
    assert (refused.code, refused.out) == (2, "")
    assert "It is the recipient's own post: name another user by --from" in refused.errors
    assert (await command(server.settings, *own_post, "--from", "3")).code == 0
    assert [(row.sender_id, row.recipient_id) for row in stored(server)] == [(3, 2)]


@pytest.mark.editions("sqlite")
async def test_a_name_that_the_terminal_cannot_show_is_no_reason_to_send_it_twice(server: RunningServer) -> None:
    server.execute(sa.update(users).where(users.c.user_id == 2).values(full_name="\x1b[2JBen 🦎"))

    done = await command(
        server.settings, "system-message", "--to", "1", "--post", "1", "--text", TEXT, PYTHONIOENCODING="ascii"
    )

    assert (done.code, done.errors) == (0, "")
    assert r"from user 2 (\u001b[2JBen \U0001f98e), about post 1." in done.out


@pytest.mark.editions("sqlite")
async def test_what_cannot_be_sent_is_said_in_a_line(server: RunningServer) -> None:
    server.block(3, 2)
    server.deactivate(4)
    server.execute(sa.update(users).where(users.c.user_id == 6).values(is_active=False))

    for changed, words in (
        ({"--text": " \n"}, "--text must not be blank."),
        ({"--text": "x" * 5001}, "--text may hold at most 5000 characters; this has 5001."),
        ({"--to": "99"}, "There is no active user 99 to write to."),
        ({"--to": "4"}, "There is no active user 4 to write to."),
        ({"--post": "99"}, "There is no post 99."),
        ({"--to": "3"}, "One of the users 2 and 3 blocks the other, so nothing is written between them"),
        ({"--from": "6"}, "There is no active user 6 in whose name to write: name another one by --from."),
        ({"--from": "1"}, "It is to the recipient himself: name another user by --from"),
    ):
        given = {"--to": "1", "--post": "1", "--text": TEXT} | changed
        done = await command(server.settings, "system-message", *(part for pair in given.items() for part in pair))
        assert (done.code, done.out) == (2, ""), changed
        assert done.errors.startswith("Nothing was sent. ")
        assert words in done.errors
        assert len(done.errors.splitlines()) == 1
    assert (await command(server.settings, "system-message", "--to", "1")).code == 2
    assert stored(server) == []


async def test_no_client_writes_one(server: RunningServer, ann: Person, ben: Person) -> None:
    socket = await ann.connect()
    ours = await ann.write(ben, "Hello")
    system = {"recipientId": 2, "messageContent": TEXT, "messageType": "system"}

    assert (await ann.post("/messages", system)).status == 403
    assert (await ann.put(f"/messages/{ours['messageId']}", system)).data["messageType"] == "text"
    assert (await ann.post(f"/messages/{ours['messageId']}/read", system)).data["messageType"] == "text"
    for kind in ("message", "message_edited"):
        socket.send({"type": kind, "message": system} | system)
    socket.send(system | {"type": "system"})
    await socket.quiet()

    assert stored(server) == []


@pytest.mark.editions("sqlite", "postgresql")
async def test_nobody_puts_other_words_into_it(server: RunningServer, ann: Person, ben: Person) -> None:
    """Not even the post's owner, in whose name it stands."""
    done = await command(server.settings, "system-message", "--to", "1", "--post", "1", "--text", TEXT)
    assert done.code == 0
    (notice,) = stored(server)
    at_ann = await ann.connect()

    for person in (ann, ben):
        refused = await person.put(f"/messages/{notice[0]}", {"messageContent": "Pay me by wire."})
        assert (refused.status, refused.error["code"]) == (403, "FORBIDDEN")

    assert not any(frame["type"] == "message_edited" for frame in await at_ann.quiet())
    assert (await ann.get(f"/messages/{notice[0]}")).data["messageContent"] == TEXT


def test_nothing_but_the_command_can() -> None:
    """Of all our code, one action names the type, and one command that action."""
    naming = {
        name: sorted(
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "regoods").rglob("*.py")
            if name
            in {getattr(node, "attr", getattr(node, "id", None)) for node in ast.walk(ast.parse(path.read_text()))}
        )
        for name in ("SYSTEM", "send_system")
    }

    assert naming == {
        "SYSTEM": ["regoods/features/messages/actions.py", "regoods/features/messages/events.py"],
        "send_system": ["regoods/commands/system_message.py"],
    }
