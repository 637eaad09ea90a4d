"""What a person does with the phone's page and sees on it, for browser tests."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import Page

__all__ = ["PHONE", "answer_is", "ask", "opened", "photo_is_shown", "sees"]

PHONE: dict[str, Any] = {
    "viewport": {"width": 360, "height": 640},
    "locale": "en-US",
    "has_touch": True,
    "is_mobile": True,
    "reduced_motion": "reduce",  # drawing an animation without a GPU costs a core
}
_ANSWER = "([text, index]) => [...document.querySelectorAll('.answer')].at(index)?.textContent === text"


@asynccontextmanager
async def opened(screen: "Page", url: str) -> AsyncGenerator["Page"]:
    """The page, opened at `url`; whatever it complains about fails the test."""
    screen.set_default_timeout(5_000)
    complaints: list[str] = []

    def fault(error: Any) -> None:
        complaints.append(str(error))

    def line(message: Any) -> None:
        if "Content Security Policy" in message.text:
            complaints.append(message.text)

    screen.on("pageerror", fault)
    screen.on("console", line)
    try:
        await screen.goto(url)
        yield screen
    finally:
        await screen.goto("about:blank")
        screen.remove_listener("pageerror", fault)
        screen.remove_listener("console", line)
    assert complaints == []


async def sees(page: "Page", text: str, where: str = "body") -> None:
    """Wait until the person can read this."""
    await page.locator(where).get_by_text(text).first.wait_for()


async def answer_is(page: "Page", text: str, index: int = -1) -> None:
    """Wait until the answer (the last one) is exactly this."""
    await page.wait_for_function(_ANSWER, arg=[text, index])


async def photo_is_shown(page: "Page") -> None:
    """Wait until the picture has been fetched and decoded."""
    await page.wait_for_function("() => document.querySelector('#photo-img').naturalWidth > 0")


async def ask(page: "Page", text: str) -> None:
    """Type a question and send it."""
    await page.fill("#text", text)
    await page.click("#go")
