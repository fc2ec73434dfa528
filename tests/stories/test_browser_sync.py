"""The debug page away and back: what it missed is fetched by number, shown as such, and nothing is there twice."""

import asyncio
import re
import signal
from pathlib import Path

from playwright.async_api import Page, Request, Route, expect

from tests.support.browser import ann_and_ben, browser_test, press, say
from tests.support.process import ServerProcess

pytestmark = browser_test

THREAD_FETCHED = "#log [data-type='GET /api/v1/messages/user/2']"


async def go(page: Page, where: str) -> None:
    await page.click({"offline": "#disconnect", "online": "#connect"}[where])
    await expect(page.locator("#state")).to_have_attribute("data-state", {"offline": "closed"}.get(where, where))


async def test_what_the_other_did_meanwhile_is_caught_up(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, server):
        await say(ben, "To be edited")
        await say(ben, "To be deleted")
        await expect(ann.locator("#thread .theirs .text").last).to_have_text("To be deleted")
        await go(ann, "offline")
        fetched = await ann.locator(THREAD_FETCHED).count()

        await say(ben, "While you were away")
        await press(ben.locator("#thread .mine", has_text="To be edited"), "edit")
        await ben.fill("#compose", "Edited")
        await ben.press("#compose", "Enter")
        await expect(ben.locator("#thread .mine", has_text="Edited")).to_have_count(1)
        deleted = ben.locator("#thread .mine", has_text="To be deleted")
        await press(deleted, "delete")
        await expect(deleted).to_have_count(0)
        await expect(ann.locator("#thread .theirs .text").last).to_have_text("To be deleted")
        await go(ann, "online")

        gap = ann.locator("#log [data-type='gap']")
        # The page marks read what it shows, which may be one event more by the time the answer comes.
        await expect(gap).to_contain_text(re.compile("[34] events fetched"))
        caught_up = ann.locator("#log [data-direction='sync']")
        kinds = [await entry.get_attribute("data-type") for entry in await caught_up.all()]
        kinds = [kind for kind in kinds if kind != "conversation_read"]
        assert kinds == ["message", "message_edited", "message_deleted", "gap"]
        texts = await ann.locator("#thread .theirs .text").all_inner_texts()
        assert texts[-2:] == ["Edited", "While you were away"]
        assert await ann.locator(THREAD_FETCHED).count() == fetched, "the thread was fetched instead of caught up"

        await say(ben, "Now you are back")
        await expect(ann.locator("#thread .theirs .text").last).to_have_text("Now you are back")
        await expect(ben.locator("#thread .mine .receipt").last).to_have_attribute("data-read", "true")
        latest = (await server.person(1).get("/messages/sync?since=0")).data["latest"]
        await expect(ann.locator("#reached")).to_have_text(f"event {latest}")
        await expect(gap).to_have_count(1)


async def test_what_is_opened_at_the_end_of_the_log_is_seen(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, _, server):
        await ann.uncheck("#autoread")
        for number in range(15):
            await server.person(2).post("/messages", {"recipientId": 1, "messageContent": f"Number {number}"})
        await expect(ann.locator("#log .entry[data-type='message']")).to_have_count(15)
        # The list is asked for now and then, once at a time: from this one on no answer comes behind the last entry.
        is_seen = asyncio.Event()

        async def hold(route: Route) -> None:
            await is_seen.wait()
            await route.abort()

        async with ann.expect_request("**/messages/conversations?*"):
            await ann.route("**/messages/conversations?*", hold)
        await go(ann, "offline")
        last = ann.locator("#log .entry").last
        await expect(last).to_have_attribute("data-type", "close")

        await last.locator("summary").click()

        await expect(last.locator("pre")).to_be_in_viewport(ratio=1)
        is_seen.set()
        await ann.unroute_all(behavior="wait")


async def test_more_than_one_answer_holds_is_fetched_in_order(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, _, server):
        await go(ann, "offline")
        ben = server.person(2)
        for number in range(130):
            await ben.post("/messages", {"recipientId": 1, "messageContent": f"Number {number}"})

        await go(ann, "online")

        # The page marks read what it shows, which may be one event more by the time the last answer comes.
        await expect(ann.locator("#log [data-type='gap']").first).to_contain_text(re.compile("13[01] events fetched"))
        await expect(ann.locator("#log [data-type='GET /api/v1/messages/sync']").nth(1)).to_be_attached()
        texts = await ann.locator("#thread .theirs .text").all_inner_texts()
        assert texts[-130:] == [f"Number {number}" for number in range(130)]


async def test_a_window_that_was_left_catches_up_when_it_is_back(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, server):
        await say(ben, "Before")
        await expect(ann.locator("#thread .theirs .text").last).to_have_text("Before")
        await expect(ben.locator("#thread .mine .receipt").last).to_have_attribute("data-read", "true")
        latest = (await server.person(1).get("/messages/sync?since=0")).data["latest"]
        await expect(ann.locator("#reached")).to_have_text(f"event {latest}")
        page = ann.url
        await ann.goto("about:blank")
        await say(ben, "Meanwhile")
        await ann.goto(page)

        # The page marks read what it shows, which may be a second event by the time the answer comes.
        await expect(ann.locator("#log [data-type='gap']")).to_contain_text(
            re.compile("1 event fetched|2 events fetched")
        )
        await expect(ann.locator("#thread .theirs .text", has_text="Meanwhile")).to_have_count(1)


async def test_with_another_database_the_page_starts_afresh(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, server):
        await say(ben, "Soon forgotten")
        await expect(ann.locator("#thread .theirs .text").last).to_have_text("Soon forgotten")
        server.signal(signal.SIGTERM)
        assert await server.exit_code() == 0
        other = tmp_path / "other"
        other.mkdir()
        again = ServerProcess(other, PORT=server.port)
        try:
            await again.started()
            await expect(ann.locator("#log [data-type='gap']")).to_contain_text("fetched afresh", timeout=30_000)

            await expect(ann.locator("#thread .theirs .text", has_text="Soon forgotten")).to_have_count(0)
            await again.person(2).post("/messages", {"recipientId": 1, "messageContent": "A new beginning"})
            await expect(ann.locator("#thread .theirs .text").last).to_have_text("A new beginning")
        finally:
            await again.clean_up()


async def test_a_thread_that_could_not_be_fetched_is_asked_for_again(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, _, _server):
        refusals: list[str] = []

        async def refuse_the_first(route: Route, request: Request) -> None:
            if refusals:
                await route.fallback()
            else:
                refusals.append(request.url)
                await route.fulfill(status=503, json={"success": False, "message": "Too much to do."})

        await ann.route("**/api/v1/messages/user/3*", refuse_the_first)
        await ann.click("#conversations [data-user-id='3']")
        await expect(ann.locator("#error")).to_contain_text("Too much to do.")
        await expect(ann.locator("#thread .theirs .text")).not_to_have_count(0)
        assert refusals


async def test_a_conversation_is_cleared_for_oneself_in_all_windows(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        second = await ann.context.new_page()
        await second.goto(ann.url)
        await expect(second.locator("#state")).to_have_attribute("data-state", "online")
        await say(ben, "Before")
        for window in (ann, second):
            await expect(window.locator("#thread .theirs .text").last).to_have_text("Before")

        await ann.click("#clearthread")
        await expect(ann.locator("#clearthread")).to_have_text("Clear for you?")
        await ann.click("#clearthread")

        for window in (ann, second):
            await expect(window.locator("#thread")).to_contain_text("No messages yet.")
            await expect(window.locator("#conversations [data-user-id='2']")).to_have_count(0)
        await say(ben, "After")
        for window in (ann, second):
            await expect(window.locator("#thread .text")).to_have_text(["After"])
        assert await ben.locator("#thread .mine", has_text="Before").count() == 1


async def test_a_message_whose_answer_got_lost_is_sent_again_and_stored_once(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        keys: list[str | None] = []

        async def lose_the_first_answer(route: Route, request: Request) -> None:
            keys.append(await request.header_value("Idempotency-Key"))
            answer = await route.fetch()
            if len(keys) == 1:
                await route.abort()
            else:
                await route.fulfill(response=answer)

        await ann.route("**/api/v1/messages", lose_the_first_answer)
        await say(ann, "Once")
        await expect(ann.locator("#log [data-type='POST /api/v1/messages'][data-failed='false']")).to_have_count(1)

        assert keys[0]
        assert keys == keys[:1] * 2
        for window in (ann, ben):
            await expect(window.locator("#thread .text", has_text="Once")).to_have_count(1)
        await expect(ann.locator("#error")).to_be_hidden()
