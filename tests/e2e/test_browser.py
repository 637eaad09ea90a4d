"""A real browser as the phone's: opened by `am start`, through the phone's own port, through a real adb server."""

import asyncio
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from tests.support.chain import connected_to
from tests.support.chromium import chromium
from tests.support.phone_page import answer_is, ask, photo_is_shown
from virtual_phone import VirtualPhone

pytestmark = [pytest.mark.browser, pytest.mark.e2e]


async def test_the_page_shows_what_the_camera_takes_and_asks_again_through_the_tunnel(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, served: Path
) -> None:
    urls: asyncio.Queue[str] = asyncio.Queue()
    # On the phone `localhost` is its own loopback; the browser is told so, and the page keeps its origin.
    async with (
        chromium(f"--host-resolver-rules=MAP localhost {virtual_phone.loopback}") as browser,
        connected_to(virtual_phone, adb_server, served, prompt="What is this?", on_open_url=urls.put),
    ):
        page = await browser.new_page()
        await page.goto(await urls.get())
        await virtual_phone.press_shutter()
        await photo_is_shown(page)
        await answer_is(page, "What is this? [picture 640x480]")
        await ask(page, "And what colour?")
        await answer_is(page, "And what colour? [picture 640x480]")

        assert await page.evaluate("isSecureContext")
        assert await page.evaluate("location.href") == "http://localhost:8017/"
