"""What people and programs do with a phone: adb's own view of it, adbutils' parsers, other adb servers, many phones."""

import asyncio
import io
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.adb_client import Adb
from tests.support.adb_server import PrivateAdbServer
from tests.support.pictures import small_jpeg
from virtual_phone import VirtualPhone

DEBIANS_ADB = Path("/usr/bin/adb")
HAS_DEBIANS_ADB = DEBIANS_ADB.exists()


async def test_the_server_knows_the_phones_name_and_features(
    adb: Adb, adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
) -> None:
    line = next(
        line
        for line in (await adb_server.call("devices", "-l")).stdout.splitlines()
        if line.startswith(virtual_phone.address)
    )
    assert "device product:vphone model:Virtual_Phone device:vphone transport_id:" in line
    assert {"shell_v2", "stat_v2", "sendrecv_v2"} <= set((await adb("features")).stdout.split())


async def test_a_key_on_the_phone_takes_a_picture_that_appears_as_mediastore_writes_it(
    adb: Adb, virtual_phone: VirtualPhone
) -> None:
    await adb("shell", "am start -a android.media.action.STILL_IMAGE_CAMERA")
    script = 'input keyevent 27; cd /sdcard/DCIM/Camera; until [ -n "$(ls)" ]; do ls -A; done; cat IMG_*; echo; ls -A'
    lines = (await adb("shell", script)).stdout
    assert re.search(r"IMG_\d{8}_\d{6}_\d{3}\.jpg\n$", lines)
    (picture,) = (virtual_phone.storage / "DCIM/Camera").iterdir()
    assert picture.read_bytes() == small_jpeg()


async def test_pressing_the_shutter_gives_the_path_on_the_phone(adb: Adb, virtual_phone: VirtualPhone) -> None:
    path = await virtual_phone.press_shutter()
    assert (await adb("shell", f"ls {path}")).stdout == f"{path}\n"


async def test_a_page_that_the_phone_opens_reaches_whoever_plays_it(adb: Adb, virtual_phone: VirtualPhone) -> None:
    opened = asyncio.get_running_loop().create_future()
    virtual_phone.on_open_url = opened.set_result
    url = "http://localhost:8017/#c=abc&x=1"
    await adb("shell", f"am start -a android.intent.action.VIEW -d '{url}' --es a b")
    assert await asyncio.wait_for(opened, 5) == url


async def test_an_unauthorized_phone_becomes_a_device_when_somebody_allows_it(
    adb_server: PrivateAdbServer, photos: Path
) -> None:
    async with VirtualPhone(photos, authorized=False) as phone:
        assert "failed to authenticate" in (await adb_server.call("connect", phone.address)).stdout
        await adb_server.wait_for(phone.address, "unauthorized")
        phone.allow_debugging()
        await adb_server.wait_for(phone.address, "device")
        async with phone.unplugged():
            await adb_server.wait_for(phone.address, "offline")
        await adb_server.wait_for(phone.address, "device")  # signed with the key it knows
        await adb_server.call("disconnect", phone.address)


class TestAdbutils:
    """Its own parsers, on the phone's own words."""

    @pytest.fixture
    async def ask(
        self, adb_server: PrivateAdbServer, virtual_phone: VirtualPhone
    ) -> Callable[[Callable[[Any], Any]], Any]:
        from adbutils import AdbClient

        device = AdbClient(adb_server.host, adb_server.port).device(virtual_phone.address)
        return lambda question: asyncio.to_thread(question, device)

    async def test_window_and_apps(self, ask: Callable[..., Any]) -> None:
        assert await ask(lambda d: d.window_size()) == (1080, 2400)
        assert await ask(lambda d: d.rotation()) == 0
        assert (await ask(lambda d: d.app_current())).package == "com.android.launcher3"
        await ask(lambda d: d.app_start("com.android.camera2"))
        current = await ask(lambda d: d.app_current())
        assert (current.package, current.activity) == ("com.android.camera2", "com.android.camera.CameraLauncher")
        assert (await ask(lambda d: d.app_info("com.android.chrome"))).version_name == "131.0.6778.39"
        assert "com.android.chrome" in await ask(lambda d: d.list_packages())

    async def test_screen_and_battery(self, ask: Callable[..., Any]) -> None:
        assert (await ask(lambda d: d.screenshot(error_ok=False))).size == (1080, 2400)
        assert await ask(lambda d: d.is_screen_on()) is True
        battery = await ask(lambda d: d.battery())
        assert (battery.level, battery.temperature, battery.usb_powered) == (83, 28.1, True)
        assert await ask(lambda d: d.brightness_value) == 128

    async def test_properties_shells_and_files(self, ask: Callable[..., Any], virtual_phone: VirtualPhone) -> None:
        assert await ask(lambda d: d.prop.model) == "Virtual_Phone"
        assert await ask(lambda d: d.getprop("ro.serialno")) == virtual_phone.serial
        assert (await ask(lambda d: d.shell2("echo a; false", v2=True))).returncode == 1
        assert (await ask(lambda d: d.shell2("echo a; false"))).returncode == 1
        assert await ask(lambda d: d.sync.push(io.BytesIO(b"data"), "/sdcard/Download/x")) == 4
        assert await ask(lambda d: d.sync.read_bytes("/sdcard/Download/x")) == b"data"
        assert await ask(lambda d: d.sync.exists("/sdcard/Download/nothing")) is False
        await ask(lambda d: d.reverse("tcp:localhost:8017", "tcp:9"))
        (item,) = await ask(lambda d: d.reverse_list())
        assert (item.remote, item.local) == ("tcp:8017", "tcp:9")


async def test_thirty_two_phones_share_a_process_and_a_port_number(adb_server: PrivateAdbServer, photos: Path) -> None:
    phones = [VirtualPhone(photos, serial=f"VP{number:04}") for number in range(32)]
    started = time.process_time()
    async with asyncio.TaskGroup() as group:
        for phone in phones:
            group.create_task(phone.start())
    try:
        assert time.process_time() - started < 3, "32 phones are cheap"
        assert len({phone.loopback for phone in phones}) == 32
        for phone in phones:
            await adb_server.connect(phone.address)
        for phone in phones:
            await adb_server.call("-s", phone.address, "reverse", "tcp:8017", "tcp:9")
        assert all(phone.reverse_listeners == {"tcp:8017": "tcp:9"} for phone in phones)
        await adb_server.call("disconnect")
    finally:
        async with asyncio.TaskGroup() as group:
            for phone in phones:
                group.create_task(phone.stop())


@pytest.fixture(params=["delayed acks", "Debian's adb"])
async def other_server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PrivateAdbServer]:
    """Servers that speak a little differently; slow to start, so there is one test for all they do."""
    if request.param == "Debian's adb" and not HAS_DEBIANS_ADB:
        pytest.skip(f"no {DEBIANS_ADB} here")
    adb = str(DEBIANS_ADB) if request.param == "Debian's adb" else None
    more = {"ADB_BURST_MODE": "1"} if request.param == "delayed acks" else {}
    server = PrivateAdbServer(tmp_path, adb=adb, more_env=more)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)


async def test_the_phone_works_with_other_servers_too(
    other_server: PrivateAdbServer, photos: Path, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 20_000
    (tmp_path / "there").write_bytes(data)
    async with VirtualPhone(photos) as phone:
        await other_server.connect(phone.address)

        async def adb(*arguments: str) -> str:
            return (await other_server.call("-s", phone.address, *arguments)).stdout

        assert ("delayed_ack" in await adb("features")) == ("ADB_BURST_MODE" in other_server.env)
        assert await adb("shell", "echo hi") == "hi\n"
        await adb("push", str(tmp_path / "there"), "/sdcard/x")
        await adb("pull", "/sdcard/x", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == data
        assert await adb("reverse", "tcp:8017", "tcp:9") == "8017\n"
        assert "tcp:8017 tcp:9" in await adb("reverse", "--list")
        await other_server.call("disconnect", phone.address)
