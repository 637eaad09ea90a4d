"""The list on the phone: the whole new one or the whole old one, and nothing left behind."""

import json
import os
import time
from pathlib import Path

import pytest

from bridge.errors import DeviceLost, DeviceUnusable
from bridge.prompts import PromptBook, read_file
from bridge.prompts.book import SHIPPED
from bridge.prompts.push import FILE, push
from tests.support.fake_transport import FolderTransport


class FullPhone(FolderTransport):
    """Its storage is full: it takes a part of what is pushed and says so, or keeps silent about it as old ones do."""

    silent = False

    async def push(self, data: bytes, path: str, *, mode: int = 0o644, deadline: float = 60.0) -> None:
        await super().push(data[:100], path, mode=mode, deadline=deadline)
        if not self.silent:
            raise DeviceUnusable("No space left on device", hint="free some")


@pytest.fixture
def book() -> PromptBook:
    return PromptBook(read_file(SHIPPED))


def _folder(phone: FolderTransport) -> Path:
    return phone.local(FILE).parent


async def test_it_is_there_whole_and_again(tmp_path: Path, book: PromptBook) -> None:
    phone = FolderTransport(tmp_path)

    await push(phone, PromptBook())
    pushed = await push(phone, book)

    assert json.loads(phone.local(FILE).read_bytes()) == book.document()
    assert (pushed.path, pushed.size, pushed.prompts) == (FILE, len(book.encoded()), 10)
    assert [path.name for path in _folder(phone).iterdir()] == ["prompts.json"]


async def test_a_phone_that_takes_only_a_part_keeps_the_old_list(tmp_path: Path, book: PromptBook) -> None:
    await push(FolderTransport(tmp_path), book)
    phone = FullPhone(tmp_path)

    with pytest.raises(DeviceUnusable, match="No space left"):
        await push(phone, PromptBook())

    assert json.loads(phone.local(FILE).read_bytes()) == book.document()
    assert [path.name for path in _folder(phone).iterdir()] == ["prompts.json"]


async def test_a_phone_that_says_nothing_is_looked_at_before_the_old_list_is_replaced(
    tmp_path: Path, book: PromptBook
) -> None:
    await push(FolderTransport(tmp_path), book)
    phone = FullPhone(tmp_path)
    phone.silent = True

    with pytest.raises(DeviceUnusable, match="could not be put") as caught:
        await push(phone, book)

    assert "storage full" in caught.value.hint
    assert json.loads(phone.local(FILE).read_bytes()) == book.document()
    assert [path.name for path in _folder(phone).iterdir()] == ["prompts.json"]


async def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, book: PromptBook) -> None:
    phone = FolderTransport(tmp_path)
    phone.local(FILE).mkdir(parents=True)
    (phone.local(FILE) / "kept").touch()

    with pytest.raises(DeviceUnusable, match="prompts"):
        await push(phone, book)


async def test_a_phone_that_goes_away_is_lost(tmp_path: Path, book: PromptBook) -> None:
    phone = FolderTransport(tmp_path)
    await phone.unplug()

    with pytest.raises(DeviceLost):
        await push(phone, book)


async def test_what_a_killed_push_left_is_removed_and_nothing_else(tmp_path: Path, book: PromptBook) -> None:
    phone = FolderTransport(tmp_path)
    await push(phone, book)
    killed, at_work, not_ours = ".prompts-0123abcd.part", ".prompts-4567abcd.part", ".prompts-notes.part"
    for name, age in ((killed, 3600), (at_work, 30), (not_ours, 3600)):
        (_folder(phone) / name).write_bytes(b"{")
        os.utime(_folder(phone) / name, (time.time() - age, time.time() - age))

    await push(phone, book)

    assert {path.name for path in _folder(phone).iterdir()} == {"prompts.json", at_work, not_ours}
