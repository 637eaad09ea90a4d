"""A browser for the page's tests, and pictures for its camera."""

import io
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from PIL import Image

from tests.support.chromium import chromium
from tests.support.phone_page import PHONE

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncGenerator["Browser"]:
    """One Chromium; each test opens contexts of its own."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def screen(browser: "Browser") -> AsyncGenerator["Page"]:
    """One phone's screen. Each front has a port, so an origin, of its own: no test sees another's storage."""
    context = await browser.new_context(**PHONE)
    yield await context.new_page()
    await context.close()


@pytest.fixture(scope="session")
def picture() -> Callable[[int], bytes]:
    """A small JPEG; another number, another picture."""

    def draw(number: int = 0) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (300, 400), (40 * number % 256, 90, 120)).save(buffer, "JPEG")
        return buffer.getvalue()

    return draw
