"""Whoever is deactivated or deleted while he has sockets loses them; nobody else does."""

import asyncio
import time
from typing import Any

import pytest
import sqlalchemy as sa

from regoods.features.users import FEATURE, periodic
from regoods.features.users.tables import users
from tests.support.nodes import Nodes, at
from tests.support.people import Person
from tests.support.process import ServerProcess
from tests.support.raw_socket import connect_raw, eventually
from tests.support.server import RunningServer

INVALID = (1008, "Invalid token")


def test_a_round_begins_often_enough_that_it_is_over_within_a_minute() -> None:
    assert [one.interval_ms <= 20_000 for one in FEATURE.periodic] == [True]


async def test_a_deactivated_users_sockets_are_closed_and_nobody_elses(
    server: RunningServer, ann: Person, ben: Person, chloe: Person
) -> None:
    his = [await ben.connect(), await ben.connect()]
    others = [await ann.connect(), await chloe.connect()]
    server.deactivate(2)

    await periodic.dismiss_inactive(server.app.services)

    for socket in his:
        assert await socket.closed() == INVALID
    for socket in others:
        assert await socket.quiet() == []
    assert not server.app.registry.is_online(2)

    async def closed() -> Any:
        return (await ann.get("/health/websocket-stats", root="")).body["closed"]

    async def are_counted() -> bool:
        return sum((await closed()).values()) == 2  # once the connections are gone, too

    await eventually(are_counted)
    assert await closed() == {"1008": 2}


async def test_a_user_whose_row_is_gone_loses_his_sockets(server: RunningServer, ann: Person, dmitri: Person) -> None:
    his = await dmitri.connect()
    hers = await ann.connect()
    server.execute(sa.delete(users).where(users.c.user_id == 4))

    await periodic.dismiss_inactive(server.app.services)

    assert await his.closed() == INVALID
    assert await hers.quiet() == []


async def test_any_number_of_users_is_looked_through_in_parts(
    server: RunningServer, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(periodic, "ASKED_AT_ONCE", 2)
    everybody = [server.person(number) for number in range(1, 7)]
    sockets = [await connect_raw(person) for person in everybody]
    for number in (1, 4, 6):
        server.deactivate(number)

    await periodic.dismiss_inactive(server.app.services)

    for number, socket in enumerate(sockets, 1):
        if number in (1, 4, 6):
            assert await socket.closed() == INVALID
        else:
            assert await socket.quiet() == []


async def test_a_database_that_does_not_answer_says_nothing_of_anybody(server: RunningServer, ann: Person) -> None:
    socket = await ann.connect()
    server.deactivate(1)
    server.app.services.work._stopping = True

    await periodic.dismiss_inactive(server.app.services)

    server.app.services.work._stopping = False
    assert await socket.quiet() == []


@pytest.mark.editions("sqlite")
async def test_each_node_closes_its_own(nodes: Nodes) -> None:
    ann, ann_elsewhere = at(nodes, 1)
    here, there = await ann.connect(), await ann_elsewhere.connect()
    nodes[0].deactivate(1)

    await periodic.dismiss_inactive(nodes[0].app.services)
    assert await here.closed() == INVALID
    assert await there.quiet() == []

    await periodic.dismiss_inactive(nodes[1].app.services)
    assert await there.closed() == INVALID


@pytest.mark.gen_test(timeout=120)
async def test_a_real_server_does_so_within_a_minute(tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    process = ServerProcess(tmp_path)
    try:
        await process.started()
        ann, ben = process.person(1), process.person(2)
        hers, his = await ann.connect(), await connect_raw(ben)
        engine = sa.create_engine(process.environment["DATABASE_URL"])
        with engine.begin() as connection:
            connection.execute(sa.text('UPDATE "Users" SET "IsActive" = 0 WHERE "UserID" = 2'))
        engine.dispose()
        begun = time.monotonic()
        assert (await ben.get("/messages/unread-count")).status == 401

        while True:
            received = await asyncio.wait_for(his.next(), 60)
            if received.opcode == 8:
                break

        assert received.payload[2:].decode() == INVALID[1]
        assert time.monotonic() - begun < 60
        assert (await hers.quiet()) == []
    finally:
        await process.clean_up()
