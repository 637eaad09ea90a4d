"""No path and no symlink leads out of the phone."""

import contextlib
import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virtual_phone.files import PhoneFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A phone's root, with a laptop's secret beside it."""
    (tmp_path / "secret").write_text("the laptop's")
    root = tmp_path / "root"
    (root / "storage/emulated/0/DCIM").mkdir(parents=True)
    (root / "storage/self").mkdir()
    (root / "data/local/tmp").mkdir(parents=True)
    (root / "system/bin").mkdir(parents=True)
    (root / "sdcard").symlink_to("/storage/self/primary")
    (root / "storage/self/primary").symlink_to("/storage/emulated/0")
    (root / "storage/emulated/0/a.txt").write_text("the phone's")
    return root


@pytest.fixture
def files(root: Path) -> PhoneFiles:
    return PhoneFiles(root)


def _read(files: PhoneFiles, path: bytes) -> bytes:
    fd = files.open(path)
    try:
        return os.read(fd, 1000)
    finally:
        os.close(fd)


def _write(files: PhoneFiles, path: bytes, data: bytes) -> None:
    fd = files.create(path, 0o644)
    try:
        files.write(fd, data)
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    "path", [b"/sdcard/a.txt", b"//sdcard//a.txt", b"sdcard/./a.txt", b"/storage/emulated/0/a.txt"]
)
def test_a_file_has_the_names_it_has_on_a_phone(files: PhoneFiles, path: bytes) -> None:
    assert _read(files, path) == b"the phone's"


@pytest.mark.parametrize(
    "path", [b"/../secret", b"../../secret", b"/sdcard/../../../../secret", b"/sdcard/..", b"/sdcard/../../.."]
)
def test_dots_do_not_lead_out(files: PhoneFiles, path: bytes) -> None:
    with pytest.raises(OSError, match=r"No such file|Is a directory"):
        _read(files, path)


@pytest.mark.parametrize("target", ["{outside}/secret", "../../../../secret", "/../../secret"])
def test_a_symlink_does_not_lead_out(files: PhoneFiles, root: Path, target: str) -> None:
    (root / "data/link").symlink_to(target.format(outside=root.parent))
    with pytest.raises(FileNotFoundError):
        _read(files, b"/data/link")


def test_a_symlink_to_a_folder_does_not_lead_out_either(files: PhoneFiles, root: Path) -> None:
    (root / "data/up").symlink_to(root.parent)
    for path in (b"/data/up/secret", b"/data/up/root/../secret"):
        with pytest.raises(FileNotFoundError):
            _read(files, path)
    with pytest.raises(OSError, match=r"Read-only|No such file"):
        _write(files, b"/data/up/new", b"x")
    assert not (root.parent / "new").exists()


def test_the_root_is_its_own_parent(files: PhoneFiles) -> None:
    names = {entry.name for entry in files.list(b"/..")}
    assert b"sdcard" in names
    assert b"secret" not in names
    parents = [entry.stat for entry in files.list(b"/") if entry.name in {b".", b".."}]
    assert parents[0] == parents[1]


def test_symlinks_in_a_circle_end(files: PhoneFiles, root: Path) -> None:
    (root / "data/a").symlink_to("b")
    (root / "data/b").symlink_to("a")
    with pytest.raises(OSError, match="Too many levels") as caught:
        files.stat(b"/data/a")
    assert caught.value.errno == errno.ELOOP


def test_lstat_sees_the_link_and_stat_what_it_leads_to(files: PhoneFiles) -> None:
    assert stat.S_ISLNK(files.lstat(b"/sdcard").st_mode)
    assert stat.S_ISDIR(files.stat(b"/sdcard").st_mode)
    assert stat.S_ISDIR(files.lstat(b"/sdcard/").st_mode)


def test_folders_on_the_way_are_made(files: PhoneFiles, root: Path) -> None:
    _write(files, b"/sdcard/new/deep/x", b"data")
    assert (root / "storage/emulated/0/new/deep/x").read_bytes() == b"data"


@pytest.mark.parametrize("path", [b"/system/bin/x", b"/x", b"/new/x", b"/sdcard", b"/system/../y"])
def test_only_storage_and_data_can_be_written(files: PhoneFiles, root: Path, path: bytes) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(OSError, match=r"Read-only file system|Is a directory"):
        _write(files, path, b"x")
    assert sorted(root.rglob("*")) == before


def test_a_new_file_replaces_an_old_one_and_a_link_but_not_its_target(files: PhoneFiles, root: Path) -> None:
    storage = root / "storage/emulated/0"
    (storage / "link").symlink_to("a.txt")
    _write(files, b"/sdcard/link", b"new")
    assert (storage / "a.txt").read_text() == "the phone's"
    assert (storage / "link").read_bytes() == b"new"


def test_a_folder_is_not_replaced_by_a_file(files: PhoneFiles, root: Path) -> None:
    (root / "storage/emulated/0/link").symlink_to("DCIM")
    for path in (b"/sdcard/DCIM", b"/sdcard/link", b"/sdcard/"):
        with pytest.raises(OSError, match="Is a directory"):
            _write(files, path, b"x")


def test_a_fifo_and_a_folder_cannot_be_read_and_do_not_block(files: PhoneFiles, root: Path) -> None:
    os.mkfifo(root / "data/fifo")
    with pytest.raises(PermissionError):
        files.open(b"/data/fifo")
    with pytest.raises(IsADirectoryError):
        files.open(b"/data")


def test_full_is_full(files: PhoneFiles) -> None:
    files.free_space = 5
    _write(files, b"/data/a", b"12345")
    with pytest.raises(OSError, match="No space left"):
        _write(files, b"/data/b", b"1")


def test_files_are_renamed_linked_and_removed(files: PhoneFiles, root: Path) -> None:
    files.rename(b"/sdcard/a.txt", b"/sdcard/b.txt")
    files.symlink(b"b.txt", b"/sdcard/c")
    assert _read(files, b"/sdcard/c") == b"the phone's"
    files.remove(b"/sdcard/c")
    assert not (root / "storage/emulated/0/c").is_symlink()
    with pytest.raises(OSError, match="Read-only"):
        files.remove(b"/sdcard")
    with pytest.raises(OSError, match="Read-only"):
        files.rename(b"/sdcard/b.txt", b"/b.txt")


def test_a_listing_has_every_name_also_those_that_are_no_text(files: PhoneFiles, root: Path) -> None:
    (root / os.fsdecode(b"data/\xff\xfe")).write_bytes(b"x")
    (root / "data/dangling").symlink_to("nowhere")
    found = {entry.name: entry.stat for entry in files.list(b"/data")}
    assert found.keys() == {b".", b"..", b"local", b"\xff\xfe", b"dangling"}
    assert all(found.values())


_names = st.sampled_from([b"..", b".", b"sdcard", b"data", b"out", b"up", b"secret", b"storage", b"", b"local"])


@given(st.lists(_names, max_size=9), st.booleans())
def test_no_path_ever_reaches_the_secret(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes], slash: bool
) -> None:
    outside = tmp_path_factory.mktemp("laptop")
    (outside / "secret").write_text("the laptop's")
    (outside / "root/data/local").mkdir(parents=True)
    (outside / "root/sdcard").symlink_to("/data")
    (outside / "root/out").symlink_to("../..")
    (outside / "root/data/up").symlink_to(outside)
    with contextlib.suppress(OSError):
        assert _read(PhoneFiles(outside / "root"), b"/" * slash + b"/".join(names)) != b"the laptop's"
