"""What can go wrong between a camera folder and the spool, on a phone that is a folder: nothing is lost, nothing sent twice."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from bridge.captures.alarm import AlarmBell
from bridge.captures.folder import CameraFolder
from bridge.captures.notices import Held, Refused, Trouble, Watching
from bridge.captures.signals import Alarm
from bridge.errors import DeviceLost, UsageError
from bridge.spool import Quota, Spool
from tests.support.fake_transport import FolderTransport
from tests.support.pictures import small_jpeg
from tests.support.watched import DEVICE, watched

JPEG = small_jpeg()


class Clock:
    """The laptop's wall clock."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shoot(camera: Path, name: str, data: bytes = JPEG) -> None:
    """Leave a picture as a camera app does."""
    (camera / f".pending-1-{name}").write_bytes(data)
    (camera / f".pending-1-{name}").rename(camera / name)


def incoming(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "spool" / "incoming").iterdir())


# ------------------------------------------------------------------------------------------------ the alarm
async def test_without_inotifyd_the_folder_is_only_listed_and_that_is_said(tmp_path: Path, spool: Spool) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").symlink_to(shutil.which("dash") or "/bin/sh")
    phone = FolderTransport(tmp_path / "phone", path=str(tools))
    camera = phone.local("/sdcard/DCIM/Camera")
    camera.mkdir(parents=True)
    async with watched(phone, spool) as running:
        await running.watching("polling")
        assert (await running.noticed(Watching)).why == "no_inotifyd"
        shoot(camera, "a.jpg")
        await running.taken(1)


async def test_a_watch_that_ends_is_started_again(folder_phone: FolderTransport, camera: Path, spool: Spool) -> None:
    async with watched(folder_phone, spool) as running:
        await running.watching()
        os.killpg(folder_phone.processes[-1].pid, signal.SIGKILL)
        await running.watching("polling")
        await running.until(lambda: [note.how for note in running.all_noticed(Watching)][-1:] == ["inotifyd"], 10.0)
        shoot(camera, "a.jpg")
        await running.taken(1)
    assert len([note for note in running.notices if isinstance(note, Watching)]) == 3


async def test_the_script_is_pushed_once_for_each_version_of_it(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    folder = folder_phone.local("/data/local/tmp/lensbridge")
    for _ in range(2):
        async with watched(folder_phone, spool) as running:
            await running.watching()
        (script,) = folder.iterdir()
        os.utime(script, (1, 1))
    assert script.stat().st_mtime == pytest.approx(1)


def test_more_alarms_than_can_be_kept_become_a_listing(folder_phone: FolderTransport) -> None:
    bell = AlarmBell(folder_phone, [b"/f"])
    for number in range(1500):
        bell._hear(Alarm(b"/f/%d.jpg" % number, moved=True))
    rung = bell.take()
    assert len(rung.alarms) == 1000
    assert rung.folders == {b"/f"}
    assert bell.take().alarms == []


# ------------------------------------------------------------------------------------------------ the phone
async def test_a_phone_that_goes_ends_the_captures(folder_phone: FolderTransport, camera: Path, spool: Spool) -> None:
    async with watched(folder_phone, spool) as running:
        await running.watching()
        await folder_phone.unplug()
        assert isinstance(await running.end(), DeviceLost)


async def test_pictures_in_a_storage_that_opens_late_are_not_new(folder_phone: FolderTransport, spool: Spool) -> None:
    async with watched(folder_phone, spool) as running:
        assert "unlock" in (await running.noticed(Trouble)).hint
        camera = folder_phone.local("/sdcard/DCIM/Camera")
        camera.mkdir(parents=True)
        shoot(camera, "old.jpg")
        memory = spool.memory
        await running.until_true(lambda: bool(memory.known(DEVICE, b"/sdcard/DCIM/Camera").done))
        shoot(camera, "new.jpg")
        await running.taken(1)
    assert running.names() == ["new.jpg"]


async def test_the_first_picture_ever_makes_the_folder_and_is_captured(
    folder_phone: FolderTransport, spool: Spool
) -> None:
    folder_phone.local("/sdcard/Android").mkdir()
    async with watched(folder_phone, spool) as running:
        await running.watching("polling")
        camera = folder_phone.local("/sdcard/DCIM/Camera")
        camera.mkdir(parents=True)
        shoot(camera, "first.jpg")
        await running.taken(1)


async def test_a_file_that_changes_under_the_pull_is_pulled_again(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    async def fail_once(path: bytes) -> None:
        folder_phone.on_pull = None
        raise DeviceLost("the connection broke, because the file was not as long as promised", hint="")

    folder_phone.on_pull = fail_once
    async with watched(folder_phone, spool) as running:
        await running.watching()
        shoot(camera, "a.jpg")
        await running.taken(1)
    assert len(folder_phone.pulls) == 2


async def test_several_folders_are_watched(folder_phone: FolderTransport, camera: Path, spool: Spool) -> None:
    other = folder_phone.local("/sdcard/Pictures/A b")
    other.mkdir(parents=True)
    async with watched(folder_phone, spool, folders=("/sdcard/DCIM/Camera", "/sdcard/Pictures/A b")) as running:
        await running.watching()
        shoot(camera, "a.jpg")
        await running.taken(1)
        shoot(other, "b.jpg")
        await running.taken(2)


@pytest.mark.parametrize(
    "folder", ["DCIM/Camera", "/sdcard/DCIM/", "/sdcard/a:b", "/sdcard/a\nb", "/sdcard/../data", "/a\0b", ""]
)
def test_a_folder_that_cannot_be_watched_is_refused(folder_phone: FolderTransport, spool: Spool, folder: str) -> None:
    with pytest.raises(UsageError) as caught:
        CameraFolder(folder_phone, spool, device_id=DEVICE, folders=(folder,))
    assert "/sdcard/DCIM/Camera" in caught.value.hint


# ------------------------------------------------------------------------------------------------ the files
async def test_formats_that_cannot_be_read_are_told_once_and_not_pulled(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    async with watched(folder_phone, spool) as running:
        await running.watching()
        shoot(camera, "a.heic")
        refused = await running.noticed(Refused)
        assert refused.name == "a.heic"
        assert "JPEG" in refused.hint
    async with watched(folder_phone, spool) as running:
        await running.watching()
        shoot(camera, "b.jpg")
        await running.taken(1)
    assert running.all_noticed(Refused) == []
    assert folder_phone.pulls == [b"/sdcard/DCIM/Camera/b.jpg"]


async def test_a_file_that_only_says_it_is_a_picture_is_refused(
    folder_phone: FolderTransport, camera: Path, spool: Spool, tmp_path: Path
) -> None:
    async with watched(folder_phone, spool) as running:
        await running.watching()
        shoot(camera, "lie.jpg", b"MZ this is something else")
        assert "no JPEG or PNG" in (await running.noticed(Refused)).message
        assert incoming(tmp_path) == []
    assert running.captures == []


# ------------------------------------------------------------------------------------------------ the spool
async def test_a_full_spool_is_told_and_the_picture_comes_when_there_is_room(
    folder_phone: FolderTransport, camera: Path, tmp_path: Path
) -> None:
    with Spool(tmp_path / "spool", quota=Quota(max_bytes=len(JPEG) + 10)) as spool:
        async with watched(folder_phone, spool) as running:
            await running.watching()
            shoot(camera, "a.jpg")
            (first,) = await running.taken(1)
            shoot(camera, "b.jpg", small_jpeg(b"another picture"))
            assert "host" in (await running.noticed(Trouble)).hint
            assert incoming(tmp_path) == []
            spool.record_answer(first.capture_id, "default", "resp", "completed", "")
            await running.taken(2)
        assert len(running.all_noticed(Trouble)) == 1


async def test_a_watch_that_is_left_in_the_middle_leaves_no_half_picture(
    folder_phone: FolderTransport, camera: Path, spool: Spool, tmp_path: Path
) -> None:
    pulling = asyncio.Event()

    async def for_ever(path: bytes) -> None:
        pulling.set()
        await asyncio.Event().wait()

    folder_phone.on_pull = for_ever
    async with watched(folder_phone, spool) as running:
        await running.watching()
        shoot(camera, "a.jpg")
        async with asyncio.timeout(10):
            await pulling.wait()
    assert incoming(tmp_path) == []
    folder_phone.on_pull = None
    async with watched(folder_phone, spool) as running:
        await running.taken(1)


# ------------------------------------------------------------------------------------------------ privacy
async def test_pictures_of_a_long_absence_are_counted_and_come_when_the_user_says_so(
    folder_phone: FolderTransport, camera: Path, tmp_path: Path, clock: Clock
) -> None:
    with Spool(tmp_path / "spool", clock=clock) as spool:
        async with watched(folder_phone, spool, clock=clock) as running:
            await running.watching()
        shoot(camera, "private.jpg")
        clock.now += 601
        async with watched(folder_phone, spool, clock=clock) as running:
            assert await running.noticed(Held) == Held(1)
            await running.watching()
            shoot(camera, "now.jpg")
            await running.taken(1)
        async with watched(folder_phone, spool, clock=clock) as running:
            assert await running.noticed(Held) == Held(1)
            running.folder.catch_up()
            await running.taken(1)
        async with watched(folder_phone, spool, clock=clock) as running:
            await running.watching()
        assert running.all_noticed(Held) == []
    assert running.captures == []


async def test_a_fresh_start_holds_what_appeared_since_the_last_one(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    async with watched(folder_phone, spool, fresh=True) as running:
        await running.watching()
        assert running.all_noticed(Held) == []
    shoot(camera, "private.jpg")
    async with watched(folder_phone, spool, fresh=True) as running:
        assert await running.noticed(Held) == Held(1)


async def test_what_is_taken_while_the_laptop_sleeps_is_held_alarm_or_not(
    folder_phone: FolderTransport, camera: Path, tmp_path: Path, clock: Clock
) -> None:
    with Spool(tmp_path / "spool", clock=clock) as spool:
        async with watched(folder_phone, spool, clock=clock) as running:
            await running.watching()
            clock.now += 601
            shoot(camera, "private.jpg")
            assert await running.noticed(Held) == Held(1)
            shoot(camera, "now.jpg")
            await running.taken(1)
    assert running.names() == ["now.jpg"]


async def test_the_last_look_is_kept_so_that_a_crash_costs_a_minute_at_most(
    folder_phone: FolderTransport, camera: Path, tmp_path: Path, clock: Clock
) -> None:
    folder = b"/sdcard/DCIM/Camera"
    with Spool(tmp_path / "spool", clock=clock) as spool:
        async with watched(folder_phone, spool, clock=clock) as running:
            await running.watching()
            clock.now += 61
            await running.until_true(lambda: spool.memory.away(DEVICE, folder) == 0)
            clock.now += 30
            assert spool.memory.away(DEVICE, folder) == pytest.approx(30)
            listings = folder_phone.listings
            await running.until_true(lambda: folder_phone.listings > listings)
        assert spool.memory.away(DEVICE, folder) == 0


async def test_a_watch_apart_neither_knows_nor_changes_what_is_remembered(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    shoot(camera, "before.jpg")
    async with watched(folder_phone, spool, apart=True) as running:
        await running.watching()
        shoot(camera, "a.jpg")
        (mine,) = await running.taken(1)
    assert spool.pending(DEVICE) == []
    assert spool.capture(mine.capture_id) == mine
    assert spool.memory.away(DEVICE, b"/sdcard/DCIM/Camera") is None
