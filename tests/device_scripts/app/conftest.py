"""A browser for the page's tests, and pictures for its camera."""

import io
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from PIL import Image
from support.chromium import chromium

if TYPE_CHECKING:
    from playwright.async_api import Browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncGenerator["Browser", None]:
    """One Chromium a module; each test opens contexts of its own."""
    async with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def picture() -> Callable[[int], bytes]:
    """A small JPEG; another number, another picture."""

    def draw(number: int = 0) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (300, 400), (40 * number % 256, 90, 120)).save(buffer, "JPEG")
        return buffer.getvalue()

    return draw
