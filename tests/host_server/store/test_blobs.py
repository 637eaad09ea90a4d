"""The blob store: whole or not at all, within its quota, each owner alone."""

import hashlib
import shutil
from io import FileIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_server.store.blobs import BlobStore
from host_server.store.upload import Blob, HashMismatchError, StorageFullError


def _store(folder: Path, quota: int = 1000) -> BlobStore:
    return BlobStore(folder / "blobs", quota=quota, free=lambda _: 1 << 40)


def _blob(data: bytes, owner: str = "admin") -> Blob:
    return owner, hashlib.sha256(data).hexdigest()


def _put(store: BlobStore, data: bytes, owner: str = "admin") -> Blob:
    blob = _blob(data, owner)
    with store.upload(blob) as upload:
        upload.write(data)
        upload.finish()
    return blob


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "blobs").rglob("*") if path.is_file())


def test_an_uploaded_picture_can_be_read(tmp_path: Path) -> None:
    store = _store(tmp_path)
    blob = _put(store, b"picture")

    assert store.read(blob) == b"picture"
    assert (store.size(blob), store.total) == (7, 7)


def test_another_owner_does_not_see_it(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _put(store, b"picture", owner="a")

    assert store.size(_blob(b"picture", owner="b")) is None
    with pytest.raises(KeyError):
        store.read(_blob(b"picture", owner="b"))


def test_a_picture_that_is_not_what_its_name_says_is_not_kept(tmp_path: Path) -> None:
    store = _store(tmp_path)

    with store.upload(_blob(b"picture")) as upload:
        upload.write(b"pictura")
        with pytest.raises(HashMismatchError):
            upload.content()

    assert store.size(_blob(b"picture")) is None
    assert _files(tmp_path) == []


def test_an_upload_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    with _store(tmp_path).upload(_blob(b"picture")) as upload:
        upload.write(b"pict")
        assert len(_files(tmp_path)) == 1

    assert _files(tmp_path) == []


def test_the_content_is_there_before_it_is_kept(tmp_path: Path) -> None:
    store = _store(tmp_path)
    with store.upload(_blob(b"picture")) as upload:
        upload.write(b"pic")
        upload.write(b"ture")

        assert upload.content() == b"picture"
    assert store.size(_blob(b"picture")) is None


def test_sending_it_twice_keeps_it_once(tmp_path: Path) -> None:
    store = _store(tmp_path)
    _put(store, b"picture")
    _put(store, b"picture")

    assert (store.total, len(_files(tmp_path))) == (7, 1)


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    store = _store(tmp_path, quota=10)
    first, second = _put(store, b"aaaa"), _put(store, b"bbbb")
    store.read(first)

    _put(store, b"cccc")

    assert (store.size(first), store.size(second)) == (4, None)
    assert len(_files(tmp_path)) == 2


def test_what_is_looked_at_is_not_evicted(tmp_path: Path) -> None:
    store = _store(tmp_path, quota=10)
    first, second = _put(store, b"aaaa"), _put(store, b"bbbb")

    with store.held({first}):
        assert store.is_held(first)
        _put(store, b"cccc")
        assert (store.size(first), store.size(second)) == (4, None)
        assert not store.delete(first)
    assert store.delete(first)
    assert not store.delete(first)


def test_held_twice_is_held_until_both_let_go(tmp_path: Path) -> None:
    store = _store(tmp_path)
    blob = _put(store, b"aaaa")
    with store.held({blob}):
        with store.held({blob}):
            pass
        assert store.is_held(blob)
    assert not store.is_held(blob)


def test_holding_what_is_not_here_holds_nothing(tmp_path: Path) -> None:
    store = _store(tmp_path)
    blob = _put(store, b"aaaa")

    with pytest.raises(KeyError), store.held({blob, _blob(b"no")}):
        pass
    assert not store.is_held(blob)


def test_when_everything_is_in_use_there_is_no_room(tmp_path: Path) -> None:
    store = _store(tmp_path, quota=6)
    blob = _put(store, b"aaaa")

    with store.held({blob}), pytest.raises(StorageFullError):
        _put(store, b"bbbb")
    assert len(_files(tmp_path)) == 1


def test_a_picture_larger_than_the_quota_has_no_room(tmp_path: Path) -> None:
    with pytest.raises(StorageFullError):
        _put(_store(tmp_path, quota=3), b"aaaa")


def test_pictures_are_still_there_after_a_restart_and_drafts_are_not(tmp_path: Path) -> None:
    store = _store(tmp_path)
    blob = _put(store, b"picture")
    drafts = tmp_path / "blobs" / ".drafts"
    (drafts / "left-over").write_bytes(b"half")
    (tmp_path / "blobs" / "admin" / "stranger").write_bytes(b"not ours")

    again = _store(tmp_path)

    assert (again.read(blob), again.total) == (b"picture", 7)
    assert "left-over" not in _files(tmp_path)


def test_a_picture_that_somebody_removed_by_hand_is_not_here(tmp_path: Path) -> None:
    store = _store(tmp_path)
    blob = _put(store, b"picture")
    (tmp_path / "blobs" / "admin" / blob[1]).unlink()

    with pytest.raises(KeyError):
        store.read(blob)


@pytest.mark.parametrize(
    "blob", [("../up", "ab" * 32), ("admin", "../../etc/passwd"), ("", "ab" * 32), ("admin", "AB" * 32)]
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, blob: Blob) -> None:
    with pytest.raises(ValueError, match="not the name"):
        _store(tmp_path).upload(blob)


def test_the_disk_being_full_is_no_room(tmp_path: Path) -> None:
    store = _store(tmp_path)
    with store.upload(_blob(b"x")) as upload:
        assert upload._file is not None
        upload._file.close()
        upload._file = FileIO("/dev/full", "w")
        with pytest.raises(StorageFullError):
            upload.write(b"x")

    assert (store.arriving, _files(tmp_path)) == (0, [])


def test_a_folder_that_cannot_be_written_is_no_room(tmp_path: Path) -> None:
    store = _store(tmp_path)
    shutil.rmtree(tmp_path / "blobs" / ".drafts")

    with pytest.raises(StorageFullError), store.upload(_blob(b"x")):
        pass
    assert store.arriving == 0


def test_a_place_that_cannot_be_taken_is_no_room(tmp_path: Path) -> None:
    store = _store(tmp_path)
    (tmp_path / "blobs" / "admin").write_bytes(b"in the way")

    with pytest.raises(StorageFullError):
        _put(store, b"picture")
    assert (store.total, store.arriving) == (0, 0)


def test_what_is_being_received_counts_from_its_first_byte(tmp_path: Path) -> None:
    store = _store(tmp_path, quota=10)
    with store.upload(_blob(b"a" * 6)) as slow, store.upload(_blob(b"b" * 6)) as slower:
        slow.write(b"aaaaa")
        slower.write(b"bbbbb")
        assert store.arriving == 10
        with pytest.raises(StorageFullError):
            slower.write(b"b")
    assert store.arriving == 0


def test_uploads_make_room_while_they_come(tmp_path: Path) -> None:
    store = _store(tmp_path, quota=10)
    old = _put(store, b"aaaa")

    with store.upload(_blob(b"b" * 9)) as upload:
        upload.write(b"b" * 6)
        assert store.size(old) == 4
        upload.write(b"b" * 3)
        assert store.size(old) is None


def test_what_is_kept_may_differ_from_what_was_sent(tmp_path: Path) -> None:
    store = _store(tmp_path)
    blob = _blob(b"picture and where it was taken")
    with store.upload(blob) as upload:
        upload.write(b"picture and where it was taken")
        upload.finish(b"picture")

    assert (store.read(blob), store.total, store.arriving) == (b"picture", 7, 0)
    assert _files(tmp_path) == [blob[1]]


def test_whoever_keeps_most_gives_first(tmp_path: Path) -> None:
    store = _store(tmp_path, quota=10)
    small = _put(store, b"aa", owner="quiet")
    hoard = [_put(store, bytes([letter]) * 2, owner="hoarder") for letter in range(4)]

    _put(store, b"zz", owner="newcomer")
    assert store.size(small) == 2
    assert [store.size(blob) for blob in hoard] == [None, 2, 2, 2]

    _put(store, b"yyyy", owner="hoarder")
    assert store.size(small) == 2


def test_the_disk_keeps_some_room_for_others(tmp_path: Path) -> None:
    free = 100
    store = BlobStore(tmp_path / "blobs", quota=1000, spare=50, free=lambda _: free - store.total)
    first = _put(store, b"a" * 20)
    second = _put(store, b"b" * 20)

    third = _put(store, b"c" * 20)

    assert [store.size(blob) for blob in (first, second, third)] == [None, 20, 20]
    free = 40
    with pytest.raises(StorageFullError):
        _put(store, b"d")


def test_the_real_disk_says_how_much_is_free(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs", quota=1000, spare=1 << 62)

    with pytest.raises(StorageFullError):
        _put(store, b"a")


def test_an_upload_is_used_inside_its_block(tmp_path: Path) -> None:
    upload = _store(tmp_path).upload(_blob(b"x"))
    for use in (lambda: upload.write(b"x"), upload.content, upload.finish):
        with pytest.raises(ValueError, match="context manager"):
            use()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["put", "read", "delete"]), st.integers(0, 6)), max_size=20))
def test_the_quota_holds_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("quota")
    store = _store(folder, quota=12)
    for action, number in steps:
        data = bytes([65 + number]) * (number + 1)
        if action == "put":
            _put(store, data)
        elif action == "delete":
            store.delete(_blob(data))
        elif store.size(_blob(data)) is not None:
            assert store.read(_blob(data)) == data

        assert store.total <= 12
        assert store.total == sum(path.stat().st_size for path in (folder / "blobs" / "admin").glob("*"))
