"""What is known of a phone's folders survives the bridge, belongs to one folder of one phone, and stays small."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.spool import FileKey, Spool
from bridge.spool.memory import FolderMemory

DEVICE = "dev_1"
FOLDER = b"/sdcard/DCIM/Camera"
DAY = 86_400.0


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path, clock: Clock) -> Iterator[FolderMemory]:
    with Spool(tmp_path, clock=clock) as spool:
        yield spool.memory


def key(name: bytes, folder: bytes = FOLDER) -> FileKey:
    return FileKey(folder + b"/" + name, 5, 7)


def test_done_and_held_files_are_told_apart(memory: FolderMemory) -> None:
    memory.remember(DEVICE, [key(b"done.jpg")])
    memory.remember(DEVICE, [key(b"held.jpg")], held=True)
    known = memory.known(DEVICE, FOLDER)
    assert known.done == {key(b"done.jpg")}
    assert known.held == {key(b"held.jpg")}
    assert memory.seen(DEVICE, key(b"done.jpg"))
    assert not memory.seen(DEVICE, key(b"held.jpg"))


def test_a_held_file_that_is_sent_after_all_is_done(memory: FolderMemory) -> None:
    memory.remember(DEVICE, [key(b"a.jpg")], held=True)
    memory.remember(DEVICE, [key(b"a.jpg")])
    assert memory.known(DEVICE, FOLDER).held == frozenset()


@pytest.mark.parametrize("name", [b"a\nb", b"\xff\xfe", b"'; DROP TABLE seen; --", b"%_*?", b"\xf0\x9f\x93\xb7.jpg"])
def test_names_are_bytes_and_nothing_more(memory: FolderMemory, name: bytes) -> None:
    memory.remember(DEVICE, [key(name)])
    assert memory.known(DEVICE, FOLDER).done == {key(name)}


def test_a_folder_knows_its_own_files_only(memory: FolderMemory) -> None:
    mine = key(b"a.jpg")
    memory.remember(
        DEVICE, [mine, key(b"b.jpg", FOLDER + b"2"), key(b"c.jpg", FOLDER + b"/sub"), key(b"d", b"/sdcard")]
    )
    memory.remember("dev_2", [key(b"e.jpg")])
    assert memory.known(DEVICE, FOLDER).done == {mine}


def test_absence_is_counted_from_the_last_look_at_each_folder(memory: FolderMemory, clock: Clock) -> None:
    assert memory.away(DEVICE, FOLDER) is None
    memory.looked(DEVICE, FOLDER, clock.now)
    clock.now += 30
    assert memory.away(DEVICE, FOLDER) == 30
    assert memory.away(DEVICE, b"/sdcard/Pictures") is None
    assert memory.away("dev_2", FOLDER) is None
    clock.now -= 100
    assert memory.away(DEVICE, FOLDER) == 0, "the laptop's clock was set back"


def test_the_first_look_is_noted_with_what_it_found(memory: FolderMemory) -> None:
    memory.begin(DEVICE, FOLDER, done=[key(b"old.jpg")], held=[key(b"new.jpg")], there=[])
    assert memory.away(DEVICE, FOLDER) == 0
    assert memory.known(DEVICE, FOLDER).done == {key(b"old.jpg")}
    assert memory.known(DEVICE, FOLDER).held == {key(b"new.jpg")}


def test_files_gone_from_the_phone_for_a_month_are_forgotten(memory: FolderMemory, clock: Clock) -> None:
    other = key(b"x.jpg", b"/sdcard/Pictures")
    memory.remember(DEVICE, [key(b"stays.jpg"), key(b"goes.jpg"), other])
    clock.now += 31 * DAY
    memory.remember(DEVICE, [key(b"deleted yesterday.jpg")])
    memory.begin(DEVICE, FOLDER, done=[], held=[], there=[key(b"stays.jpg")])
    assert memory.known(DEVICE, FOLDER).done == {key(b"stays.jpg"), key(b"deleted yesterday.jpg")}
    assert memory.seen(DEVICE, other)


def test_a_camera_folder_of_twenty_thousand_is_remembered_in_one_go(memory: FolderMemory) -> None:
    keys = [key(b"%d.jpg" % number) for number in range(20_000)]
    memory.begin(DEVICE, FOLDER, done=keys, held=[], there=keys)
    assert len(memory.known(DEVICE, FOLDER).done) == 20_000
