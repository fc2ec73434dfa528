"""The debug page's other tools: search, pictures, blocking, and who is online."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from regoods.core.settings import ROOT
from tests.support.browser import ann_and_ben, browser_test, press, say

pytestmark = browser_test

PICTURE = ROOT / "docs" / "debug-chat.png"
OF_PICTURE = PICTURE.read_bytes()
DROPPED = """where => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(["no picture"], "bike.png", { type: "image/png" }));
    const drop = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
    return document.querySelector(where).dispatchEvent(drop) ? "opened by the browser" : "taken";
}"""
IS_LOADED = "picture => picture.complete && picture.naturalWidth > 0"


async def picture_is_shown(page: Page, selector: str) -> None:
    await expect(page.locator(selector)).to_be_visible()
    await page.wait_for_function(f"selector => ({IS_LOADED})(document.querySelector(selector))", arg=selector)


async def test_a_message_is_found_and_shown_in_its_conversation(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, _, server):
        ben, chloe = server.person(2), server.person(3)
        await chloe.post("/messages", {"recipientId": 1, "messageContent": "A WORD <i>from</i> me"})
        for number in range(55):
            await ben.post("/messages", {"recipientId": 1, "messageContent": f"Word {number}"})
        hits = ann.locator("#hits [data-hit]")

        # Newest first, whatever the case, page by page.
        await ann.fill("#query", "word")
        await expect(ann.locator("#hits")).to_contain_text("56 found")
        await expect(hits.first).to_contain_text("Word 54")
        await expect(hits).to_have_count(20)
        for count in (40, 56):
            await ann.click("#hits .more")
            await expect(hits).to_have_count(count)
        await expect(ann.locator("#hits .more")).to_have_count(0)
        await expect(hits.last).to_contain_text("A WORD <i>from</i> me")
        await ann.check("#within")
        await expect(ann.locator("#hits")).to_contain_text("55 found")
        await ann.uncheck("#within")

        # In a thread that must be loaded further back, and in one that is not open yet.
        await ann.fill("#query", "is the bike still")
        await expect(hits).to_have_count(1)
        await hits.click()
        found = ann.locator("#thread .marked")
        await expect(found).to_contain_text("Is the bike still there?")
        await expect(found).to_be_in_viewport()
        await ann.fill("#query", "word <I>")
        await expect(hits).to_have_text(re.compile("A WORD <i>from</i> me"))
        await hits.click()
        await expect(ann.locator("#partner")).to_have_text("Chloé Dubois")
        await expect(found).to_contain_text("A WORD <i>from</i> me")

        await ann.fill("#query", "")
        await expect(ann.locator("#conversations")).to_be_visible()
        await expect(ann.locator("#hits")).to_be_hidden()


async def test_a_picture_is_looked_at_then_sent_and_shown(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        await ann.set_input_files("#file", PICTURE)
        await picture_is_shown(ann, "#preview")
        await ann.click("#unpick")
        await expect(ann.locator("#picture")).to_be_hidden()

        await ann.set_input_files("#file", PICTURE)
        await picture_is_shown(ann, "#preview")
        await ann.fill("#compose", "Look")
        await ann.press("#compose", "Enter")

        await picture_is_shown(ben, "#thread .theirs img")
        await expect(ben.locator("#thread .theirs img")).to_have_attribute("alt", "Picture from Ann Archer")
        await expect(ben.locator("#thread .theirs .text").last).to_have_text("Look")
        await picture_is_shown(ann, "#thread .mine img")
        await expect(ann.locator("#picture")).to_be_hidden()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no picture", "it must be a JPEG, PNG, GIF or WebP picture"),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
            "it must be a JPEG, PNG, GIF or WebP picture",
        ),
        (OF_PICTURE + bytes(6 * 2**20), "it holds 6.2 MB, and 5 MB is the limit"),
        (OF_PICTURE[:50_000], "it cannot be read, or is damaged"),
        (b"", "it is empty"),
    ],
    ids=["text", "svg", "large", "cut short", "empty"],
)
async def test_what_is_no_picture_is_refused_when_it_is_chosen(tmp_path: Path, content: bytes, why: str) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        await ann.fill("#compose", "My bike")
        await ann.set_input_files("#file", {"name": "bike.png", "mimeType": "image/png", "buffer": content})

        await expect(ann.locator("#error")).to_have_text(f"bike.png is not attached: {why}.")
        await expect(ann.locator("#picture")).to_be_hidden()
        await expect(ann.locator("#compose")).to_have_value("My bike")
        await ann.click("#send")
        await expect(ben.locator("#thread .theirs .text").last).to_have_text("My bike")
        await expect(ann.locator("#error")).to_be_hidden()
        assert await ben.locator("#thread img").count() == 0


async def test_a_bad_picture_does_not_take_a_good_one_away(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        await ann.set_input_files("#file", PICTURE)
        await picture_is_shown(ann, "#preview")
        # Dropped instead of chosen, and beside the conversation.
        assert await ann.evaluate(DROPPED, "#log") == "taken"
        await expect(ann.locator("#error")).to_contain_text("bike.png is not attached")
        await expect(ann.locator("#filename")).to_contain_text(PICTURE.name)
        await ann.set_input_files("#file", PICTURE)
        await expect(ann.locator("#error")).to_be_hidden()

        await ann.click("#send")
        await picture_is_shown(ben, "#thread .theirs img")
        await press(ann.locator("#thread .mine").last, "edit")
        assert await ann.evaluate(DROPPED, "#thread") == "taken"
        await expect(ann.locator("#picture")).to_be_hidden()


async def test_a_picture_that_the_server_refuses_is_explained_and_can_be_replaced(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        # A browser shows it.
        two_in_one = OF_PICTURE + b"<script>alert(1)</script>"
        await ann.set_input_files("#file", {"name": "bike.png", "mimeType": "image/png", "buffer": two_in_one})
        await picture_is_shown(ann, "#preview")
        await ann.fill("#compose", "My bike")
        await ann.press("#compose", "Enter")

        await expect(ann.locator("#error")).to_contain_text("a picture and something else in one")
        await expect(ann.locator("#compose")).to_have_value("My bike")
        await expect(ann.locator("#filename")).to_contain_text("bike.png")
        await ann.click("#unpick")
        await expect(ann.locator("#error")).to_be_hidden()
        await ann.set_input_files("#file", PICTURE)
        await ann.press("#compose", "Enter")
        await picture_is_shown(ben, "#thread .theirs img")
        await expect(ben.locator("#thread .theirs .text").last).to_have_text("My bike")


async def test_a_block_closes_the_box_and_the_other_is_told_by_the_server(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        await ann.click("#block")
        await expect(ann.locator("#blocked")).to_contain_text("You blocked Ben Baker")
        for control in ("#compose", "#send", "#pick"):
            await expect(ann.locator(control)).to_be_disabled()
        await ben.fill("#compose", "Let me in")
        await ben.press("#compose", "Enter")
        await expect(ben.locator("#error")).to_contain_text("Not sent.")
        await expect(ben.locator("#compose")).to_have_value("Let me in")

        # It is the server's state, not the window's.
        await ann.reload()
        await expect(ann.locator("#blocked")).to_be_visible()
        await expect(ann.locator("#presence")).to_have_text("offline")
        await ann.click("#block")
        await expect(ann.locator("#blocked")).to_be_hidden()
        await expect(ann.locator("#presence")).to_have_text("online")
        await expect(ann.locator("#compose")).to_be_enabled()
        await ben.press("#compose", "Enter")
        await expect(ann.locator("#thread .theirs .text").last).to_have_text("Let me in")
        await say(ann, "Welcome back")


async def test_the_end_of_a_block_shows_in_all_windows_of_both(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, server):
        second = await ann.context.new_page()
        await second.goto(ann.url)
        refusal = ben.locator("#error", has_text="You and this user cannot write to each other. Not sent.")

        # The other's window learns it from seeing her online again, her own second window by asking.
        await ann.click("#block")
        await expect(ann.locator("#blocked")).to_be_visible()
        await second.reload()
        await expect(second.locator("#blocked")).to_be_visible()
        await ben.fill("#compose", "Let me in")
        await ben.press("#compose", "Enter")
        await expect(refusal).to_be_visible()
        await ann.click("#block")
        await expect(ben.locator("#error")).to_be_hidden()
        await expect(ben.locator("#compose")).to_have_value("Let me in")
        await expect(second.locator("#blocked")).to_be_hidden()
        await expect(second.locator("#compose")).to_be_enabled()

        # She is away, so that what she writes is the first that tells.
        await second.close()
        await ann.click("#disconnect")
        await expect(ben.locator("#presence")).to_contain_text("last seen")
        elsewhere = server.person(1)
        await elsewhere.put("/messages/blocks/2")
        await ben.press("#compose", "Enter")
        await expect(refusal).to_be_visible()
        await elsewhere.delete("/messages/blocks/2")
        await elsewhere.post("/messages", {"recipientId": 2, "messageContent": "Sorry"})
        await expect(ben.locator("#thread .theirs .text").last).to_have_text("Sorry")
        await expect(ben.locator("#error")).to_be_hidden()

        # An edit is refused, too, and the refusal goes as that of a message.
        await elsewhere.put("/messages/blocks/2")
        await press(ben.locator("#thread .mine").last, "edit")
        await ben.press("#compose", "Enter")
        await expect(ben.locator("#error")).to_contain_text("cannot write to each other")
        await elsewhere.delete("/messages/blocks/2")
        await ann.click("#connect")
        await expect(ben.locator("#error")).to_be_hidden()
        await ben.press("#compose", "Escape")

        # It is said of her conversation, and of no other.
        await elsewhere.put("/messages/blocks/2")
        await ben.press("#compose", "Enter")
        await expect(refusal).to_be_visible()
        await ben.click("#conversations [data-user-id='3']")
        await expect(ben.locator("#error")).to_be_hidden()


async def test_a_refused_message_leaves_the_thread_at_its_end(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, server):
        for number in range(30):
            await server.person(1).post("/messages", {"recipientId": 2, "messageContent": f"Number {number}"})
        await expect(ben.locator("#thread .theirs .text").last).to_have_text("Number 29")
        await ann.click("#block")
        await expect(ann.locator("#blocked")).to_be_visible()  # so the next click ends it
        await ben.fill("#compose", "Let me in")
        await ben.press("#compose", "Enter")
        await expect(ben.locator("#error")).to_contain_text("Not sent.")
        await ann.click("#block")

        await say(ann, "The last one")

        await expect(ben.locator("#thread .theirs .text").last).to_be_in_viewport(ratio=1)
        await expect(ann.locator("#thread .mine .receipt").last).to_have_attribute("data-read", "true")
        await expect(ben.locator("#jump")).to_be_hidden()


async def test_going_and_coming_shows_at_once(tmp_path: Path) -> None:
    async with ann_and_ben(tmp_path) as (ann, ben, _):
        events = ann.locator("#log [data-type='presence']")
        await ben.click("#disconnect")
        await expect(events.last).to_contain_text('"isOnline":false')
        await expect(ann.locator("#presence")).to_contain_text("last seen")
        await expect(ann.locator("#conversations [data-user-id='2']")).to_have_attribute("data-online", "false")
        await ben.click("#connect")
        await expect(events.last).to_contain_text('"isOnline":true')
        await expect(ann.locator("#presence")).to_have_text("online")
