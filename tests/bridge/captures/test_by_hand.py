"""Captures asked for by hand: the newest picture, a press of the shutter, a file of the laptop."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from bridge.captures.files import capture_file
from bridge.captures.newest import newest_capture
from bridge.errors import UsageError
from bridge.spool import MAX_PICTURE_BYTES, Spool
from tests.support.fake_transport import FolderTransport
from tests.support.pictures import small_jpeg
from tests.support.watched import DEVICE

JPEG = small_jpeg()


def incoming(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "spool" / "incoming").iterdir())


# ------------------------------------------------------------------------------------------------ newest
async def test_the_newest_picture_is_taken_again_each_time(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    for name, mtime in (("b.jpg", 300), ("a.jpg", 200), (".pending-1-c.jpg", 900), ("d.heic", 900), ("e.mp4", 900)):
        (camera / name).write_bytes(small_jpeg(name.encode()))
        os.utime(camera / name, (mtime, mtime))
    (camera / "empty.jpg").touch()
    first = await newest_capture(folder_phone, spool, DEVICE)
    second = await newest_capture(folder_phone, spool, DEVICE)
    assert (first.name, first.mtime, first.source) == ("b.jpg", 300, "camera")
    assert first.sha256 == second.sha256
    assert first.capture_id != second.capture_id
    assert spool.pending(DEVICE) == [], "whoever asks for it asks about it"


async def test_without_any_picture_the_newest_is_told_missing(folder_phone: FolderTransport, spool: Spool) -> None:
    with pytest.raises(UsageError, match="no picture") as caught:
        await newest_capture(folder_phone, spool, DEVICE)
    assert "--picture" in caught.value.hint


async def test_a_newest_file_that_is_no_picture_is_refused(
    folder_phone: FolderTransport, camera: Path, spool: Spool, tmp_path: Path
) -> None:
    (camera / "lie.jpg").write_bytes(b"not a picture")
    with pytest.raises(UsageError, match=r"lie\.jpg is no JPEG or PNG"):
        await newest_capture(folder_phone, spool, DEVICE)
    assert incoming(tmp_path) == []


async def test_a_newest_picture_that_is_still_written_is_waited_for(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    async def go_on(_path: bytes) -> None:
        asyncio.get_running_loop().call_later(0.02, (camera / "a.jpg").write_bytes, JPEG)

    (camera / "a.jpg").write_bytes(JPEG[:-2])
    folder_phone.on_pull = go_on
    capture = await newest_capture(folder_phone, spool, DEVICE)
    assert spool.blob_path(capture.sha256).read_bytes() == JPEG


async def test_a_newest_picture_without_an_end_is_for_the_host_to_judge(
    folder_phone: FolderTransport, camera: Path, spool: Spool
) -> None:
    (camera / "a.jpg").write_bytes(JPEG[:-2])
    capture = await newest_capture(folder_phone, spool, DEVICE)
    assert spool.blob_path(capture.sha256).read_bytes() == JPEG[:-2]


# ------------------------------------------------------------------------------------------------ files
def test_a_file_of_the_laptop_becomes_a_capture(tmp_path: Path, spool: Spool) -> None:
    path = tmp_path / "a\x1b[1m.jpg"
    path.write_bytes(JPEG)
    os.utime(path, (500, 500))
    capture = capture_file(path, spool, DEVICE)
    assert (capture.name, capture.mtime, capture.source) == (r"a\x1b[1m.jpg", 500, "file")
    assert capture.sha256 == hashlib.sha256(JPEG).hexdigest()
    assert spool.blob_path(capture.sha256).read_bytes() == JPEG
    assert spool.pending(DEVICE) == []
    assert path.exists()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.write_bytes(b"text"), "no JPEG or PNG"),
        (lambda path: path.write_bytes(b""), "no JPEG or PNG"),
        (lambda path: path.write_bytes(JPEG + bytes(MAX_PICTURE_BYTES)), "more than 25,000,000 bytes"),
        (lambda path: path.mkdir(), "no regular file"),
        (os.mkfifo, "no regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "no regular file"),
    ],
)
def test_what_is_no_readable_picture_is_refused_with_a_hint(
    tmp_path: Path, spool: Spool, make: object, words: str
) -> None:
    path = tmp_path / "x.jpg"
    assert callable(make)
    make(path)
    with pytest.raises(UsageError, match=words) as caught:
        capture_file(path, spool, DEVICE)
    assert caught.value.exit_code == 2
    assert "JPEG or PNG" in caught.value.hint
    assert incoming(tmp_path) == []


def test_a_name_that_no_file_can_have_is_refused(spool: Spool) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        capture_file(Path("a\0b"), spool, DEVICE)
