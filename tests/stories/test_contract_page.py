"""The contract in a real browser: both viewers show it, a call can be tried out, and nothing comes from elsewhere."""

from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import expect

from tests.stories import test_browser
from tests.stories.test_browser import DESKTOP, browser_and_server

pytestmark = test_browser.pytestmark


async def test_the_contract_is_browsed_and_tried_out(tmp_path: Path) -> None:
    async with browser_and_server(tmp_path) as (browser, server):
        page = await (await browser.new_context(viewport=DESKTOP)).new_page()
        problems: list[str] = []
        hosts: set[str] = set()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: problems.append(line.text) if line.type in ("error", "warning") else None)
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))

        await page.goto(f"{server.base_url}/debug/api")
        call = page.locator("#operations-conversations-getMessagesUnreadCount")
        await expect(call).to_contain_text("/api/v1/messages/unread-count")
        await page.select_option("#user", label="Ann Archer")
        await expect(page.locator(".btn.authorize")).to_have_class("btn authorize locked")
        await call.locator(".opblock-summary-control").click()
        await call.locator(".execute").click()
        await expect(call.locator(".live-responses-table")).to_contain_text('"count"')

        await page.click("nav >> text=Socket")
        await expect(page.locator("asyncapi-viewer")).to_contain_text("conversation_read")
        await expect(page.locator("asyncapi-viewer")).to_contain_text("Server is restarting")

        assert problems == []
        assert hosts == {urlsplit(server.base_url).netloc}
