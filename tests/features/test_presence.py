"""Presence: the partners who are online hear who comes and who goes, once, and nobody else does."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from regoods.core.settings import Settings
from regoods.features.conversations.tables import messages
from regoods.features.presence import comings
from regoods.features.presence.comings import Comings
from regoods.features.users.tables import users
from tests.support.nodes import holds
from tests.support.people import LIMIT, Person, Socket
from tests.support.raw_socket import eventually
from tests.support.server import START, RunningServer

pytestmark = pytest.mark.twins

GRACE = 0.6
"""Seconds in these tests, for the five are a long time."""


@pytest.fixture(autouse=True)
def _short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comings, "GRACE_SECONDS", GRACE)


@pytest.fixture
def grace(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> "Grace":
    return Grace(server, monkeypatch)


class Grace:
    """One that ends when the test says so: whatever comes in it comes in time on the busiest machine."""

    def __init__(self, server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self._server = server
        self._patch = monkeypatch
        self._patch.setattr(comings, "GRACE_SECONDS", 100 * LIMIT)

    async def over(self, *user_ids: int) -> None:
        """Once these are known to have left just now, which the server may have to hear from Redis first."""
        leaving, left = leaving_of(self._server), dict.fromkeys(user_ids, self._server.clock.now())
        await holds(lambda: {user_id: at for user_id, (_, at) in leaving.items()} == left)
        self._patch.setattr(comings, "GRACE_SECONDS", 0)


def leaving_of(server: RunningServer) -> Mapping[int, tuple[float, datetime]]:
    return server.app.services.state(Comings)._leaving


async def leave(socket: Socket) -> None:
    socket.close()
    await socket.closed()


async def is_silent(*sockets: Socket) -> bool:
    """Nothing was on its way to them, and no presence is left that was not asked for."""
    return all([await socket.quiet() == [] and not socket.presences for socket in sockets])


async def is_online(reader: Person, partner: Person) -> bool:
    """As lists and conversations say it."""
    (in_list,) = (
        one["isOnline"]
        for one in (await reader.get("/messages/conversations")).data
        if one["userId"] == partner.user_id
    )
    conversation = (await reader.get(f"/messages/conversations/{partner.user_id}")).data
    assert conversation["user"]["isOnline"] is in_list
    return bool(in_list)


async def gone(reader: Person, partner: Person) -> None:
    """Once he is offline, for which the other nodes have to know; the event has another 5 s."""

    async def is_offline() -> bool:
        listed = (await reader.get("/messages/conversations")).data
        return not any(one["isOnline"] for one in listed if one["userId"] == partner.user_id)

    await eventually(is_offline)


async def test_a_partner_comes_and_goes(
    server: RunningServer, ann: Person, ben: Person, chloe: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ann.write(ben)
    await chloe.write(ann)
    tabs, at_chloe = [await ann.connect(), await ann.connect()], await chloe.connect()
    for tab in tabs:
        assert (await tab.next_presence())[:2] == (3, True)

    at_ben = await ben.connect()
    for tab in tabs:
        assert await tab.next_presence() == (2, True, "2026-01-06T10:00:00.000Z")

    server.clock.advance(timedelta(minutes=1))
    departed, take = Comings.departed, Comings.take
    left: list[float] = []
    looks: list[tuple[float, set[int]]] = []

    def note_leaving(self: Comings, user_id: int, now: datetime) -> None:
        departed(self, user_id, now)
        left.append(time.monotonic())

    def note_look(self: Comings, limit: int) -> Mapping[int, datetime | None]:
        at = time.monotonic()
        taken = take(self, limit)
        looks.append((at, set(taken)))
        return taken

    monkeypatch.setattr(Comings, "departed", note_leaving)
    monkeypatch.setattr(Comings, "take", note_look)
    begun = time.monotonic()
    await leave(at_ben)
    await gone(ann, ben)
    await holds(lambda: left)  # Redis tells the two by different connections
    server.clock.advance(timedelta(minutes=1))
    for tab in tabs:
        assert await tab.next_presence() == (2, False, "2026-01-06T10:01:00.000Z")
    assert time.monotonic() - begun >= GRACE
    # It is told by the first look after his grace, however late a busy machine comes to it.
    before = looks[: [2 in taken for _, taken in looks].index(True)]
    assert all(at < left[0] + GRACE for at, _ in before)
    assert await is_silent(*tabs, at_chloe)  # to her Ben is a stranger
    assert [event["type"] for event in at_ben.seen] == ["connected"]  # nor is he told who was there before him


async def test_a_reload_of_the_page_is_no_event(ann: Person, ben: Person, chloe: Person, grace: Grace) -> None:
    for partner in (ann, chloe):
        await partner.write(ben)
    at_ben, at_ann, at_chloe = await ben.connect(), await ann.connect(), await chloe.connect()
    assert {(await at_ben.next_presence())[:2] for _ in range(2)} == {(1, True), (3, True)}

    await leave(at_ann)
    await gone(ben, ann)  # which has no grace
    assert await is_online(ben, ann) is False
    await ann.connect()
    assert await is_online(ben, ann) is True
    await leave(at_chloe)
    await grace.over(3)

    assert (await at_ben.next_presence())[:2] == (3, False)  # had Ann's been one, it would be before this
    assert await is_silent(at_ben)


async def test_each_time_he_leaves_the_grace_begins_anew(
    server: RunningServer, ann: Person, ben: Person, chloe: Person, grace: Grace
) -> None:
    for partner in (ann, chloe):
        await partner.write(ben)
    at_ben, at_ann = await ben.connect(), await ann.connect()
    assert (await at_ben.next_presence())[:2] == (1, True)
    await leave(at_ann)
    at_ann = await ann.connect()
    server.clock.advance(timedelta(seconds=3))

    await leave(at_ann)
    await grace.over(1)

    assert await at_ben.next_presence() == (1, False, "2026-01-06T10:00:03.000Z")
    await ann.connect()
    assert (await at_ben.next_presence())[:2] == (1, True)
    assert await is_silent(at_ben)


async def test_another_tab_is_no_event(ann: Person, ben: Person, chloe: Person) -> None:
    for partner in (ann, chloe):
        await partner.write(ben)
    at_ben, first = await ben.connect(), await ann.connect()
    assert (await at_ben.next_presence())[:2] == (1, True)

    second = await ann.connect()
    await leave(first)
    third = await ann.connect()
    await leave(second)
    at_chloe = await chloe.connect()
    assert (await at_ben.next_presence())[:2] == (3, True)
    await leave(at_chloe)
    assert (await at_ben.next_presence())[:2] == (3, False)

    await leave(third)
    assert (await at_ben.next_presence())[:2] == (1, False)
    assert await is_silent(at_ben)


async def test_with_whom_every_message_is_deleted_is_no_partner(
    server: RunningServer, ann: Person, ben: Person, chloe: Person, dmitri: Person
) -> None:
    # Before all others: one that another program stores after ours would be news, and pushed to her.
    server.execute(
        sa.insert(messages).values(sender_id=1, recipient_id=1, message_content="", created_at=START, updated_at=START)
    )
    await ann.write(ben)
    for sent in (await ann.write(chloe), await chloe.write(ann)):
        await ann.delete(f"/messages/{sent['messageId']}")
    at_ben, at_chloe, at_dmitri = await ben.connect(), await chloe.connect(), await dmitri.connect()

    at_ann = await ann.connect()

    assert (await at_ben.next_presence())[:2] == (1, True)
    assert await is_silent(at_ann, at_chloe, at_dmitri)


@pytest.mark.parametrize(("blocker", "blocked"), [(1, 2), (2, 1)])
async def test_between_two_with_a_block_nothing_is_told(
    server: RunningServer, ann: Person, ben: Person, chloe: Person, blocker: int, blocked: int
) -> None:
    await ann.write(ben)
    await chloe.write(ann)
    await chloe.write(ben)
    server.block(blocker, blocked)
    at_ben, at_chloe = await ben.connect(), await chloe.connect()
    assert (await at_ben.next_presence())[:2] == (3, True)

    at_ann = await ann.connect()
    while (await at_chloe.next_presence())[:2] != (1, True):
        pass
    assert await is_silent(at_ben)
    for one, other in ((ann, ben), (ben, ann)):
        assert await is_online(one, other) is False
        assert await is_online(one, chloe) is True

    await leave(at_ann)
    assert (await at_chloe.next_presence())[:2] == (1, False)
    assert await is_silent(at_ben)

    await server.person(blocker).delete(f"/messages/blocks/{blocked}")
    await ann.connect()
    assert (await at_ben.next_presence())[:2] == (1, True)
    for one, other in ((ann, ben), (ben, ann)):
        assert await is_online(one, other) is True


async def test_who_is_blocked_while_he_leaves_is_not_told_of(
    ann: Person, ben: Person, chloe: Person, grace: Grace
) -> None:
    for partner in (ben, chloe):
        await ann.write(partner)
    at_ben, at_chloe, at_ann = await ben.connect(), await chloe.connect(), await ann.connect()
    for tab in (at_ben, at_chloe):
        assert (await tab.next_presence())[:2] == (1, True)

    await leave(at_ann)
    await ann.put("/messages/blocks/2")
    await grace.over(1)

    assert (await at_chloe.next_presence())[:2] == (1, False)
    assert await is_silent(at_ben)


async def test_hundreds_who_come_and_go_at_once_are_each_told_of_once(
    server: RunningServer, ann: Person, ben: Person
) -> None:
    numbers = range(101, 401)
    befriend(server, numbers)
    listeners = [await ann.connect(), await ben.connect()]

    crowd = await asyncio.gather(*(server.person(number).connect() for number in numbers))
    for tab in listeners:
        told = [await tab.next_presence() for _ in numbers]
        assert sorted(told) == [(number, True, "2026-01-06T10:00:00.000Z") for number in numbers]
    assert await is_silent(*listeners)

    await asyncio.gather(*map(leave, crowd))
    for tab in listeners:
        told = [await tab.next_presence() for _ in numbers]
        assert sorted(told) == [(number, False, "2026-01-06T10:00:00.000Z") for number in numbers]
    assert await is_silent(*listeners)
    for one in crowd:  # strangers to each other
        assert [event["type"] for event in one.seen] == ["connected"]


def befriend(server: RunningServer, numbers: Sequence[int]) -> None:
    """Users with these ids, each of whom wrote to Ann and heard from Ben."""
    stamps = {"created_at": START, "updated_at": START}
    for number in numbers:
        server.execute(
            sa.insert(users).values(
                user_id=number, email=f"user{number}@example.com", phone_number="", full_name=f"No. {number}", **stamps
            )
        )
        for sender, recipient in ((number, 1), (2, number)):
            server.execute(
                sa.insert(messages).values(sender_id=sender, recipient_id=recipient, message_content="Hello", **stamps)
            )


async def test_a_stop_of_the_server_is_nobody_s_leaving(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comings, "GRACE_SECONDS", 100 * LIMIT)
    server = RunningServer(settings)
    server.start()
    await server.joined()
    ann, ben = server.person(1), server.person(2)
    await ann.write(ben)
    at_ann, at_ben = await ann.connect(), await ben.connect()
    assert (await at_ann.next_presence())[:2] == (2, True)
    await leave(at_ben)
    await ben.connect()
    await holds(lambda: not leaving_of(server))
    monkeypatch.setattr(comings, "GRACE_SECONDS", 0)

    await server.app.stop(server.http)

    assert (await at_ann.next())["type"] == "going_away"
    with pytest.raises(AssertionError, match="closed: 1001 Server is restarting"):
        await at_ann.next()
    assert not at_ann.presences
