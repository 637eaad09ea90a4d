"""What the person at the phone decides, and a page that says nothing: real phone, adb, host and page."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.spool import Spool, device_id
from bridge.supervise.core import PAGE_TRIES
from bridge.virtual.page_client import PageClient
from host_server.wire.discovery import read_host_record
from tests.support.adb_server import PrivateAdbServer
from tests.support.chain import Chain, connected_to
from tests.support.command import BRIDGE
from tests.support.terminal import Terminal
from tests.support.until import until
from virtual_phone import VirtualPhone

HELLO_S = 0.4
FOLDER = b"/sdcard/DCIM/Camera"


def told(run: Chain, part: str) -> list[dict[str, Any]]:
    """The device events that say this."""
    return [event for event in run.events if event["event"] == "device" and part in event["detail"]]


async def test_a_page_that_says_no_hello_is_opened_three_times_with_fresh_codes_and_then_waited_for(
    virtual_phone: VirtualPhone, adb_server: PrivateAdbServer, served: Path
) -> None:
    opened: asyncio.Queue[str] = asyncio.Queue()  # a browser that shows its welcome opens nothing
    async with connected_to(virtual_phone, adb_server, served, on_open_url=opened.put, hello_s=HELLO_S) as run:
        await run.until(lambda: told(run, "waiting for you"), "word that it waits")
        asked = told(run, "no word from the page")
        urls = [opened.get_nowait() for _ in range(PAGE_TRIES)]
        async with asyncio.TaskGroup() as group:
            tab = group.create_task(PageClient(virtual_phone.loopback, run.see).open(urls[-1]))
            await run.until(lambda: told(run, "the page on the phone is linked"), "later hello")
            tab.cancel()

    assert opened.empty()
    assert len(set(urls)) == PAGE_TRIES
    assert [event["state"] for event in asked] == ["up"] * PAGE_TRIES
    for step in ("unlock the phone", "browser's welcome", "allow the camera"):
        assert all(step in event["hint"] for event in asked)


async def test_what_a_pause_saw_is_counted_and_sent_when_somebody_says_so(
    virtual_phone: VirtualPhone, adb_server: PrivateAdbServer, served: Path
) -> None:
    heard: list[dict[str, Any]] = []
    page = PageClient(virtual_phone.loopback, heard.append)
    async with connected_to(virtual_phone, adb_server, served, on_open_url=page.open) as run:
        await page.linked.wait()
        await page.say(type="bridge:pause", paused=True)
        await until(said(heard, "bridge:pause", paused=True))
        name = await run.shoot()
        await until(said(heard, "bridge:held", count=1))
        await page.say(type="bridge:pause", paused=False)
        sent = await run.shoot()
        await run.answered(sent)
        assert run.captures(name) == []
        await page.say(type="bridge:send_held")
        await run.answered(name)
        await until(said(heard, "bridge:held", count=0))

        assert len(run.answers(name)) == len(run.answers(sent)) == 1
        assert [event["count"] for event in run.events if event.get("code") == "pictures_held"] == [1]


def said(heard: list[dict[str, Any]], kind: str, **wanted: Any) -> Callable[[], bool]:
    """Whether the page was told this."""
    return lambda: any(message["type"] == kind and wanted.items() <= message.items() for message in heard)


async def test_c_in_the_terminal_of_connect_sends_what_was_held_back(
    virtual_phone: VirtualPhone, adb_server: PrivateAdbServer, state: Path
) -> None:
    state.mkdir(mode=0o700)
    with Spool(state / "spool") as spool:  # a bridge was here an hour ago
        whose = device_id(state, virtual_phone.address)
        spool.memory.looked(whose, FOLDER, time.time() - 3600)
    name = (await virtual_phone.press_shutter()).rpartition("/")[2]
    env = adb_server.env | {"ADB": adb_server.adb, "BRIDGE_STATE_DIR": str(state), "BRIDGE_ENGINE": '["echo"]'}
    terminal = await asyncio.to_thread(Terminal.start, [BRIDGE, "connect", virtual_phone.address, "--no-page"], env)
    try:
        before = await asyncio.to_thread(terminal.said_until, "1 picture taken while nobody watched")
        assert name not in before
        terminal.press("c")
        assert name in await asyncio.to_thread(terminal.said_until, "answered")
        terminal.press("c")
        await asyncio.to_thread(terminal.said_until, "nothing is held back")
        terminal.press("\x03")
        await asyncio.to_thread(terminal.said_until, "disconnected")
        assert await asyncio.to_thread(terminal.process.wait, 10) == 0
        assert terminal.mode == terminal.before
    finally:
        terminal.end()
        if (record := read_host_record(state)) is not None:
            os.kill(record.pid, signal.SIGTERM)
