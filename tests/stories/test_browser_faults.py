"""The debug page under faults that it made itself: events get lost, and it fills the gap; and what its panels show.

`make picture` runs this with FAULTS_PICTURE set, which keeps a picture of the panel.
"""

import os
from pathlib import Path

from playwright.async_api import Page, expect

from tests.support.browser import PHONE, ann_and_ben, browser_test, say

pytestmark = browser_test

LAST = "#thread .theirs .text"
CUT = """panel => [panel, `${panel} *`].flatMap(some => [...document.querySelectorAll(some)])
    .filter(node => ["auto", "hidden"].includes(getComputedStyle(node).overflowX))
    .filter(node => node.scrollHeight > node.clientHeight || node.scrollWidth > node.clientWidth)
    .map(node => node.textContent)"""


async def set_fault(page: Page, name: str, value: str) -> None:
    await page.select_option(f"#{name}", value)
    await expect(page.locator(f"#{name}")).to_have_attribute("data-active", "true")


async def test_what_is_dropped_on_purpose_is_caught_up(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        problems: list[str] = []
        ann.on("pageerror", lambda error: problems.append(str(error)))
        mark, gaps = ann.locator("#faultmark"), ann.locator("#log [data-type='gap']")
        await expect(mark).to_be_hidden()
        await ann.click("#showfaults")
        await expect(ann.locator("#faultstate")).to_contain_text("1 socket open")
        await set_fault(ann, "dropEvery", "1")
        await expect(mark).to_contain_text("Faults: Ann")

        await say(ben, "Lost on its way")
        await expect(ann.locator("#faultstate")).to_contain_text("2 dropped")  # typing, and the message
        assert await ann.locator(LAST).last.inner_text() != "Lost on its way"

        await ann.click("#calm")
        await expect(mark).to_be_hidden()
        await expect(ann.locator("#dropEvery")).to_have_attribute("data-active", "false")
        await say(ben, "And found again")
        await expect(gaps.first).to_be_attached()
        await expect(ann.locator(LAST).last).to_have_text("And found again")
        texts = await ann.locator(LAST).all_inner_texts()
        assert texts[-2:] == ["Lost on its way", "And found again"]

        # Twice and out of order is once and in order for a client that counts.
        await set_fault(ann, "duplicateEvery", "1")
        await set_fault(ann, "reorderEvery", "2")
        for number in range(1, 6):
            await say(ben, f"Number {number}")
        await expect(ann.locator(LAST).last).to_have_text("Number 5")
        if picture := os.environ.get("FAULTS_PICTURE"):
            await ann.click("#calm")
            await expect(mark).to_be_hidden()
            await set_fault(ann, "dropEvery", "3")
            for text in ("Every third one is lost", "And is found again", "By its number"):
                await say(ben, text)
                await expect(ann.locator(LAST).last).to_have_text(text)
            await expect(ann.locator("#faultstate")).not_to_contain_text(": 0 dropped")
            await ann.screenshot(path=picture)
        texts = await ann.locator(LAST).all_inner_texts()
        assert [text for text in texts if text.startswith("Number")] == [f"Number {number}" for number in range(1, 6)]
        assert problems == []


async def test_sockets_are_ended_and_the_page_comes_back(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        status, closes = ann.locator("#state"), ann.locator("#log [data-type='close']")
        await ann.click("#showfaults")

        await ann.click("[data-fault='reset']")
        await expect(closes).to_have_count(1)
        await expect(closes.last).to_contain_text('"code":1006')
        await expect(status).to_have_attribute("data-state", "online")

        await ann.select_option("#closecode", label="4008 Reads too slowly")
        await ann.click("[data-fault='close']")
        await expect(closes).to_have_count(2)
        await expect(closes.last).to_contain_text('{"code":4008,"reason":"Reads too slowly"}')
        await expect(status).to_have_attribute("data-state", "online")

        # It would come back with another token, so it does.
        await ann.select_option("#closecode", label="1008 Token expired")
        await ann.click("[data-fault='close']")
        await expect(closes).to_have_count(3)
        await expect(status).to_have_attribute("data-state", "online")

        # The page renews its token in time.
        await ann.click("[data-fault='expire']")
        await expect(ann.locator("#log [data-direction='in'][data-type='authenticated']")).to_have_count(1)
        await ann.click("[data-fault='fill']")
        await say(ben, "Behind 16 MiB")
        await expect(ann.locator(LAST).last).to_have_text("Behind 16 MiB")
        await expect(closes).to_have_count(3)
        await expect(status).to_have_attribute("data-state", "online")

        # The partner's client, from one's own window.
        await ann.select_option("#faultuser", label="Ben Baker")
        await ann.click("[data-fault='reset']")
        await expect(ben.locator("#log [data-type='close']")).to_contain_text('"code":1006')
        await expect(closes).to_have_count(3)


async def test_the_server_is_watched_while_its_panel_is_open(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, _, _server):
        asked: list[str] = []
        ann.on("request", lambda request: asked.append(request.url) if "/health/" in request.url else None)
        assert not asked
        await ann.click("#showserver")

        figure = ann.locator("#figures .figure")
        await expect(figure.filter(has_text="Sockets").locator("dd span")).to_have_text("2")
        await expect(figure.filter(has_text="Events out").locator("dd span")).to_contain_text("/s")
        await expect(figure.filter(has_text="Loop's lag").locator("polyline")).to_be_attached()
        await expect(ann.locator("#health .pill").first).to_have_text("ok")
        assert await ann.locator("#log [data-type*='health']").count() == 0

        await ann.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        await ann.click(".tabs [data-pane=frames]")
        for button, panel, last in (
            ("#showserver", "#server", "#figures .figure"),
            ("#showfaults", "#faults", "#closecode"),
        ):
            if await ann.locator(panel).is_hidden():
                await ann.click(button)
            wide = await ann.evaluate("document.documentElement.scrollWidth > innerWidth")
            assert not wide, "the page scrolls sideways on a phone"
            assert await ann.evaluate(CUT, panel) == []
            # In one step: the figures are drawn anew every other second.
            await ann.evaluate("last => [...document.querySelectorAll(last)].at(-1).scrollIntoView()", last)
            await expect(ann.locator(last).last).to_be_in_viewport(ratio=1)
            await expect(ann.locator(button)).to_be_in_viewport(ratio=1)
        await expect(ann.locator("#server")).to_be_hidden()


async def test_no_pane_covers_another_on_a_phone_that_lies(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, _, _server):
        await ann.click("#showserver")
        await ann.set_viewport_size({"width": PHONE["height"], "height": PHONE["width"]})
        for tab, control in (("chat", "#send"), ("frames", "#showfaults"), ("chats", "#query")):
            await ann.click(f".tabs [data-pane={tab}]")
            await ann.click(control, trial=True)
