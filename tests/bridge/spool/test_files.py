"""Blobs, temps and ids on the disk: swept, collected, private, and the same after a crash."""

import errno
import hashlib
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bridge.spool import Spool, SpoolFull, device_id
from bridge.spool.blobs import Blobs, full_disk_told

STRAY = hashlib.sha256(b"stray").hexdigest()


def age(path: Path, seconds: float) -> None:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
        return process.pid


def test_what_a_dead_process_left_half_pulled_is_swept_and_a_living_ones_is_not(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    incoming = tmp_path / "incoming"
    (incoming / f"{dead_pid()}.aa").write_bytes(b"half")
    (incoming / "what is this").write_bytes(b"?")
    mine = incoming / f"{os.getpid()}.bb"
    mine.write_bytes(b"being pulled")
    hers = incoming / "1.cc"  # init's: alive, and not ours to signal
    hers.write_bytes(b"being pulled")
    Spool(tmp_path).close()
    assert sorted(incoming.iterdir()) == sorted([mine, hers])


def test_an_old_temp_of_a_number_in_use_again_is_swept_too(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    mine = tmp_path / "incoming" / f"{os.getpid()}.bb"
    mine.write_bytes(b"of an earlier process with this number")
    age(mine, 4000)
    Spool(tmp_path).close()
    assert not mine.exists()


def test_a_blob_without_a_row_is_collected_once_nobody_can_be_about_to_claim_it(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    stray = tmp_path / "blobs" / STRAY
    stray.write_bytes(b"stray")
    Spool(tmp_path).close()
    assert stray.exists(), "another process may be between the rename and its row"
    age(stray, 4000)
    Spool(tmp_path).close()
    assert not stray.exists()


def test_everything_is_readable_by_the_owner_only(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "spool")
    temp = blobs.incoming()
    temp.write_bytes(b"stray")
    blobs.adopt(temp, STRAY)
    assert stat.S_IMODE(blobs.path(STRAY).stat().st_mode) == 0o600
    for folder in ("", "incoming", "blobs"):
        assert stat.S_IMODE((tmp_path / "spool" / folder).stat().st_mode) == 0o700


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_in_words(number: int) -> None:
    with pytest.raises(SpoolFull, match="disk is full") as caught, full_disk_told():
        raise OSError(number, "no")
    assert "stay on the phone" in caught.value.hint


def test_another_error_of_the_disk_passes_as_it_is() -> None:
    with pytest.raises(OSError, match="broken") as caught, full_disk_told():
        raise OSError(errno.EIO, "broken")
    assert not isinstance(caught.value, SpoolFull)


def test_a_phone_keeps_its_id_and_another_laptop_gives_it_another(tmp_path: Path) -> None:
    first = device_id(tmp_path / "one", "R5CT")
    assert first == device_id(tmp_path / "one", "R5CT")
    assert first != device_id(tmp_path / "one", "R5CU")
    assert first != device_id(tmp_path / "two", "R5CT")
    assert first.startswith("dev_")
    assert len(first) == 20
    assert stat.S_IMODE((tmp_path / "one" / "install.id").stat().st_mode) == 0o600


def test_many_who_make_the_install_id_at_once_agree_on_one(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: device_id(tmp_path, "S"), range(32)))
    assert len(ids) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["install.id"]


def test_a_torn_install_id_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "install.id").write_bytes(b"torn")
    made = device_id(tmp_path, "S")
    assert made == device_id(tmp_path, "S")
    assert (tmp_path / "install.id").stat().st_size == 16
