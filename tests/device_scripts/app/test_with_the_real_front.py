"""The page on the real front, session, spool and host; only the engine says what the test wants."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.captures.files import capture_file
from bridge.client import HostClient, fixed
from bridge.front import Front
from bridge.session import PhoneInfo, Session
from bridge.spool import Spool
from device_scripts import app_folder
from tests.support.host_in_loop import serving
from tests.support.phone_page import answer_is, ask, opened, photo_is_shown, sees
from tests.support.scripted_engine import ScriptedEngine

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PHONE = PhoneInfo("VP0001", "dev_0123456789abcdef", "Pixel 9")
PROMPT = "What does it say?"
HOSTILE = "<img src=x onerror='window.pwned=1'>"


@dataclass(slots=True)
class Laptop:
    """Everything that runs on the laptop, in this process."""

    engine: ScriptedEngine
    session: Session
    front: Front
    spool: Spool
    folder: Path

    def link(self) -> str:
        """The page's address with a fresh code."""
        return f"http://localhost:{self.front.port}/#c={self.front.new_link_code()}"

    def take(self, data: bytes, name: str = "IMG_1.jpg") -> None:
        """A picture comes in."""
        path = self.folder / name
        path.write_bytes(data)
        self.session.submit(capture_file(path, self.spool, PHONE.device_id))


@asynccontextmanager
async def laptop_in(folder: Path) -> AsyncGenerator[Laptop]:
    """A host, its client, a spool, a session and its front."""
    engine = ScriptedEngine()
    host_folder = folder / "host"
    host_folder.mkdir(mode=0o700)
    async with (
        serving(host_folder, engine) as host,
        HostClient(fixed(host.url, host.token)) as client,
    ):
        with Spool(folder / "spool") as spool:
            session = Session(PHONE, spool, client, prompt=PROMPT)
            async with Front(session, app_dir=app_folder()) as front, asyncio.TaskGroup() as group:
                running = group.create_task(session.run())
                try:
                    yield Laptop(engine, session, front, spool, folder)
                finally:
                    running.cancel()


async def test_a_picture_its_answer_and_another_question_about_it(
    screen: "Page", tmp_path: Path, picture: Callable[[int], bytes]
) -> None:
    async with laptop_in(tmp_path) as laptop, opened(screen, laptop.link()) as page:
        await sees(page, "Take a photo")
        assert await page.text_content("#phone") == "Pixel 9"
        laptop.take(picture(1))
        await photo_is_shown(page)
        laptop.engine.say("A blue ")
        await answer_is(page, "A blue ")
        laptop.engine.finish("card.")
        await answer_is(page, "A blue card.")
        await sees(page, "script")
        await ask(page, "Which blue?")
        await laptop.engine.asked(2)
        laptop.engine.finish("Navy.")
        await answer_is(page, "Navy.")
        await answer_is(page, "A blue card.", 0)
        assert len(laptop.engine.questions[1].pictures) == 1


async def test_a_code_works_once_and_revoking_ends_the_link(screen: "Page", tmp_path: Path) -> None:
    async with laptop_in(tmp_path) as laptop, opened(screen, url := laptop.link()) as first:
        await sees(first, "Take a photo")
        async with await first.context.new_page() as second, opened(second, url):
            await sees(second, "This link has expired")
        laptop.front.revoke()
        await sees(first, "This link has expired")
        await first.evaluate("url => { location.href = url }", laptop.link())
        await sees(first, "Take a photo")


async def test_a_reload_in_mid_answer_loses_and_doubles_nothing(
    screen: "Page", tmp_path: Path, picture: Callable[[int], bytes]
) -> None:
    async with laptop_in(tmp_path) as laptop, opened(screen, laptop.link()) as page:
        laptop.take(picture(1))
        words = [f"{number} " for number in range(9)]
        for place, word in enumerate(words):
            laptop.engine.say(word)
            if place % 3 == 1:
                await answer_is(page, "".join(words[: place + 1]))
                await page.reload()
        laptop.engine.finish("end")
        await answer_is(page, "".join(words) + "end")
        await photo_is_shown(page)
        assert await page.locator(".answer").count() == 1


async def test_stop_reaches_the_engine(screen: "Page", tmp_path: Path, picture: Callable[[int], bytes]) -> None:
    async with laptop_in(tmp_path) as laptop, opened(screen, laptop.link()) as page:
        laptop.take(picture(1))
        laptop.engine.say("A long")
        await answer_is(page, "A long")
        await page.click("#go")
        await sees(page, "Stopped")
        await answer_is(page, "A long")
        await laptop.engine.has_stopped()


async def test_hostile_text_stays_text(screen: "Page", tmp_path: Path, picture: Callable[[int], bytes]) -> None:
    async with laptop_in(tmp_path) as laptop, opened(screen, laptop.link()) as page:
        laptop.take(picture(1), name="<img src=x onerror=alert(1)>.jpg")
        laptop.engine.finish(HOSTILE)
        await answer_is(page, HOSTILE)
        assert await page.evaluate("window.pwned") is None
        assert await page.locator("#thread img").count() == 0


async def test_a_picture_chosen_on_the_page_is_answered(
    screen: "Page", tmp_path: Path, picture: Callable[[int], bytes]
) -> None:
    async with laptop_in(tmp_path) as laptop, opened(screen, laptop.link()) as page:
        await sees(page, "Take a photo")
        await page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(4)})
        await sees(page, PROMPT)
        laptop.engine.finish("Chosen.")
        await answer_is(page, "Chosen.")
        await ask(page, "Again?")
        laptop.engine.finish("Again.")
        await answer_is(page, "Again.")


async def test_watching_can_be_paused_and_taken_up_again(screen: "Page", tmp_path: Path) -> None:
    async with laptop_in(tmp_path) as laptop, opened(screen, laptop.link()) as page:
        await sees(page, "The camera folder is watched")
        await page.click("#pause")
        await sees(page, "Watching is paused")
        await page.click("#pause")
        await sees(page, "The camera folder is watched")


async def test_a_picture_that_is_none_says_so(screen: "Page", tmp_path: Path) -> None:
    async with laptop_in(tmp_path) as laptop, opened(screen, laptop.link()) as page:
        await sees(page, "Take a photo")
        await page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
        await sees(page, "This kind of picture is not supported. JPEG and PNG work.")
