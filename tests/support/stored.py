"""What must hold of a database whatever befell its server: nothing lost, nothing twice, nothing half written."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from regoods.core.database import Database
from regoods.core.settings import ROOT
from regoods.features.conversations.tables import messages
from regoods.features.sync.tables import cursors, events
from tests.support.follower import Follower
from tests.support.people import LIMIT
from tests.support.traffic import Crowd, recipient_of


class Stored:
    """What a crowd wrote, and the log of it, as another program finds them."""

    def __init__(self, database_url: str) -> None:
        database = Database(database_url, ROOT)
        message, event, cursor = messages.c, events.c, cursors.c
        with database.engine.connect() as connection:
            rows = connection.execute(
                sa.select(message.message_id, message.sender_id, message.message_content).order_by(message.message_id)
            ).all()
            logged = connection.execute(sa.select(event.user_id, event.seq, event.event).order_by(event.seq)).all()
            latest = connection.execute(
                sa.select(cursor.user_id, cursor.latest).where(cursor.user_id > 0, cursor.latest > 0)
            ).all()
        database.close()
        self._all = {row.message_id for row in rows}
        rows = [row for row in rows if " wrote " in row.message_content]
        self.texts = {row.message_id: row.message_content.rstrip(".") for row in rows}
        self.senders = {row.message_id: row.sender_id for row in rows}
        self._numbers: dict[int, list[int]] = defaultdict(list)
        self._told: Counter[tuple[str, int]] = Counter()
        for user_id, number, text in logged:
            self._numbers[user_id].append(number)
            said: Any = json.loads(text)
            if said["type"] in ("message", "message_sent"):
                self._told[said["type"], said["message"]["messageId"]] += 1
        self._latest = {row.user_id: row.latest for row in latest}

    def count(self, texts: Iterable[str]) -> int:
        """How many of these are there."""
        return len(set(self.texts.values()) & set(texts))

    def check(self, crowd: Crowd, doubtful: Iterable[str] = ()) -> None:
        """Every acknowledged message is there once, in its sender's order; none that was refused; the log agrees.

        `doubtful`: texts of which nobody can say whether they were stored.
        """
        missing = crowd.acknowledged.items() - self.texts.items()
        assert not missing, f"{len(missing)} lost"
        assert len(set(self.texts.values())) == len(self.texts)
        surplus = set(self.texts.values()) - set(crowd.acknowledged.values())
        assert surplus <= {*crowd.unanswered, *doubtful}
        in_order = defaultdict(list)
        for message_id, text in self.texts.items():
            in_order[self.senders[message_id]].append(int(text.rpartition(" ")[2]))
        for sender, numbers in in_order.items():
            assert numbers == sorted(numbers), sender
        self.check_log()

    def check_log(self) -> None:
        """The numbers of each log have no gap and end where its cursor is; each message is told of once to both."""
        for user_id, numbers in self._numbers.items():
            assert numbers == list(range(1, len(numbers) + 1)), user_id
        assert self._latest == {user_id: len(numbers) for user_id, numbers in self._numbers.items()}
        assert set(self._told.values()) <= {1}
        assert {message_id for _, message_id in self._told} <= self._all
        assert {(kind, message_id) for message_id in self.texts for kind in ("message", "message_sent")} <= set(
            self._told
        )

    def written_to(self, user_id: int) -> list[int]:
        """The ids of what the crowd wrote to one of its recipients."""
        return [message_id for message_id, sender in self.senders.items() if recipient_of(sender) == user_id]

    async def check_followers(self, followers: Mapping[int, Follower], limit: float = LIMIT) -> None:
        """Each took every message to him once, and each sender's in the order of their ids."""
        for user_id, follower in followers.items():
            expected = self.written_to(user_id)
            await follower.until(lambda taken=follower.messages, all_=expected: len(taken) >= len(all_), limit)
            assert follower.messages == dict.fromkeys(expected, 1)
            self.check_order(list(follower.messages))

    def check_order(self, taken: Iterable[int]) -> None:
        """Each sender's messages were taken in the order of their ids."""
        by_sender = defaultdict(list)
        for message_id in taken:
            by_sender[self.senders[message_id]].append(message_id)
        assert all(ids == sorted(ids) for ids in by_sender.values())


def check_integrity(database_url: str) -> None:
    """SQLite's own look at every page and index of its file; a server's database is asked nothing."""
    database = Database(database_url, ROOT)
    if database.embedded:
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
    database.close()
