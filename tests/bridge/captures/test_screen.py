"""The screen as a capture: what `screencap` prints is believed only when it is a whole picture that shows something."""

import asyncio
import hashlib
import struct
import time
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.adb.transport import Transport
from bridge.captures.screen import screen_capture
from bridge.errors import BridgeError, DeadlinePassed, DeviceLost, DeviceUnusable, UsageError
from bridge.spool import Quota, Spool, SpoolFull
from tests.support.real_pictures import png
from tests.support.tool_phone import ToolPhone
from tests.support.watched import DEVICE
from virtual_phone import VirtualPhone

PNG = png(160, 320)
BLACK = png(160, 320, colour="black")
ONE, TWO = "4630946545580055170", "4630946545580055171"
LISTED = f"echo 'Display {ONE} (HWC display 0): port=130'; echo 'Display {TWO} (HWC display 1): port=131'"


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.fixture
async def phone(tmp_path: Path) -> AsyncIterator[ToolPhone]:
    phone = ToolPhone(tmp_path / "phone")
    phone.install(dumpsys="echo mWakefulness=Awake")
    phone.shows(PNG)
    yield phone
    await phone.close()


def incoming(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "spool" / "incoming").iterdir())


async def refused(phone: ToolPhone, spool: Spool, display: str | None = None) -> BridgeError:
    with pytest.raises(DeviceUnusable) as caught:
        await screen_capture(phone, spool, DEVICE, display=display)
    assert spool.find(DEVICE, hashlib.sha256(BLACK).hexdigest()) is None
    assert caught.value.hint
    return caught.value


# ------------------------------------------------------------------------------------------------ a picture
async def test_the_screen_becomes_a_capture_of_its_own(phone: ToolPhone, spool: Spool) -> None:
    before = time.time()
    first, second = [await screen_capture(phone, spool, DEVICE) for _ in range(2)]
    assert (first.source, first.media_type, first.name) == ("screen", "image/png", "screen.png")
    assert before <= first.taken_at <= time.time()
    assert spool.blob_path(first.sha256).read_bytes() == PNG
    assert (first.sha256, first.size) == (hashlib.sha256(PNG).hexdigest(), len(PNG))
    assert first.capture_id != second.capture_id
    assert spool.pending(DEVICE) == [], "whoever takes it asks about it"


async def test_what_is_printed_around_the_picture_is_left_out(phone: ToolPhone, spool: Spool) -> None:
    phone.shows(PNG, before=b"[Warning] Multiple displays were found\n", behind=b"\nbye\n")
    assert (await screen_capture(phone, spool, DEVICE)).sha256 == hashlib.sha256(PNG).hexdigest()


# ------------------------------------------------------------------------------------------------ displays
async def test_a_display_can_be_chosen(phone: ToolPhone, spool: Spool) -> None:
    phone.install(screencap=phone.noting("screencap", f"cat {phone.local('/data/local/tmp/printed')}"))
    await screen_capture(phone, spool, DEVICE, display=TWO)
    assert phone.calls("screencap") == [f"-p -d {TWO}"]


@pytest.mark.parametrize("display", ["", "0;reboot", "-1", "1" * 21, "x"])
async def test_what_is_no_display_is_refused_before_the_phone_is_asked(
    phone: ToolPhone, spool: Spool, display: str
) -> None:
    phone.install(screencap=phone.noting("screencap"))
    with pytest.raises(UsageError) as caught:
        await screen_capture(phone, spool, DEVICE, display=display)
    assert "--display-id" in caught.value.hint
    assert phone.calls("screencap") == []


async def test_a_display_that_is_not_there_names_those_that_are(phone: ToolPhone, spool: Spool) -> None:
    phone.install(screencap="echo Display Id not valid >&2; exit 1", dumpsys=LISTED)
    error = await refused(phone, spool, display="7")
    assert "not valid" in error.message
    assert ONE in error.hint
    assert TWO in error.hint


async def test_a_fold_shows_the_display_that_is_lit(phone: ToolPhone, spool: Spool) -> None:
    dark = phone.local("/data/local/tmp/dark")
    dark.write_bytes(BLACK)
    lit = phone.local("/data/local/tmp/printed")
    phone.install(screencap=f'case "$*" in *{TWO}) cat {lit};; *) cat {dark};; esac', dumpsys=LISTED)
    assert (await screen_capture(phone, spool, DEVICE)).sha256 == hashlib.sha256(PNG).hexdigest()


async def test_a_display_chosen_by_hand_is_not_changed_for_another(phone: ToolPhone, spool: Spool) -> None:
    dark = phone.local("/data/local/tmp/dark")
    dark.write_bytes(BLACK)
    lit = phone.local("/data/local/tmp/printed")
    phone.install(screencap=f'case "$*" in *{ONE}) cat {dark};; *) cat {lit};; esac', dumpsys=LISTED)
    error = await refused(phone, spool, display=ONE)
    assert error.fields["code"] == "black_screen"


# ------------------------------------------------------------------------------------------------ no picture
async def test_a_black_screen_is_an_error_that_says_why(phone: ToolPhone, spool: Spool) -> None:
    phone.shows(BLACK)
    error = await refused(phone, spool)
    assert "black" in error.message
    assert "forbids screenshots" in error.hint
    assert error.fields["code"] == "black_screen"


async def test_a_phone_that_tells_of_displays_without_end_has_one(phone: ToolPhone, spool: Spool) -> None:
    phone.shows(BLACK)
    phone.install(dumpsys=f"{LISTED}; head -c 3000000 /dev/zero")
    assert "black" in (await refused(phone, spool)).message


async def test_a_screen_that_is_off_is_told_so(phone: ToolPhone, spool: Spool) -> None:
    phone.shows(BLACK)
    phone.install(dumpsys="echo mWakefulness=Asleep")
    error = await refused(phone, spool)
    assert "the screen is off" in error.message
    assert "WAKEUP" in error.hint


async def test_a_fold_whose_displays_are_all_dark_is_an_error(phone: ToolPhone, spool: Spool) -> None:
    phone.install(dumpsys=LISTED)
    phone.shows(BLACK)
    assert "black" in (await refused(phone, spool)).message


@pytest.mark.parametrize(
    ("screencap", "words"),
    [
        ("echo Capturing failed. >&2; exit 1", "was not made: Capturing failed"),
        ("echo no such thing; exit 0", "is no PNG: no such thing"),
        ("exit 0", "is empty"),
        ("", "is empty"),
    ],
)
async def test_a_failed_screenshot_is_an_error_in_the_phones_words(
    phone: ToolPhone, spool: Spool, screencap: str, words: str
) -> None:
    phone.install(screencap=screencap)
    assert words in (await refused(phone, spool)).message


async def test_a_picture_with_a_failed_command_behind_it_is_not_believed(phone: ToolPhone, spool: Spool) -> None:
    phone.shows(PNG, code=1)
    assert "was not made" in (await refused(phone, spool)).message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (PNG[:-20], "ends in its middle"),
        (PNG[:60] + b"?" + PNG[61:], "damaged"),
        (PNG[:33] + chunk(b"IDAT", b"no pixels") + chunk(b"IEND"), "damaged"),
    ],
)
async def test_a_picture_that_is_not_whole_is_an_error(
    phone: ToolPhone, spool: Spool, tmp_path: Path, data: bytes, words: str
) -> None:
    phone.shows(data)
    assert words in (await refused(phone, spool)).message
    assert incoming(tmp_path) == []


async def test_a_screen_without_end_is_cut_off(phone: ToolPhone, spool: Spool) -> None:
    phone.install(screencap="cat /dev/zero")
    assert "screencap" in (await refused(phone, spool)).hint


async def test_a_screen_that_takes_too_long_ends_by_its_deadline(phone: ToolPhone, spool: Spool) -> None:
    phone.install(screencap="exec sleep 60")
    with pytest.raises(DeadlinePassed) as caught:
        await screen_capture(phone, spool, DEVICE, deadline=0.3)
    assert caught.value.hint


async def test_a_phone_that_goes_meanwhile_is_lost(phone: ToolPhone, spool: Spool) -> None:
    phone.install(screencap="exec sleep 60")
    async with asyncio.TaskGroup() as group:
        group.create_task(phone.unplug())
        with pytest.raises(DeviceLost):
            await screen_capture(phone, spool, DEVICE)


async def test_a_full_spool_says_so_and_leaves_nothing_behind(phone: ToolPhone, tmp_path: Path) -> None:
    with Spool(tmp_path / "spool", quota=Quota(max_bytes=1)) as full, pytest.raises(SpoolFull) as caught:
        await screen_capture(phone, full, DEVICE)
    assert caught.value.hint
    assert incoming(tmp_path) == []


# ------------------------------------------------------------------------------------------------ a phone under adb
async def test_the_rogues_of_the_screen_are_pictures_or_errors_and_never_black(
    transport: Transport, virtual_phone: VirtualPhone, spool: Spool
) -> None:
    shown = await screen_capture(transport, spool, DEVICE)
    for rogue in ("two_displays", "warning_before_png"):
        with virtual_phone.behaving(rogue):
            assert (await screen_capture(transport, spool, DEVICE)).sha256 == shown.sha256
    for rogue, words in (
        ("black_screen", "black"),
        ("cut_screen", "ends in its middle"),
        ("no_screen", "Capturing failed"),
        ("empty_screen", "is empty"),
    ):
        with virtual_phone.behaving(rogue), pytest.raises(DeviceUnusable, match=words):
            await screen_capture(transport, spool, DEVICE)
