"""The page on the real front, session, spool and host; only the engine says what the test wants."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bridge.captures.files import capture_file
from bridge.client import HostClient, fixed
from bridge.front import Front
from bridge.front.connection import Patience
from bridge.session import PhoneInfo, Session
from bridge.spool import Spool
from device_scripts import app_folder
from tests.support.host_in_loop import serving
from tests.support.phone_page import PHONE as SCREEN
from tests.support.phone_page import answer_is, ask, opened, photo_is_shown, sees
from tests.support.scripted_engine import ScriptedEngine
from tests.support.until import until

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PHONE = PhoneInfo("VP0001", "dev_0123456789abcdef", "Pixel 9")
PROMPT = "What does it say?"
USUAL = Patience()
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
async def laptop_in(folder: Path, patience: Patience = USUAL) -> AsyncGenerator[Laptop]:
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
            async with Front(session, app_dir=app_folder(), patience=patience) as front, asyncio.TaskGroup() as group:
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


async def test_a_deleted_picture_is_gone_from_page_and_laptop(
    screen: "Page", tmp_path: Path, picture: Callable[[int], bytes]
) -> None:
    async with laptop_in(tmp_path) as laptop, opened(screen, laptop.link()) as page:
        await sees(page, "Take a photo")
        await page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": picture(5)})
        laptop.engine.finish("Chosen.")
        await answer_is(page, "Chosen.")
        assert len(list((tmp_path / "spool" / "blobs").iterdir())) == 1
        await page.locator("#delete").tap()
        await page.locator("#confirm-delete").tap()
        await sees(page, "Take a photo")
        await page.reload()
        await sees(page, "Take a photo")
        assert not list((tmp_path / "spool" / "blobs").iterdir())


async def test_a_page_whose_renderer_has_stopped_loses_its_seat_and_comes_back(
    browser: "Browser", tmp_path: Path, picture: Callable[[int], bytes]
) -> None:
    """Its browser goes on to answer pings, and the kernel takes what is sent: only the page's own word is missing."""
    async with (
        laptop_in(tmp_path, Patience(ack_s=0.5)) as laptop,
        await browser.new_context(**SCREEN) as context,
        opened(await context.new_page(), laptop.link()) as page,
    ):
        laptop.take(picture(1))
        laptop.engine.say("One ")
        await answer_is(page, "One ")
        renderers = stoppable()
        assert renderers
        try:
            for pid in renderers:
                os.kill(pid, signal.SIGSTOP)
            laptop.engine.say("two ")
            await until(lambda: laptop.front.pages == 0)
        finally:
            for pid in renderers:
                os.kill(pid, signal.SIGCONT)
        laptop.engine.finish("three.")
        await answer_is(page, "One two three.")


def stoppable() -> list[int]:
    """The renderers of the browser that this process has started."""
    kinds = {int(path.name): read(path / "cmdline") for path in Path("/proc").glob("[0-9]*")}
    return [pid for pid, words in kinds.items() if b"--type=renderer" in words and is_ours(pid)]


def is_ours(pid: int) -> bool:
    """Whether this process is among its ancestors."""
    while pid > 1:
        if pid == os.getpid():
            return True
        stat = read(Path(f"/proc/{pid}/stat")).rpartition(b")")[2].split()
        pid = int(stat[1]) if stat else 0
    return False


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
