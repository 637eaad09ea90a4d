"""Make docs/images/demo.png: a real run of the demo, its terminal and the phone's page as Chromium shows it.

usage: python tools/readme_picture.py [OUT.png]      needs Chromium and the [dev] extra
"""

import asyncio
import html
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from bridge.virtual.demo import run_demo
from bridge.virtual.record import DemoResult, DemoSetup, Stage

OUT = Path("docs/images/demo.png")
PHONE = {"width": 390, "height": 800}
FOLLOW_UP = "How much is the total?"
STYLE = """
body { margin: 0; padding: 44px; width: 1112px; display: flex; gap: 44px; align-items: center;
  background: #f3f1ec; }
pre { flex: 1; margin: 0; padding: 26px 30px; border-radius: 14px; background: #17181c; color: #e9e7e2;
  overflow: hidden; font: 15px/1.62 "DejaVu Sans Mono", monospace; white-space: pre-wrap;
  box-shadow: 0 18px 44px #0003; }
pre i { color: #9a978f; font-style: normal; } pre b { color: #7fd8c4; font-weight: normal; }
img { width: 330px; border-radius: 34px; border: 9px solid #17181c; box-shadow: 0 18px 44px #0003; }
"""


async def main(out: Path) -> None:
    """Run the demo once and draw it."""
    lines: list[str] = ["$ make demo"]
    links: asyncio.Queue[str] = asyncio.Queue()

    def stage(reached: Stage) -> None:
        said = f"{reached.name}  {reached.detail}" if reached.name == "asked" else reached.name
        lines.append(f"<i>{reached.at_ms / 1000:6.2f} s</i>  {html.escape(said)}")

    def delta(piece: str) -> None:
        if lines[-1].startswith("<b>"):
            lines[-1] += html.escape(piece)
        else:
            lines.append(f"<b>{html.escape(piece)}")

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"))
        shots: list[bytes] = []

        async def look(_result: DemoResult, _shutter: Callable[[], Awaitable[None]]) -> None:
            shots.append(await phone_page(browser, await links.get()))

        setup = DemoSetup(browser=links.put_nowait)
        await run_demo(setup, on_stage=stage, on_delta=delta, stay=look)
        await draw(browser, lines, shots[0], out)
        await browser.close()


async def phone_page(browser: Browser, url: str) -> bytes:
    """The page on the phone, after a second question about the same picture."""
    page = await browser.new_page(viewport=PHONE, device_scale_factor=2, has_touch=True)
    await page.goto(url)
    await page.wait_for_function("() => document.querySelector('#photo-img').naturalWidth > 0")
    await page.fill("#text", FOLLOW_UP)
    await page.click("#go")
    await page.wait_for_function("() => [...document.querySelectorAll('.answer')].at(-1)?.textContent.includes('$')")
    await page.wait_for_timeout(600)
    return await page.screenshot()


async def draw(browser: Browser, lines: list[str], shot: bytes, out: Path) -> None:
    """Terminal and phone side by side."""
    page = await browser.new_page(viewport={"width": 1200, "height": 820}, device_scale_factor=1.5)
    terminal = "\n".join(line + "</b>" if line.startswith("<b>") else line for line in lines)
    await page.route("**/phone.png", lambda route: fulfil(route, shot))
    await page.route("**/index.html", lambda route: route.fulfill(content_type="text/html", body=body(terminal)))
    await page.goto("http://picture.invalid/index.html")
    await page.locator("body").screenshot(path=out)


def body(terminal: str) -> str:
    """The drawing."""
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><pre>{terminal}</pre><img src=phone.png>"


async def fulfil(route: Any, shot: bytes) -> None:
    """Hand the screenshot to the drawing."""
    await route.fulfill(content_type="image/png", body=shot)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT))
