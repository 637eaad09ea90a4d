"""Debian's own Chromium for tests: found, started without its background traffic; nothing is downloaded."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

__all__ = ["chromium"]

_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
)


@asynccontextmanager
async def chromium(*args: str) -> AsyncGenerator["Browser"]:
    """A headless browser; skips the test with a reason where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    api = pytest.importorskip(
        "playwright.async_api", reason="playwright is not installed (pip install lensbridge[dev])"
    )
    async with api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*_QUIET, *args])
        try:
            yield browser
        finally:
            await browser.close()
