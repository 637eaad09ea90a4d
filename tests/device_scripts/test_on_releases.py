"""The scripts on each Android release: its tools, its inotifyd, over its own adb daemon."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.adb.devices import list_devices, select
from bridge.adb.open import open_transport
from bridge.adb.server import server_address
from bridge.adb.transport import Transport
from device_scripts import script
from tests.support.adb_server import PrivateAdbServer
from virtual_phone import RELEASES, VirtualPhone

PATIENCE = 10.0
FOLDER = "/data/local/tmp"


@asynccontextmanager
async def phone_of(
    adb: PrivateAdbServer, photos: Path, **choice: Any
) -> AsyncGenerator[tuple[VirtualPhone, Transport]]:
    """A phone of this release, with the scripts on it."""
    async with VirtualPhone(photos, capture_pause=0.01, **choice) as phone:
        await adb.connect(phone.address)
        try:
            address = server_address(adb.env)
            (line,) = select(await list_devices(address), serials=[phone.address])
            transport = await open_transport(address, line)
            for name in ("probe.sh", "watch_captures.sh"):
                await transport.push(script(name), f"{FOLDER}/{name}", mode=0o755)
            yield phone, transport
            await transport.close()
        finally:
            await adb.call("disconnect", phone.address)


async def said(phone: VirtualPhone, transport: Transport) -> list[dict[str, Any]]:
    """What the watch says until it tells of a photo, or ends; the shutter is pressed until then."""

    async def keep_pressing() -> None:
        while True:
            await asyncio.sleep(0.1)
            await phone.press_shutter()

    heard: list[dict[str, Any]] = []
    lines = transport.lines(["sh", f"{FOLDER}/watch_captures.sh", "dir=DCIM/Camera"])
    async with asyncio.timeout(PATIENCE), aclosing(lines), asyncio.TaskGroup() as group:
        pressing = group.create_task(keep_pressing())
        async for line in lines:
            heard.append(json.loads(line))
            if heard[-1]["event"] == "file":
                break
        pressing.cancel()
    return heard


@pytest.mark.parametrize("release", list(RELEASES))
async def test_on_every_release_the_probe_tells_and_the_watch_hears(
    adb_server: PrivateAdbServer, photos: Path, release: str
) -> None:
    async with phone_of(adb_server, photos, profile=release) as (phone, transport):
        told = json.loads((await transport.shell(["sh", f"{FOLDER}/probe.sh"])).stdout)
        heard = await said(phone, transport)

    assert (told["sdk"], told["release"], told["inotifyd"]) == (RELEASES[release].sdk, release, True)
    assert told["storage_free_kb"] > 0
    assert heard[0] == {"event": "ready", "watched": 1}
    assert heard[-1]["how"] == "moved"
    assert heard[-1]["name"].startswith("IMG_")


async def test_a_phone_without_inotifyd_says_so(adb_server: PrivateAdbServer, photos: Path) -> None:
    async with phone_of(adb_server, photos, inotifyd="none") as (phone, transport):
        told = json.loads((await transport.shell(["sh", f"{FOLDER}/probe.sh"])).stdout)
        heard = await said(phone, transport)

    assert told["inotifyd"] is False
    assert heard[-1] == {"event": "end", "why": "no_inotifyd"}


async def test_an_old_release_lacks_the_tools_that_came_later(adb_server: PrivateAdbServer, photos: Path) -> None:
    missing = {}
    for release in ("8", "10", "14"):
        async with phone_of(adb_server, photos, profile=release) as (_, transport):
            asked = "for t in nc awk getopt stat sha256sum; do [ -e /system/bin/$t ] || echo $t; done"
            missing[release] = (await transport.shell(["sh", "-c", asked])).stdout.decode().split()

    assert missing == {"8": ["nc", "awk", "getopt"], "10": ["getopt"], "14": []}


@pytest.mark.parametrize(("kind", "skips"), [("old", True), ("new", False)])
async def test_an_old_inotifyd_skips_the_first_letter_of_its_mask(
    adb_server: PrivateAdbServer, photos: Path, kind: str, skips: bool
) -> None:
    async with phone_of(adb_server, photos, inotifyd=kind) as (_, transport):
        command = "cd /sdcard; inotifyd - DCIM:nd & sleep 0.3; mkdir DCIM/made; rmdir DCIM/made; sleep 0.2; kill $!"
        printed = (await transport.shell(["sh", "-c", command])).stdout

    assert b"d\tDCIM\tmade" in printed
    assert (b"n\tDCIM\tmade" not in printed) is skips
