"""The camera takes its folder's photos in turn, through the phone's own files."""

import asyncio
from pathlib import Path

import pytest

from virtual_phone.camera import Camera, NoPhotoError, PhotoQueue
from virtual_phone.files import PhoneFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "storage/emulated/0/DCIM/Camera").mkdir(parents=True)
    (root / "sdcard").symlink_to("/storage/emulated/0")
    return root


def _folder(tmp_path: Path, *names: str) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(name.encode())
    return folder


def _camera(root: Path, photos: Path, *, pause: float = 0.0) -> Camera:
    return Camera(PhotoQueue(photos), PhoneFiles(root), pause=pause, clock=lambda: 1_700_000_000.0)


def test_photos_come_in_turn_and_round_again(tmp_path: Path) -> None:
    queue = PhotoQueue(_folder(tmp_path, "b.jpg", "a.PNG", "c.jpeg", "notes.txt"))
    assert [queue.take().name for _ in range(4)] == ["a.PNG", "b.jpg", "c.jpeg", "a.PNG"]


def test_a_photo_added_meanwhile_is_seen(tmp_path: Path) -> None:
    folder = _folder(tmp_path, "a.jpg")
    queue = PhotoQueue(folder)
    queue.take()
    (folder / "b.jpg").write_bytes(b"")
    assert queue.peek().name == "b.jpg"
    assert queue.take().name == "b.jpg"


def test_an_empty_folder_gives_no_photo(tmp_path: Path) -> None:
    with pytest.raises(NoPhotoError, match=r"no \.jpg or \.png"):
        PhotoQueue(_folder(tmp_path)).take()


async def test_a_picture_is_pending_until_it_is_whole(tmp_path: Path, root: Path) -> None:
    camera = _camera(root, _folder(tmp_path, "a.jpg"), pause=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):  # long enough for the first half, far too short for the pause
            await camera.shoot()
    (pending,) = (root / "storage/emulated/0/DCIM/Camera").iterdir()
    assert pending.name.startswith(".pending-1700604800-IMG_")
    assert pending.read_bytes() == b"a."
    assert camera.names() == []


async def test_a_picture_gets_a_name_of_its_time_and_its_own_extension(tmp_path: Path, root: Path) -> None:
    camera = _camera(root, _folder(tmp_path, "a.jpeg", "b.png"))
    paths = [await camera.shoot() for _ in range(3)]
    assert all(path.startswith("/sdcard/DCIM/Camera/IMG_20231114_") for path in paths)
    assert [Path(path).suffix for path in paths] == [".jpg", ".png", ".jpg"]
    assert len(set(paths)) == 3
    assert sorted(Path(path).name for path in paths) == camera.names()


async def test_a_given_file_is_taken_as_it_is(tmp_path: Path, root: Path) -> None:
    (tmp_path / "no picture.jpg").write_bytes(b"text")
    camera = _camera(root, _folder(tmp_path, "a.jpg"))
    path = await camera.shoot(tmp_path / "no picture.jpg")
    assert (root / "storage/emulated/0" / path.removeprefix("/sdcard/")).read_bytes() == b"text"


async def test_a_name_of_an_earlier_picture_is_not_used_again(tmp_path: Path, root: Path) -> None:
    photos = _folder(tmp_path, "a.jpg")
    first = await _camera(root, photos).shoot()
    assert await _camera(root, photos).shoot() != first


async def test_a_symlink_in_place_of_the_camera_folder_does_not_lead_out(tmp_path: Path, root: Path) -> None:
    folder = root / "storage/emulated/0/DCIM/Camera"
    folder.rmdir()
    outside = tmp_path / "laptop"
    outside.mkdir()
    folder.symlink_to(outside)
    with pytest.raises(OSError, match=r"Read-only|No such file"):
        await _camera(root, _folder(tmp_path, "a.jpg")).shoot()
    assert list(outside.iterdir()) == []
