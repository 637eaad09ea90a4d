"""The shutter pressed from the laptop: by intent, by key, and proved by a new picture."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from bridge.adb.transport import Transport
from bridge.captures.shutter import press_shutter, shoot
from bridge.errors import DeadlinePassed, DeviceLost, DeviceUnusable, UsageError
from bridge.spool import Spool
from tests.support.pictures import small_jpeg
from tests.support.tool_phone import ToolPhone
from tests.support.watched import DEVICE
from virtual_phone import VirtualPhone


async def test_a_press_of_the_shutter_gives_the_picture_that_comes_of_it(
    transport: Transport, virtual_phone: VirtualPhone, spool: Spool, photos: Path
) -> None:
    await virtual_phone.press_shutter()
    before = spool.memory.away(DEVICE, b"/sdcard/DCIM/Camera")
    capture = await shoot(transport, spool, DEVICE)
    assert capture.sha256 == hashlib.sha256((photos / "a.jpg").read_bytes()).hexdigest()
    assert spool.pending(DEVICE) == []
    assert spool.memory.away(DEVICE, b"/sdcard/DCIM/Camera") is before is None


async def test_the_camera_is_opened_only_when_it_is_not_in_front(
    transport: Transport, virtual_phone: VirtualPhone
) -> None:
    await press_shutter(transport)
    front = virtual_phone.device.front
    await press_shutter(transport)
    assert virtual_phone.device.front == front
    assert "amera" in str(front)


async def test_a_shutter_that_brings_no_picture_ends_with_its_deadline_and_a_next_step(
    transport: Transport, virtual_phone: VirtualPhone, spool: Spool, photos: Path
) -> None:
    (photos / "a.jpg").unlink()
    with pytest.raises(DeadlinePassed, match="no picture came") as caught:
        await shoot(transport, spool, DEVICE, deadline=1.5)
    assert "camera app" in caught.value.hint


async def test_a_camera_set_to_another_format_is_told_so(
    transport: Transport, virtual_phone: VirtualPhone, spool: Spool, photos: Path
) -> None:
    (photos / "a.jpg").write_bytes(b"RIFFxxxxWEBP, whatever the name says")
    async with asyncio.timeout(10):
        with pytest.raises(UsageError, match="no JPEG or PNG"):
            await shoot(transport, spool, DEVICE, deadline=60.0)


async def test_a_phone_without_a_camera_app_is_told_so(tmp_path: Path) -> None:
    phone = ToolPhone(tmp_path)
    phone.install(
        input="exit 0", dumpsys="echo nothing", am="echo Error: Activity not started, unable to resolve Intent"
    )
    with pytest.raises(DeviceUnusable, match="unable to resolve Intent"):
        await press_shutter(phone)


async def test_a_phone_that_goes_while_the_shutter_is_pressed_is_lost(tmp_path: Path, spool: Spool) -> None:
    phone = ToolPhone(tmp_path)
    phone.local("/sdcard/DCIM/Camera").mkdir(parents=True)
    phone.install(
        input="touch $EXTERNAL_STORAGE/pressed", dumpsys="echo mResumedActivity: com.x.camera/.C", am="exit 1"
    )
    await phone.unplug()
    with pytest.raises(DeviceLost):
        await shoot(phone, spool, DEVICE)


async def test_a_phone_that_sleeps_is_woken(transport: Transport, virtual_phone: VirtualPhone, spool: Spool) -> None:
    virtual_phone.device.screen_on = False
    assert (await shoot(transport, spool, DEVICE)).source == "camera"


async def test_a_lock_screen_without_a_pin_is_swiped_away(
    transport: Transport, virtual_phone: VirtualPhone, spool: Spool
) -> None:
    virtual_phone.device.lock = "swipe"
    assert (await shoot(transport, spool, DEVICE)).source == "camera"


async def test_a_phone_locked_with_a_pin_is_left_to_a_person(
    transport: Transport, virtual_phone: VirtualPhone, spool: Spool
) -> None:
    virtual_phone.device.lock = "pin"
    with pytest.raises(DeviceUnusable, match="is locked") as caught:
        await shoot(transport, spool, DEVICE)
    assert "unlock the phone" in caught.value.hint
    assert caught.value.fields["code"] == "locked"
    assert virtual_phone.device.front != "com.android.camera2/com.android.camera.CameraLauncher"


async def test_an_old_phone_says_elsewhere_that_it_is_locked(transport: Transport, virtual_phone: VirtualPhone) -> None:
    virtual_phone.device.lock = "pin"
    virtual_phone.device.properties["ro.build.version.sdk"] = "25"
    with pytest.raises(DeviceUnusable, match="is locked"):
        await press_shutter(transport)


async def test_a_camera_in_front_of_the_lock_screen_is_used_as_it_is(tmp_path: Path) -> None:
    phone = ToolPhone(tmp_path)
    phone.install(
        input=phone.noting("input"),
        dumpsys="echo ResumedActivity: com.x.camera/.SecureCamera; echo mKeyguardShowing=true",
        am="exit 1",
    )
    await press_shutter(phone)
    assert phone.calls("input") == ["keyevent 224", "keyevent 27"]


@pytest.mark.parametrize("heeds", [25, 66])
async def test_a_camera_that_ignores_its_key_is_pressed_by_another(
    transport: Transport, virtual_phone: VirtualPhone, spool: Spool, heeds: int
) -> None:
    virtual_phone.device.shutter_keys = frozenset({heeds})
    capture = await shoot(transport, spool, DEVICE, again_after=0.05)
    assert capture.source == "camera"


async def test_a_phone_that_tells_of_itself_without_end_has_its_camera_opened(tmp_path: Path) -> None:
    phone = ToolPhone(tmp_path)
    phone.install(input=phone.noting("input"), dumpsys="head -c 5000000 /dev/zero", am=phone.noting("am"))
    await press_shutter(phone)
    assert phone.calls("am") == ["start -W -a android.media.action.STILL_IMAGE_CAMERA"]
    assert phone.calls("input") == ["keyevent 224", "keyevent 27"]


async def test_a_phone_that_forbids_keys_names_the_switch(tmp_path: Path) -> None:
    phone = ToolPhone(tmp_path)
    denied = "java.lang.SecurityException: Injecting to another application requires INJECT_EVENTS permission"
    phone.install(input=f"echo {denied} >&2; exit 1")
    with pytest.raises(DeviceUnusable, match="lets nobody press its keys") as caught:
        await press_shutter(phone)
    assert "Security settings" in caught.value.hint


async def test_a_photo_that_never_gets_its_end_is_not_taken_for_none(tmp_path: Path, spool: Spool) -> None:
    phone = ToolPhone(tmp_path)
    camera = phone.local("/sdcard/DCIM/Camera")
    camera.mkdir(parents=True)
    cut = phone.local("/data/local/tmp/cut")
    cut.write_bytes(b"\xff\xd8\xff\xe0half a picture")
    phone.install(input=f"cat {cut} >{camera}/IMG_1.jpg", dumpsys="echo mResumedActivity: com.x.camera/.C", am="exit 1")
    with pytest.raises(DeadlinePassed, match=r"did not finish writing IMG_1\.jpg") as caught:
        await shoot(phone, spool, DEVICE, deadline=1.5)
    assert "storage full" in caught.value.hint


async def test_other_folders_can_be_watched_for_the_photo(tmp_path: Path, spool: Spool) -> None:
    phone = ToolPhone(tmp_path)
    folder = phone.local("/sdcard/DCIM/OpenCamera")
    folder.mkdir(parents=True)
    whole = phone.local("/data/local/tmp/whole")
    whole.write_bytes(small_jpeg())
    phone.install(input=f"cat {whole} >{folder}/A.jpg", dumpsys="echo mResumedActivity: com.x.camera/.C", am="exit 1")
    async with asyncio.timeout(10):
        assert (await shoot(phone, spool, DEVICE, folders=("/sdcard/DCIM/OpenCamera",))).name == "A.jpg"
