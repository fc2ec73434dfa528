"""How the databases go about the queries that must stay fast: by an index, never through the whole table."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from benchmarks.database import fill
from regoods import migrations
from regoods.core.database import Database
from regoods.core.editions import snake_case
from regoods.core.query import DirectPlan, Query
from regoods.core.settings import ROOT
from regoods.features.attachments import queries as attachments
from regoods.features.conversations import queries as conversations
from regoods.features.messages import queries as messages
from regoods.features.presence import queries as presence
from regoods.features.search import queries as search
from regoods.features.sync import queries as sync
from regoods.features.threads import queries as threads
from tests.support.databases import PostgresServer

STORED = 50_000
PARAMETERS: dict[str, Any] = {
    "me": 1, "partner": 5, "offset": 0, "end": 20, "post": 1, "id": 7, "after": 0, "until": 2**31 - 1, "cleared": 0,
    "user": 1, "since": 0, "limit": 100, "mark": 49_000, "message": 49_001, "key": 1,
    "check_at": datetime(2026, 1, 6, tzinfo=UTC), "now": datetime(2026, 1, 6, tzinfo=UTC),
}  # fmt: skip
PARAMETERS |= {f"id{number}": number for number in range(100)}
OF_SEARCH: dict[str, Any] = {"me": 5, "partner": 1, "before": 2**31 - 1, "above": 0, "window": 1_000, "most": 1_000}
OF_SEARCH |= {"pattern": "%bicycle%", "match": '"bic"', "needle": "bic"}
"""Of somebody with 50 messages: who has half of all has his found without an index, too."""
FAST = {
    "list": (conversations._previews, ("Sent", "Received", "Unread")),
    "number of partners": (conversations._partners, ("Sent", "Received")),
    "unread count": (conversations._unread_count, ("Unread",)),
    "unread of a partner": (conversations._unread_ids, ("Unread",)),
    "whether they are in touch": (conversations._in_touch, ("Sent|Received|Conversation",)),
    "newest between two": (conversations._newest_between, ("Sent|Received|Conversation",)),
    "thread": (threads._newest[False], ("Sent|Received",)),
    "thread onwards": (threads._oldest[False], ("Sent|Received",)),
    "thread about a post": (threads._newest[True], ()),
    "length of a thread": (threads._lengths[False], ("Sent|Received",)),
    "unread in a thread": (threads._unread, ("Unread",)),
    "partners": (presence._partners, ("Sent", "Received")),
    "partners on a page": (presence._known, ("Sent|Received|Conversation",)),
    "what is in no log": (sync._unlogged, ()),
    "missed events": (sync._since, ()),
    "oldest event of a user": (sync._oldest_number, ()),
    "key": (messages._find_key, ()),
    "one message": (messages._one, ()),
    "uploads to look at": (attachments._due, ("Attachment_?URL",)),
    "upload of a message": (attachments._check_of_message, ()),
}
"""Query -> which of our indexes it must use."""

NEWEST = {"sqlite": ("SenderID", "RecipientID"), "postgresql": ("Sent|SentNewest", "Received|ReceivedNewest")}
SEARCHES = {
    "how many of his own": (search._reaches[False], NEWEST),
    "how many with a partner": (search._reaches[True], {"sqlite": ("Sent|Received",), "postgresql": ()}),
    "his own, on SQLite": (search._owns[False], {"sqlite": NEWEST["sqlite"]}),
    "with a partner, on SQLite": (search._owns[True], {"sqlite": ("Sent|Received",)}),
    "his own that match": (search._matching_owns[False], {"postgresql": NEWEST["postgresql"]}),
    "by trigrams": (search._by_trigrams_of[False], {"postgresql": ("Joined",)}),
    "by the full text": (search._by_indexes[False], {"sqlite": ()}),
    "place of a hit": (search._place, {"sqlite": ()}),
    "what was edited": (search._editeds[False], {"sqlite": ()}),
}
"""As above; and each edition's own."""
BY_ID = (search._by_indexes[False], search._editeds[False])
"""What SQLite must begin elsewhere, however little the caller has written."""
ON_SQLITE = FAST | {name: (query, uses["sqlite"]) for name, (query, uses) in SEARCHES.items() if "sqlite" in uses}
ON_POSTGRESQL = FAST | {
    name: (query, uses["postgresql"]) for name, (query, uses) in SEARCHES.items() if "postgresql" in uses
}

OF_A_MILLION = {
    "IX_Messages_Unread": "5000 834 500 1",
    "IX_Messages_Sent": "1000000 1000 500 1 1",
    "IX_Messages_Received": "1000000 1000 500 1 1",
    "IX_Messages_SenderID": "1000000 1000",
    "IX_Messages_RecipientID": "1000000 1000",
    "IX_Messages_PostID": "1000000 1000000",
    "IX_Messages_CreatedAt": "1000000 1000000",
    "IX_Messages_Conversation": "1000000 1000 500",
}
"""What ANALYZE finds in the million messages of `make bench-database`: index -> its `stat` (SQLite's sqlite_stat1)."""


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = filled(f"sqlite:///{tmp_path_factory.mktemp('plans')}/regoods.db")
    yield database
    database.close()


@pytest.fixture(scope="module")
def believing_in_a_million(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Empty, but with the statistics of a million messages: those alone decide about a plan."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('plans')}/regoods.db", ROOT)
    migrations.upgrade(database)
    statistics = [{"name": name, "stat": stat} for name, stat in OF_A_MILLION.items()]
    with database.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE Users")
        connection.execute(sa.text("INSERT INTO sqlite_stat1 VALUES ('Messages', :name, :stat)"), statistics)
    database.engine.dispose()  # a connection reads them once
    yield database
    database.close()


@pytest.fixture(scope="module")
def on_postgres(postgres: PostgresServer) -> Iterator[Database]:
    url = postgres.create()
    database = filled(url)
    yield database
    database.close()
    postgres.drop(url)


def filled(url: str) -> Database:
    fill(url, STORED)
    return Database(url, ROOT)


@pytest.mark.parametrize("name", ON_SQLITE)
def test_sqlite_follows_an_index(sqlite: Database, name: str) -> None:
    check_plan(sqlite, name)


@pytest.mark.parametrize("name", ON_SQLITE)
def test_sqlite_follows_it_among_a_million(believing_in_a_million: Database, name: str) -> None:
    """The list's unread are counted by their own index, which is a hundred times as short, not by the pair's."""
    check_plan(believing_in_a_million, name)


def check_plan(database: Database, name: str) -> None:
    query, indexes = ON_SQLITE[name]
    plan = DirectPlan(query.statement(database.engine.dialect), database.engine.dialect)
    with database.engine.connect() as connection:
        cursor: Any = connection.connection.cursor()
        steps = cursor.execute(f"EXPLAIN QUERY PLAN {plan.sql}", plan.parameters(parameters_of(name))).fetchall()
        text = "\n".join(row[3] for row in steps)

    assert not re.search(
        r"SCAN (Messages|Messaging(?!Search)\w+|Users|Posts|PostImages|other|sender|recipient)\b", text
    ), text
    if query in BY_ID:
        assert "SEARCH Messages USING INTEGER PRIMARY KEY" in text, text
    for index in indexes:
        assert re.search(f"IX_Messages_({index})", text), text


@pytest.mark.parametrize("name", ON_POSTGRESQL)
def test_postgresql_follows_an_index(on_postgres: Database, name: str) -> None:
    query, indexes = ON_POSTGRESQL[name]
    text = explained(on_postgres, query, parameters_of(name))

    # The thousand users and no posts of this database are sooner read whole than looked up.
    assert "Seq Scan on messages" not in text, text
    for index in indexes:
        assert re.search(f"ix_messages_({snake_case(index)})", text), text


def parameters_of(name: str) -> dict[str, Any]:
    return OF_SEARCH if name in SEARCHES else PARAMETERS


def explained(database: Database, query: Query, parameters: dict[str, Any]) -> str:
    dialect = database.engine.dialect
    compiled = query.statement(dialect).compile(dialect=dialect)
    given = {name: parameters.get(name, value) for name, value in compiled.params.items()}
    with database.engine.connect() as connection:
        sql = re.sub(r"__\[POSTCOMPILE_\w+\]", str(parameters["me"]), str(compiled))
        return "\n".join(connection.exec_driver_sql(f"EXPLAIN {sql}", given).scalars())
