"""A whole server in the test's own process: real HTTP, real sockets, a real database file."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets

from regoods.app import Application, make_app, make_server
from regoods.core.settings import Settings
from regoods.core.work import Work, reads_for_anyone
from regoods.features.blocks.tables import blocks
from regoods.features.conversations.tables import messages
from regoods.features.posts.tables import post_images, posts
from regoods.features.users.tables import users
from tests.support.clock import ManualClock
from tests.support.people import LIMIT, Person
from tests.support.raw_socket import eventually

NAMES = ("Ann Archer", "Ben Baker", "Chloé Dubois", "Dmitri Волков", "Emre Yılmaz", "Fatima Zahra")
START = datetime(2026, 1, 6, 10, 0, tzinfo=UTC)


class RunningServer:
    """The product on an ephemeral port, with six users (1 to 6) and two posts, and a clock that can be set."""

    def __init__(self, settings: Settings, clock: ManualClock | None = None, names: Sequence[str] = NAMES) -> None:
        self.settings = settings
        self.names = names
        self.clock = clock or ManualClock(START)
        self.app: Application = make_app(settings, self.clock)
        self.http: HTTPServer = make_server(self.app)
        self.people: list[Person] = []
        self.base_url = ""

    def start(self, *, migrated: bool = False) -> None:
        """On the loop's thread. A database that is known to be `migrated` is not looked through again."""
        if migrated:
            self.app.prepare_features()
        else:
            self.app.prepare_database()
        with self.app.database.engine.begin() as connection:
            if connection.execute(sa.select(users.c.user_id).limit(1)).first() is None:
                fill(connection, self.names)
        self.app.start()
        sockets = bind_sockets(0, "127.0.0.1")
        self.http.add_sockets(sockets)
        self.base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"

    async def joined(self) -> None:
        """Once Redis hears it, where there is one."""

        async def is_joined() -> bool:
            return not self.app.services.degraded()

        await eventually(is_joined)

    def rest(self) -> None:
        """Do nothing any more that nobody asks for; a round under way goes on to its end."""
        for callback in self.app._periodic:
            callback.stop()

    async def stop(self) -> None:
        for person in self.people:
            for socket in person.sockets:
                socket.close()
        await asyncio.wait_for(self.app.stop(self.http), 10)

    def person(self, user_id: int) -> Person:
        person = Person(self.base_url, user_id, self.settings.jwt_access_secret)
        self.people.append(person)
        return person

    def execute(self, statement: sa.Executable) -> list[sa.Row]:  # type: ignore[type-arg]
        """Run a statement as another program would; its rows."""
        with self.app.database.engine.begin() as connection:
            result = connection.execute(statement)
            return list(result) if result.returns_rows else []

    def deactivate(self, user_id: int) -> None:
        self.execute(sa.update(users).where(users.c.user_id == user_id).values(is_active=False))

    def block(self, user_id: int, blocked_id: int) -> None:
        """As another process of ours would: this one finds it in the database alone."""
        self.execute(sa.insert(blocks).values(user_id=user_id, blocked_id=blocked_id, created_at=START))

    def message_row(self, message_id: int) -> sa.Row:  # type: ignore[type-arg]
        return self.execute(sa.select(messages).where(messages.c.message_id == message_id))[0]


@contextmanager
def serving(io_loop: IOLoop, server: RunningServer, *, migrated: bool = False) -> Iterator[RunningServer]:
    """Started, joined to others where there is a Redis, and stopped at the end; for fixtures."""

    async def start() -> None:
        server.start(migrated=migrated)
        await server.joined()

    io_loop.run_sync(start)
    yield server
    io_loop.run_sync(server.stop, timeout=15)


def fill(connection: sa.Connection, names: Sequence[str]) -> None:
    stamps = {"created_at": START - timedelta(days=30), "updated_at": START - timedelta(days=30)}
    for number, name in enumerate(names, 1):
        connection.execute(
            sa.insert(users).values(
                user_id=number, email=f"user{number}@example.com", phone_number="", full_name=name, **stamps
            )
        )
    for number, title in ((1, "Road bike"), (2, "Oak table")):
        connection.execute(
            sa.insert(posts).values(
                post_id=number,
                user_id=2,
                title=title,
                category_id=1,
                description="",
                price=420.5 * number,
                location="",
                contact_number="",
                status="active",
                **stamps,
            )
        )
    for order, name in ((2, "back"), (1, "front")):
        connection.execute(
            sa.insert(post_images).values(
                post_id=1, image_url=f"https://images.example.com/{name}.jpg", display_order=order
            )
        )


async def hang_a_reader(server: RunningServer, answered: threading.Event) -> asyncio.Future[None]:
    """As a database does that does not answer."""
    begun = threading.Event()

    def wait(_work: Work, _user_id: int) -> None:
        begun.set()
        assert answered.wait(LIMIT)

    hanging = asyncio.ensure_future(server.app.services.work.run(reads_for_anyone(wait), 0))
    assert await asyncio.to_thread(begun.wait, LIMIT)
    return hanging
