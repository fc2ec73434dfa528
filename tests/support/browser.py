"""Windows of a real browser on the debug page."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from tests.support.process import ServerProcess

CHROMIUM = shutil.which("chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    # Else a window behind another draws once a second, and a click waits for what is drawn.
    "--disable-frame-rate-limit",
]
DESKTOP = {"width": 1280, "height": 720}
PHONE = {"width": 360, "height": 740}
expect.set_options(timeout=30_000)  # milliseconds: a busy machine draws late

browser_test = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)"),
    pytest.mark.gen_test(timeout=240),
]


@asynccontextmanager
async def browser_and_server(folder: Path) -> AsyncIterator[tuple[Browser, ServerProcess]]:
    server = ServerProcess(folder)
    try:
        await server.started()
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            try:
                yield browser, server
            finally:
                await browser.close()
    finally:
        await server.clean_up()


async def log_in(page: Page, server: ServerProcess, user_id: int) -> None:
    await page.goto(f"{server.base_url}/debug/chat")
    await page.select_option("#user", str(user_id))
    await expect(page.locator("#state")).to_have_attribute("data-state", "online")


async def say(page: Page, text: str) -> None:
    await page.fill("#compose", text)
    await page.press("#compose", "Enter")
    await expect(page.locator("#thread .mine .text").last).to_have_text(text)


@asynccontextmanager
async def ann_and_ben(folder: Path) -> AsyncIterator[tuple[Page, Page, ServerProcess]]:
    """A window each, with their conversation open and read."""
    async with browser_and_server(folder) as (browser, server):
        context = await browser.new_context(viewport=DESKTOP, locale="en-GB", timezone_id="UTC")
        ann, ben = await context.new_page(), await context.new_page()
        for page, user_id, partner_id in ((ann, 1, 2), (ben, 2, 1)):
            await log_in(page, server, user_id)
            await page.click(f"#conversations [data-user-id='{partner_id}']")
        for page in (ann, ben):
            await expect(page.locator("#thread .mine .receipt").last).to_have_attribute("data-read", "true")
        yield ann, ben, server


async def press(message: Locator, name: str) -> None:
    """One of a message's buttons, which show while the mouse is over it."""
    await message.hover()
    await message.locator(f".{name}").click()
