"""Nothing sticks out, nothing is too small to tap: boxes measured in a real browser, size by size."""

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.support.toy_front import ToyFront

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SIZES = [(360, 640), (412, 915), (640, 360), (915, 412), (1280, 800)]
LANGUAGES = ["en-US", "zh-CN"]
ANSWER = "The order number is A-2049-117.\n\nhttps://example.invalid/" + "a-very-long-word" * 12

# Boxes that stick out of the screen, and things to tap that are smaller than a fingertip.
MEASURE = """() => {
  const bad = [];
  const name = (node) => `${node.tagName}#${node.id}.${node.className}`;
  const seen = (node) => node.checkVisibility() && node.getBoundingClientRect().width > 1;
  for (const node of document.querySelectorAll('#bar *, #notice, #notice *, #stage, #stage *, #dock, #dock *')) {
    const box = node.getBoundingClientRect();
    if (!seen(node) || node.closest('#strip, #chips, svg, .scan')) continue;
    if (box.left < -0.5 || box.right > innerWidth + 0.5) bad.push(`sticks out: ${name(node)} to ${box.right}`);
  }
  for (const node of document.querySelectorAll('button, #pick, #text')) {
    const box = node.getBoundingClientRect();
    if (!seen(node) || (box.width >= 48 && box.height >= 48)) continue;
    bad.push(`too small: ${name(node)} ${box.width}x${box.height}`);
  }
  const dock = document.querySelector('#dock').getBoundingClientRect();
  if (dock.bottom > innerHeight + 0.5) bad.push(`dock below the screen: ${dock.bottom}`);
  const stage = document.querySelector('#stage');
  if (stage.scrollWidth > stage.clientWidth) bad.push(`stage scrolls sideways: ${stage.scrollWidth}`);
  if (stage.clientHeight < 80) bad.push(`no room for the answer: ${stage.clientHeight}`);
  return bad;
}"""


@pytest_asyncio.fixture(loop_scope="session")
async def front() -> AsyncGenerator[ToyFront]:
    async with ToyFront().running() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session", params=LANGUAGES)
async def page(browser: "Browser", request: pytest.FixtureRequest) -> AsyncGenerator["Page"]:
    context = await browser.new_context(locale=request.param, reduced_motion="reduce", has_touch=True, is_mobile=True)
    yield await context.new_page()
    await context.close()


def ready(number: int) -> dict[str, Any]:
    """A named question."""
    words = {"en": f"Describe for a blind person {number}", "zh": f"为盲人描述 {number}"}
    return {"name": f"prompt-{number}", "title": words, "text": words, "options": {}}


async def measure(page: "Page", state: str) -> None:
    """Measure the page at every size, with the person's usual type and with type twice as large."""
    for percent in (100, 200):
        await page.evaluate("percent => { document.documentElement.style.fontSize = `${percent}%` }", percent)
        for width, height in SIZES:
            await page.set_viewport_size({"width": width, "height": height})
            await page.evaluate("() => new Promise(requestAnimationFrame)")
            found = await page.evaluate(MEASURE)
            assert found == [], f"{state}, {width}x{height}, {percent} %"
    await page.evaluate("document.documentElement.style.fontSize = ''")


async def test_every_state_fits_every_screen(page: "Page", front: ToyFront, picture: Callable[[int], bytes]) -> None:
    await page.goto(front.url)
    title = {"en": "Not linked to a laptop yet", "zh-CN": "尚未连接电脑"}
    assert await page.text_content("#blocked-title") == title[await page.get_attribute("html", "lang") or ""]
    await measure(page, "not linked")

    await page.evaluate("url => { location.href = url }", front.link())
    await front.heard("bridge:hello")
    await page.locator("#watch").wait_for()
    await measure(page, "waiting")

    front.tell({"type": "bridge:held", "count": 12})
    await page.locator("#held").wait_for()
    await measure(page, "waiting, pictures held")

    front.tell({"type": "bridge:prompts", "prompts": [ready(number) for number in range(9)]})
    captures = [front.capture(picture(number)) for number in range(9)]
    answer = front.question("What is the order number, and who wrote it?", captures[-1])
    answer.start()
    await page.locator("#strip li:nth-child(9)").wait_for()
    await measure(page, "reading")

    answer.write(ANSWER)
    await page.locator("[data-phase=writing]").wait_for()
    await measure(page, "writing")

    answer.finish(how="failed")
    await page.locator(".again").wait_for()
    await measure(page, "failed")

    await front.stop()
    await page.locator("#notice").wait_for()
    await measure(page, "laptop away")
