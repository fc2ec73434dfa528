"""Two windows of a real browser on the debug page: what a developer does in his first minute.

`make picture` runs this with PICTURE set, which keeps the desktop's picture for the README.
"""

import os
import signal
from pathlib import Path

from playwright.async_api import expect

from tests.support.browser import DESKTOP, PHONE, browser_and_server, browser_test, log_in, press, say
from tests.support.process import ServerProcess

pytestmark = browser_test


async def test_two_windows_chat(tmp_path: Path) -> None:
    async with browser_and_server(tmp_path) as (browser, server):
        context = await browser.new_context(viewport=DESKTOP, locale="en-GB", timezone_id="UTC")
        problems: list[str] = []
        ann, ben = await context.new_page(), await context.new_page()
        for page in (ann, ben):
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
        await log_in(ann, server, 1)
        await log_in(ben, server, 2)

        # The list: who is there, what is unread, who is online.
        entry = ann.locator("#conversations [data-user-id='2']")
        await expect(entry).to_contain_text("Ben Baker")
        await expect(entry).to_have_attribute("data-online", "true")
        await expect(ann.locator("#conversations [data-user-id='3'] .unread")).to_have_text("1")
        await expect(ann.locator("#conversations [data-user-id='3']")).to_have_attribute("data-online", "false")

        # By keyboard alone: to the entry, Enter opens the thread and puts the cursor into the box.
        await entry.focus()
        await ann.keyboard.press("Enter")
        await expect(ann.locator("#compose")).to_be_focused()
        await ben.click("#conversations [data-user-id='1']")
        await ann.keyboard.type("Great. I will bring my <b>tools</b> 🔧")
        await ann.keyboard.press("Enter")
        arrived = ben.locator("#thread .theirs .text").last
        await expect(arrived).to_have_text("Great. I will bring my <b>tools</b> 🔧")
        assert await ben.locator("#thread b").count() == 0
        await expect(ann.locator("#thread .mine .receipt").last).to_have_attribute("data-read", "true")

        await say(ben, "See you on Saturday then.")
        await expect(ann.locator("#thread .theirs .text").last).to_have_text("See you on Saturday then.")
        await ben.locator("#compose").press_sequentially("At ten, or is eleven better?", delay=100)
        await expect(ann.locator("#typing")).to_contain_text("typing")
        if picture := os.environ.get("PICTURE"):
            await ann.screenshot(path=picture)
        await ben.fill("#compose", "")

        # Edit, then delete.
        mine = ben.locator("#thread .mine", has_text="See you on Saturday then.")
        message_id = await mine.get_attribute("data-message-id")
        await press(mine, "edit")
        await ben.fill("#compose", "See you on Sunday then.")
        await ben.press("#compose", "Enter")
        seen = ann.locator(f"#thread [data-message-id='{message_id}']")
        await expect(seen.locator(".text")).to_have_text("See you on Sunday then.")
        await expect(seen).to_contain_text("edited")
        await press(ben.locator(f"#thread [data-message-id='{message_id}']"), "delete")
        await expect(seen).to_have_count(0)

        # Every frame stands in the log pane, and no token.
        for kind in ("connected", "message", "message_sent", "message_read", "typing", "message_edited"):
            await expect(ann.locator(f"#log .entry[data-direction='in'][data-type='{kind}']").first).to_be_attached()
        assert "eyJ" not in await ann.locator("#log").inner_text()
        assert problems == []


async def test_unread_messages_are_counted_and_marked_one_by_one(tmp_path: Path) -> None:
    async with browser_and_server(tmp_path) as (browser, server):
        context = await browser.new_context(viewport=PHONE)
        ann, ben = await context.new_page(), await context.new_page()
        await log_in(ann, server, 1)
        await log_in(ben, server, 2)
        await ben.click(".tabs [data-pane=chats]")
        await ben.click("#conversations [data-user-id='1']")
        unread = ben.locator("#conversations [data-user-id='1'] .unread")
        await expect(unread).to_have_attribute("hidden", "")
        await ben.uncheck("#autoread")
        await ann.click("#conversations [data-user-id='2']")

        for number in (1, 2, 3):
            await say(ann, f"Number {number}")

        await expect(unread).to_have_text("3")
        await press(ben.locator("#thread .theirs", has_text="Number 1"), "markread")
        await expect(ann.locator("#thread .mine", has_text="Number 1").locator(".receipt")).to_have_attribute(
            "data-read", "true"
        )
        await expect(unread).to_have_text("2")
        await ben.click("#markread")
        await expect(unread).to_be_hidden()
        for page in (ann, ben):
            wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, "the page scrolls sideways on a phone"


async def test_a_thread_stays_at_its_end_when_a_message_could_not_be_sent(tmp_path: Path) -> None:
    async with browser_and_server(tmp_path) as (browser, server):
        low = {"width": DESKTOP["width"], "height": 400}
        ann = await (await browser.new_context(viewport=low)).new_page()
        await log_in(ann, server, 1)
        await ann.click("#conversations [data-user-id='2']")
        await expect(ann.locator("#thread [data-message-id]").last).to_be_in_viewport()

        server.signal(signal.SIGKILL)
        await server.exit_code()
        await ann.fill("#compose", "Not sent yet")
        await ann.press("#compose", "Enter")
        await expect(ann.locator("#error")).to_be_visible()

        # The message that was shown at once is gone, and the line with the error took some of the thread's room. The
        # browser tells the page of both when it draws the next picture.
        await ann.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        await expect(ann.locator("#thread [data-message-id]").last).to_be_in_viewport(ratio=1)
        assert await ann.evaluate("threadScroll.atBottom()")


async def test_a_restart_is_survived_and_a_refusal_explained(tmp_path: Path) -> None:
    async with browser_and_server(tmp_path) as (browser, server):
        ann = await (await browser.new_context(viewport=DESKTOP)).new_page()
        await log_in(ann, server, 1)
        await ann.click("#conversations [data-user-id='2']")
        await ann.fill("#compose", "Not sent yet")

        server.signal(signal.SIGTERM)
        assert await server.exit_code() == 0
        await expect(ann.locator("#state")).to_have_attribute("data-state", "waiting")
        await ann.press("#compose", "Enter")
        await expect(ann.locator("#error")).to_be_visible()
        await expect(ann.locator("#compose")).to_have_value("Not sent yet")

        again = ServerProcess(tmp_path, PORT=server.port)
        try:
            await again.started()
            await expect(ann.locator("#state")).to_have_attribute("data-state", "online", timeout=30_000)
            await ann.press("#compose", "Enter")
            await expect(ann.locator("#thread .mine .text").last).to_have_text("Not sent yet")

            ben = again.person(1)
            for _ in range(4):
                await ben.connect()
            await ann.click("#disconnect")
            await expect(ann.locator("#state")).to_have_attribute("data-state", "closed")
            await ben.connect()
            await ann.click("#connect")
            await expect(ann.locator("#state")).to_have_attribute("data-state", "refused")
            await expect(ann.locator("#state")).to_contain_text("Too many connections")
        finally:
            await again.clean_up()
