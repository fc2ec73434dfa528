"""Whoever pages through a thread or catches up while others write gets each once: nothing skipped, nothing repeated."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tornado.ioloop import IOLoop

from tests.support.server import RunningServer

UNLIMITED = pytest.mark.settings(rate_limit_writes_per_minute=0, rate_limit_reads_per_minute=0)
SQLITE = pytest.mark.editions("sqlite")  # hundreds of stories; the statements are the same everywhere
ANY = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    # Looking for a shorter story that fails, too, takes minutes.
    phases=[Phase.explicit, Phase.generate],
)

WRITES = st.lists(st.sampled_from(("send", "answer", "edit", "delete", "read", "elsewhere")), max_size=4)
ROUNDS = st.lists(WRITES, min_size=1, max_size=8)
"""What is written before each page is asked for."""


class Talk:
    """Ann and Ben write to each other, Ann to Chloé; Ben reads."""

    def __init__(self, server: RunningServer) -> None:
        self.ann, self.ben, self.chloe = (server.person(number) for number in (1, 2, 3))
        self.ids: list[int] = []
        """Of all that were not deleted."""

    async def write(self, what: str) -> None:
        if what in ("send", "answer", "elsewhere"):
            sender, recipient = {
                "send": (self.ann, self.ben), "answer": (self.ben, self.ann), "elsewhere": (self.ann, self.chloe)
            }[what]  # fmt: skip
            message = await sender.write(recipient)
            if what != "elsewhere":
                self.ids.append(message["messageId"])
        elif what == "edit":
            await self.ann.put(f"/messages/{self.ids[-1]}", {"messageContent": "Other words"})
        elif what == "delete" and len(self.ids) > 1:
            assert (await self.ann.delete(f"/messages/{self.ids.pop()}")).status == 200
        else:
            await self.ben.post(f"/messages/conversations/{self.ann.user_id}/read")

    async def thread(self, **query: int) -> list[int]:
        words = "&".join(f"{name}={value}" for name, value in query.items())
        answer = await self.ben.get(f"/messages/user/{self.ann.user_id}?{words}")
        return [message["messageId"] for message in answer.data]

    async def missed(self, since: int, limit: int) -> Any:
        return (await self.ben.get(f"/messages/sync?since={since}&limit={limit}")).data


@pytest.fixture
def talk(server: RunningServer, io_loop: IOLoop) -> Talk:
    talk = Talk(server)
    io_loop.run_sync(lambda: talk.write("send"))
    return talk


def run(io_loop: IOLoop, story: Callable[[], Awaitable[None]]) -> None:
    io_loop.run_sync(story, timeout=30)


@UNLIMITED
@SQLITE
def test_catching_up(talk: Talk, io_loop: IOLoop) -> None:
    """Pages of the log, asked for while it grows, are its numbers one by one, and say at the end what was written."""

    @ANY
    @given(rounds=ROUNDS, limit=st.integers(1, 5))
    def any_story(rounds: list[list[str]], limit: int) -> None:
        async def story() -> None:
            begin = reached = (await talk.missed(0, 1))["latest"]
            known = set(talk.ids)
            events: list[Any] = []

            async def page() -> bool:
                nonlocal reached
                answer = await talk.missed(reached, limit)
                assert answer["complete"]
                assert len(answer["events"]) <= limit
                events.extend(answer["events"])
                reached = events[-1]["seq"] if answer["events"] else reached
                assert answer["more"] is (reached < answer["latest"])
                return bool(answer["more"])

            for writes in rounds:
                for what in writes:
                    await talk.write(what)
                await page()
            while await page():
                pass

            assert [event["seq"] for event in events] == list(range(begin + 1, reached + 1))
            assert reached == (await talk.missed(0, 1))["latest"]
            for event in events:
                if event["type"] in ("message", "message_sent"):
                    known.add(event["message"]["messageId"])
                elif event["type"] == "message_deleted":
                    known.remove(event["messageId"])
            assert known == set(talk.ids)

        run(io_loop, story)

    any_story()


@UNLIMITED
@SQLITE
def test_paging_back_through_a_thread(talk: Talk, io_loop: IOLoop) -> None:
    @ANY
    @given(before=WRITES, rounds=ROUNDS, limit=st.integers(1, 5))
    def any_story(before: list[str], rounds: list[list[str]], limit: int) -> None:
        async def story() -> None:
            for what in ["send", *before]:
                await talk.write(what)
            there = list(talk.ids)
            seen = await talk.thread(limit=limit)
            for writes in rounds:
                for what in writes:
                    await talk.write(what)
                page = await talk.thread(limit=limit, before=seen[0])
                assert len(page) <= limit
                seen = page + seen
            while page := await talk.thread(limit=100, before=seen[0]):
                seen = page + seen

            assert seen == sorted(set(seen))
            assert set(there) & set(talk.ids) <= set(seen) <= set(there)

        run(io_loop, story)

    any_story()


@UNLIMITED
@SQLITE
def test_paging_on_through_a_thread(talk: Talk, io_loop: IOLoop) -> None:
    @ANY
    @given(rounds=ROUNDS, limit=st.integers(1, 5))
    def any_story(rounds: list[list[str]], limit: int) -> None:
        async def story() -> None:
            begin = talk.ids[-1]
            seen = [begin]
            known = set(talk.ids)
            for writes in rounds:
                for what in writes:
                    await talk.write(what)
                    known |= set(talk.ids)
                page = await talk.thread(limit=limit, after=seen[-1])
                assert len(page) <= limit
                seen += page
            while page := await talk.thread(limit=limit, after=seen[-1]):
                seen += page

            assert seen == sorted(set(seen))
            written = {number for number in talk.ids if number > begin}
            assert written <= set(seen[1:]) <= {number for number in known if number > begin}

        run(io_loop, story)

    any_story()
