"""The camera folder of the virtual phone, through Google's own adb server: what is taken is captured, once."""

import asyncio
import contextlib
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridge.adb.transport import Transport
from bridge.errors import DeviceLost
from bridge.spool import Spool
from tests.support.adb_server import PrivateAdbServer
from tests.support.pictures import small_jpeg
from tests.support.watched import DEVICE, PATIENCE, Watched, opened, watched
from virtual_phone import VirtualPhone

HOSTILE_NAMES = (
    b"new\nline.jpg",
    b"quo'te.jpg",
    b'dou"ble.jpg',
    b"$(id).jpg",
    b"`id`;reboot.jpg",
    b"-rf.jpg",
    b"a b\\n.jpg",
    "照片.jpg".encode(),
    "\u202egpj.exe.jpg".encode(),
    b"\xff\xfe.jpg",
    b"a..jpg..jpg",
    b"x" * 251 + b".jpg",
)


@pytest.fixture
def camera(virtual_phone: VirtualPhone) -> Path:
    folder = virtual_phone.storage / "DCIM/Camera"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
async def watching(transport: Transport, spool: Spool, camera: Path) -> AsyncIterator[Watched]:
    (camera / "before.jpg").write_bytes(small_jpeg(b"taken before"))
    async with watched(transport, spool) as running:
        await running.watching()
        yield running


async def test_a_picture_taken_is_captured_as_it_is(
    watching: Watched, virtual_phone: VirtualPhone, photos: Path, spool: Spool
) -> None:
    path = await virtual_phone.press_shutter()
    (capture,) = await watching.taken(1)
    data = (photos / "a.jpg").read_bytes()
    assert (capture.sha256, capture.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (capture.name, capture.source, capture.media_type) == (Path(path).name, "camera", "image/jpeg")
    assert capture.timings_ms["pull"] > 0
    assert spool.blob_path(capture.sha256).read_bytes() == data
    assert spool.pending(DEVICE) == [capture]


async def test_the_same_picture_twice_is_two_captures_of_one_blob(
    watching: Watched, virtual_phone: VirtualPhone
) -> None:
    await virtual_phone.press_shutter()
    await virtual_phone.press_shutter()
    one, other = await watching.taken(2)
    assert one.capture_id != other.capture_id
    assert one.sha256 == other.sha256


async def test_a_burst_loses_none(watching: Watched, virtual_phone: VirtualPhone) -> None:
    for _ in range(10):
        await virtual_phone.press_shutter()
    captures = await watching.taken(10)
    assert watching.names() == sorted(watching.names())
    assert len({capture.capture_id for capture in captures}) == 10


async def test_unfinished_hidden_and_other_files_are_left_alone(
    watching: Watched, camera: Path, virtual_phone: VirtualPhone
) -> None:
    for name in (".pending-1-a.jpg", ".trashed-1-b.jpg", ".nomedia", "film.mp4", "notes.txt"):
        (camera / name).write_bytes(small_jpeg())
    (camera / "folder.jpg").mkdir()
    (camera / "link.jpg").symlink_to("/etc/passwd")
    await virtual_phone.press_shutter()
    await watching.taken(1)


@pytest.mark.parametrize("how", ["moved", "written"])
async def test_any_name_is_captured_and_only_its_text_is_kept(watching: Watched, camera: Path, how: str) -> None:
    for number, name in enumerate(HOSTILE_NAMES):
        put(camera, name, small_jpeg(b"%d" % number), moved=how == "moved")
    captures = await watching.taken(len(HOSTILE_NAMES))
    assert len({capture.capture_id for capture in captures}) == len(HOSTILE_NAMES)
    assert all(capture.name.isprintable() for capture in captures)


async def test_a_picture_written_in_pieces_is_captured_whole(watching: Watched, camera: Path) -> None:
    data = small_jpeg(b"p" * 30_000)
    with (camera / "slow.jpg").open("wb") as file:
        for start in range(0, len(data), 10_000):
            file.write(data[start : start + 10_000])
            file.flush()
            await asyncio.sleep(0.2)
    (capture,) = await watching.taken(1)
    assert capture.size == len(data)


async def test_a_picture_rewritten_is_another_capture(
    watching: Watched, camera: Path, virtual_phone: VirtualPhone
) -> None:
    path = await virtual_phone.press_shutter()
    await watching.taken(1)
    (camera / Path(path).name).write_bytes(small_jpeg(b"with the noise removed"))
    first, second = await watching.taken(2)
    assert first.name == second.name
    assert first.capture_id != second.capture_id


async def test_the_shutter_key_on_the_phone_is_enough(watching: Watched, transport: Transport) -> None:
    await transport.shell(["am", "start", "-a", "android.media.action.STILL_IMAGE_CAMERA"])
    await transport.shell(["input", "keyevent", "27"])
    await watching.taken(1)


async def test_a_replug_loses_none_and_repeats_none(
    adb_server: PrivateAdbServer, virtual_phone: VirtualPhone, transport: Transport, spool: Spool
) -> None:
    async with watched(transport, spool) as running:
        await running.watching()
        await virtual_phone.press_shutter()
        await running.taken(1)
        async with virtual_phone.unplugged():
            assert isinstance(await running.end(), DeviceLost)
            await virtual_phone.press_shutter()
            await virtual_phone.press_shutter()
    await adb_server.wait_for(virtual_phone.address)
    again = await opened(adb_server, virtual_phone)
    async with watched(again, spool) as running:
        await running.taken(2)
        await running.watching()
        await virtual_phone.press_shutter()
        await running.taken(3)
    await again.close()
    assert len(spool.pending(DEVICE)) == 4


async def test_nothing_is_left_running_on_the_phone(transport: Transport, spool: Spool, camera: Path) -> None:
    mine = camera.with_name(f"Only {secrets.token_hex(8)}")
    mine.mkdir()
    async with watched(transport, spool, folders=(f"/sdcard/DCIM/{mine.name}",)) as running:
        await running.watching()
        await until(lambda: bool(processes_with(mine.name)), transport)
    await until(lambda: not processes_with(mine.name), transport)


async def until(happened: Callable[[], bool], transport: Transport) -> None:
    async with asyncio.timeout(PATIENCE):
        while not happened():
            await transport.shell(["true"])


def put(folder: Path, name: bytes, data: bytes, *, moved: bool) -> None:
    target = folder / os.fsdecode(name)
    begun = folder / ".begun" if moved else target
    begun.write_bytes(data)
    begun.replace(target)


def processes_with(argument: str) -> list[bytes]:
    """The command lines on this machine, in the phone's sandbox too, that hold it."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(process.read_bytes())
    return [line for line in found if argument.encode() in line and b"inotifyd" in line]
