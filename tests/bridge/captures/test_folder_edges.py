"""What can go wrong between a camera folder and the spool, on a phone that is a folder: nothing lost, nothing twice."""

import asyncio
from pathlib import Path

import pytest

from bridge.captures.hands import Hands
from bridge.captures.notices import FolderNotice, Refused, Trouble, Unfinished
from bridge.captures.signals import Accept, Pull, Pulled, PullFailed
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


async def test_while_the_spool_is_full_no_other_picture_is_copied_for_nothing(
    folder_phone: FolderTransport, camera: Path, tmp_path: Path
) -> None:
    for name in ("a.jpg", "b.jpg"):
        (camera / name).write_bytes(JPEG)
    one, two = b"/sdcard/DCIM/Camera/a.jpg", b"/sdcard/DCIM/Camera/b.jpg"
    told: list[FolderNotice] = []
    with Spool(tmp_path / "spool", quota=Quota(max_bytes=1)) as spool:
        hands = Hands(
            folder_phone, spool, DEVICE, fresh=False, apart=False, on_notice=told.append, clock=lambda: 1_800_000_000.0
        )
        pulled, _ = await hands.do(Pull(one))
        assert isinstance(pulled, Pulled)
        assert await hands.do(Accept(pulled.key, 0.0)) == (PullFailed(one), None)
        assert await hands.do(Pull(two)) == (PullFailed(two), None)
    assert folder_phone.pulls == [one]
    assert [type(notice) for notice in told] == [Trouble]


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


async def test_a_picture_that_has_no_end_yet_is_told_once(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    async with watched(folder_phone, spool) as running:
        await running.watching()
        shoot(camera, "a.jpg", JPEG[:-2])
        assert (await running.noticed(Unfinished)).name == "a.jpg"
        (camera / "a.jpg").write_bytes(JPEG)
        await running.taken(1)
    assert len(running.all_noticed(Unfinished)) == 1
