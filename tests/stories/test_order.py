"""One sender's messages reach each socket in the order of their ids, however many send at once."""

import asyncio
import json

import pytest

from tests.support.people import LIMIT, Person, Socket
from tests.support.server import RunningServer
from tests.support.traffic import Line

LINES = 5
ON_EACH_LINE = 10
"""Messages to each receiver."""
SENDERS = range(1, 21)
RECEIVERS = (21, 22, 23)
SOCKETS_EACH = 2

pytestmark = [
    pytest.mark.gen_test(timeout=60),
    pytest.mark.settings(
        rate_limit_writes_per_minute=0, rate_limit_reads_per_minute=0, demo_data=True, demo_users=max(RECEIVERS)
    ),
]


class Sender:
    """Has all his messages under way at once, on several connections, one behind the other on each."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.ids: list[list[int]] = []
        """By connection, in the order he sent them there."""

    async def dial(self) -> "Sender":
        self._lines = [await Line.dial(self.person) for _ in range(LINES)]
        return self

    async def send_all(self) -> None:
        self.ids = await asyncio.gather(*map(self._send, self._lines, range(LINES)))

    async def _send(self, line: Line, ahead: int) -> list[int]:
        """`ahead`: reads before each of the first messages, or connections of the same pace would share every batch."""
        asked = []
        for number in range(ON_EACH_LINE):
            for receiver in RECEIVERS:
                if number < ON_EACH_LINE // 2:
                    for _ in range(ahead):
                        line.look()
                    asked += ahead * [200]
                line.ask(receiver, f"Number {number}")
                asked.append(201)
        ids = []
        for expected in asked:
            status, _, body = await asyncio.wait_for(line.answer(), 2 * LIMIT)
            assert status == expected, body
            if status == 201:
                ids.append(int(body["data"]["messageId"]))
        line.close()
        return ids


async def taken(socket: Socket, count: int) -> dict[int, list[int]]:
    """The ids of so many messages, by sender, in the order they came."""
    by_sender: dict[int, list[int]] = {}
    while count:
        text = await asyncio.wait_for(asyncio.ensure_future(socket.connection.read_message()), 2 * LIMIT)
        event = json.loads(str(text))
        if event["type"] == "message":
            by_sender.setdefault(event["message"]["senderId"], []).append(event["message"]["messageId"])
            count -= 1
    return by_sender


@pytest.mark.parametrize("senders", [1, 20])
async def test_each_senders_messages_come_in_the_order_of_their_ids(server: RunningServer, senders: int) -> None:
    sockets = [await server.person(receiver).connect() for receiver in RECEIVERS for _ in range(SOCKETS_EACH)]
    each = LINES * ON_EACH_LINE
    reading = [asyncio.ensure_future(taken(socket, senders * each)) for socket in sockets]
    crowd = [await Sender(server.person(user_id)).dial() for user_id in SENDERS[:senders]]

    await asyncio.gather(*(sender.send_all() for sender in crowd))

    for read in reading:
        by_sender = await read
        assert by_sender.keys() == {sender.person.user_id for sender in crowd}
        for ids in by_sender.values():
            assert ids == sorted(set(ids))
            assert len(ids) == each
    for sender in crowd:
        for ids in sender.ids:
            assert ids == sorted(set(ids))  # what is sent on one connection gets its ids in that order
