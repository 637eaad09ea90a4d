"""Watching a camera folder on a phone that breaks, lacks tools or opens its storage late; the phone is a folder."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from bridge.captures import alarm
from bridge.captures.alarm import AlarmBell
from bridge.captures.folder import CameraFolder
from bridge.captures.notices import Trouble, Watching
from bridge.captures.signals import Alarm
from bridge.errors import DeviceLost, UsageError
from bridge.spool import Spool
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
    async with watched(folder_phone, spool) as running:
        await running.watching()
    (script,) = folder.iterdir()
    os.utime(script, (1, 1))
    async with watched(folder_phone, spool) as running:
        await running.watching()
    assert [(path, path.stat().st_mtime) for path in folder.iterdir()] == [(script, 1.0)]


async def test_a_script_that_cannot_be_pushed_leaves_the_listing(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    folder_phone.local("/data/local/tmp/lensbridge").write_text("a file where the folder should be")
    async with watched(folder_phone, spool) as running:
        await running.watching("polling")
        assert "push refused" in (await running.noticed(Watching)).why
        shoot(camera, "a.jpg")
        await running.taken(1)


async def test_a_folder_that_appears_later_is_watched_too(
    folder_phone: FolderTransport, camera: Path, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm, "_MISSING_RETRY_S", 0.1)
    other = folder_phone.local("/sdcard/Pictures")
    async with watched(folder_phone, spool, folders=("/sdcard/DCIM/Camera", "/sdcard/Pictures")) as running:
        await running.watching()
        other.mkdir()
        started = len(folder_phone.processes)
        await running.until_true(lambda: len(folder_phone.processes) > started)
        shoot(other, "a.jpg")
        await running.taken(1)
    assert len(running.all_noticed(Watching)) == 1, "nothing has changed for whoever looks"


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
        await asyncio.sleep(0)
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
