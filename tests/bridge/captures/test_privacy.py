"""What the user has not agreed to is not sent, and not even copied: pictures of an absence, pictures of a pause."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from bridge.captures.folder import CameraFolder
from bridge.captures.notices import FolderNotice, Held
from bridge.spool import Spool
from tests.support.fake_transport import FolderTransport
from tests.support.pictures import small_jpeg
from tests.support.watched import DEVICE, watched


class Clock:
    """The laptop's wall clock."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shoot(camera: Path, name: str) -> None:
    """Leave a picture as a camera app does."""
    (camera / f".pending-1-{name}").write_bytes(small_jpeg())
    (camera / f".pending-1-{name}").rename(camera / name)


def incoming(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "spool" / "incoming").iterdir())


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


async def test_the_count_of_held_pictures_is_told_whenever_it_changes(
    folder_phone: FolderTransport, tmp_path: Path, clock: Clock
) -> None:
    """Over all folders: what appears, what its owner deletes, what is sent in the end."""
    folders = ("/sdcard/DCIM/Camera", "/sdcard/Pictures")
    one, two = (folder_phone.local(folder) for folder in folders)
    one.mkdir(parents=True)
    two.mkdir(parents=True)
    with Spool(tmp_path / "spool", clock=clock) as spool:
        async with watched(folder_phone, spool, clock=clock, folders=folders) as running:
            await running.watching()
        shoot(one, "a.jpg")
        shoot(one, "b.jpg")
        shoot(two, "c.jpg")
        clock.now += 601
        async with watched(folder_phone, spool, clock=clock, folders=folders) as running:
            await running.watching()
            (one / "b.jpg").unlink()
            await running.until(lambda: running.folder.held == 2, 10.0)
            running.folder.catch_up()
            await running.taken(2)
        assert [note.count for note in running.all_noticed(Held)] == [2, 3, 2, 0]


async def test_a_user_who_asked_for_all_pictures_is_told_of_none_held(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    async with watched(folder_phone, spool) as running:
        await running.watching()
    shoot(camera, "a.jpg")
    notices: list[FolderNotice] = []
    folder = CameraFolder(folder_phone, spool, device_id=DEVICE, fresh=True, on_notice=notices.append)
    folder.catch_up()
    async with asyncio.timeout(10), aclosing(folder.captures()) as captures:
        assert (await anext(captures)).name == "a.jpg"
    assert not [note for note in notices if isinstance(note, Held)]


async def test_during_a_pause_no_picture_leaves_the_phone(
    folder_phone: FolderTransport, camera: Path, spool: Spool, tmp_path: Path
) -> None:
    async with watched(folder_phone, spool) as running:
        await running.watching()
        running.folder.pause()
        shoot(camera, "private.jpg")
        assert await running.noticed(Held) == Held(1)
        assert folder_phone.pulls == []
        running.folder.resume()
        shoot(camera, "after.jpg")
        await running.taken(1)
    assert running.names() == ["after.jpg"]
    async with watched(folder_phone, spool) as running:
        assert await running.noticed(Held) == Held(1)
        running.folder.catch_up()
        await running.taken(1)
    assert running.names() == ["private.jpg"]


async def test_a_picture_that_is_being_copied_when_the_pause_begins_is_thrown_away(
    folder_phone: FolderTransport, camera: Path, spool: Spool, tmp_path: Path
) -> None:
    async def pause(_path: bytes) -> None:
        running.folder.pause()

    folder_phone.on_pull = pause
    async with watched(folder_phone, spool) as running:
        await running.watching()
        shoot(camera, "a.jpg")
        assert await running.noticed(Held) == Held(1)
        await running.until_true(lambda: incoming(tmp_path) == [])
    assert running.captures == []


async def test_a_phone_that_comes_back_during_the_pause_is_still_paused(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    async with watched(folder_phone, spool) as running:
        await running.watching()
    async with watched(folder_phone, spool, paused=True) as running:
        await running.watching()
        shoot(camera, "a.jpg")
        assert await running.noticed(Held) == Held(1)
    assert folder_phone.pulls == []


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
