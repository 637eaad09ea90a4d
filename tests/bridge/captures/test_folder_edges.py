"""What can go wrong between a camera folder and the spool, on a phone that is a folder: nothing lost, nothing twice."""

import asyncio
from pathlib import Path

import pytest

from bridge.captures.notices import Held, Refused, Trouble
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
