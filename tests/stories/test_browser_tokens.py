"""The debug page keeps its token out of every address, and renews it in place before it ends."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Route, WebSocket, expect

from regoods.core.tokens import mint
from regoods.core.wire import iso
from tests.support.browser import DESKTOP, browser_and_server, browser_test, log_in
from tests.support.process import SECRET

pytestmark = browser_test


async def test_a_token_is_renewed_in_place_and_stands_in_no_address(tmp_path: Path) -> None:
    async with browser_and_server(tmp_path) as (browser, server):
        page = await (await browser.new_context(viewport=DESKTOP)).new_page()
        sockets: list[WebSocket] = []
        sent: list[str] = []
        page.on("websocket", lambda socket: sockets.append(socket))
        page.on("websocket", lambda socket: socket.on("framesent", lambda text: sent.append(str(text))))
        given: list[str] = []

        async def nearly_over(route: Route) -> None:
            """The first token ends in 65 s, the others in a quarter of an hour."""
            now = datetime.now(UTC)
            life = timedelta(minutes=15) if given else timedelta(seconds=65)
            given.append(mint(SECRET, 1, "user1@demo.regoods.example", now, life))
            data = {"userId": 1, "token": given[-1], "expiresAt": iso(now + life)}
            await route.fulfill(json={"success": True, "data": data})

        await page.route("**/debug/token", nearly_over)
        await log_in(page, server, 1)

        entry = "#log .entry[data-direction='{}'][data-type='{}']"
        await expect(page.locator(entry.format("in", "token_expiring"))).to_have_count(1, timeout=30_000)
        await expect(page.locator(entry.format("out", "auth"))).to_have_count(1)
        await expect(page.locator(entry.format("in", "authenticated"))).to_have_count(1)

        await expect(page.locator("#state")).to_have_attribute("data-state", "online")
        assert [socket.url.partition("?")[2] for socket in sockets] == [""]
        assert [json.loads(one)["token"] for one in sent if '"auth"' in one] == given[1:2]
        assert "eyJ" not in await page.locator("#log").inner_text()
        await page.locator(entry.format("out", "auth")).locator("summary").click()
        assert "eyJ" not in await page.locator("#log").inner_text()
