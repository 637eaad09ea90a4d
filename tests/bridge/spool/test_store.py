"""The spool keeps what was taken, answers it once, and makes room without losing what is owed an answer."""

import hashlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BridgeError, DeadlinePassed, UsageError
from bridge.spool import Capture, FileKey, Quota, Spool, SpoolFull
from bridge.spool import journal as journal_module

DEVICE = "dev_0123456789abcdef"


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: Clock) -> Iterator[Spool]:
    with Spool(tmp_path / "spool", clock=clock, quota=Quota(max_bytes=1000, max_age_s=100.0)) as opened:
        yield opened


def take(spool: Spool, data: bytes = b"picture", **changes: Any) -> Capture:
    temp = spool.incoming()
    temp.write_bytes(data)
    values: dict[str, Any] = {
        "device_id": DEVICE,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "source": "camera",
        "name": "IMG_1.jpg",
        "mtime": 1_700_000_000,
        "media_type": "image/jpeg",
        "taken_at": 1.5,
        "timings_ms": {"pull": 2.5},
    }
    return spool.commit(temp, **{**values, **changes})


def key(name: str = "IMG_1.jpg", mtime: int = 5, size: int = 7) -> FileKey:
    return FileKey(b"/sdcard/DCIM/Camera/" + name.encode(), mtime, size)


def test_a_capture_comes_back_as_it_was_given_after_the_spool_is_opened_again(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        capture = take(spool, key=key())
    with Spool(tmp_path) as spool:
        assert spool.capture(capture.capture_id) == capture
        assert spool.pending(DEVICE) == [capture]
        assert spool.blob_path(capture.sha256).read_bytes() == b"picture"
        assert capture.timings_ms == {"pull": 2.5}


def test_the_same_picture_twice_is_two_captures_and_one_blob(spool: Spool, tmp_path: Path) -> None:
    first, second = take(spool, key=key("a.jpg")), take(spool, key=key("b.jpg"))
    assert first.capture_id != second.capture_id
    assert first.sha256 == second.sha256
    assert len(list((tmp_path / "spool" / "blobs").iterdir())) == 1
    assert list((tmp_path / "spool" / "incoming").iterdir()) == []


def test_the_same_version_of_the_same_file_is_one_capture_whoever_commits_it_again(
    spool: Spool, tmp_path: Path
) -> None:
    first = take(spool, key=key())
    assert take(spool, key=key(), taken_at=99.0) == first
    assert spool.pending(DEVICE) == [first]
    assert list((tmp_path / "spool" / "incoming").iterdir()) == []


def test_another_version_of_the_file_another_phone_or_no_file_at_all_is_another_capture(spool: Spool) -> None:
    taken = [
        take(spool, key=key()),
        take(spool, key=key(mtime=6)),
        take(spool, key=key(size=8)),
        take(spool, key=key(), device_id="dev_other"),
        take(spool),
        take(spool),
    ]
    assert len({capture.capture_id for capture in taken}) == len(taken)


def test_a_commit_marks_the_file_as_seen_in_the_same_step(spool: Spool) -> None:
    assert not spool.memory.seen(DEVICE, key())
    take(spool, key=key())
    assert spool.memory.seen(DEVICE, key())
    assert not spool.memory.seen("dev_other", key())


def test_only_the_first_answer_to_a_question_counts(spool: Spool) -> None:
    capture = take(spool)
    assert spool.record_answer(capture.capture_id, "default", "resp_1", "completed", "A-1")
    assert not spool.record_answer(capture.capture_id, "default", "resp_2", "completed", "A-2")
    assert spool.record_answer(capture.capture_id, "again", "resp_3", "completed", "A-3")
    assert [(a.response_id, a.text) for a in spool.answers(capture.capture_id)] == [
        ("resp_1", "A-1"),
        ("resp_3", "A-3"),
    ]
    assert spool.pending(DEVICE) == []


def test_an_answer_to_a_deleted_capture_is_dropped(spool: Spool) -> None:
    capture = take(spool)
    assert spool.delete(capture.capture_id)
    assert not spool.record_answer(capture.capture_id, "default", "resp_1", "completed", "late")
    assert spool.answers(capture.capture_id) == []
    assert not spool.delete(capture.capture_id)


def test_deleting_removes_the_answers_and_the_blob_when_no_other_capture_shows_it(spool: Spool) -> None:
    first, second = take(spool, key=key("a.jpg")), take(spool, key=key("b.jpg"))
    spool.record_answer(first.capture_id, "default", "resp_1", "completed", "text")
    spool.delete(first.capture_id)
    assert spool.blob_path(first.sha256).exists()
    assert spool.answers(first.capture_id) == []
    spool.delete(second.capture_id)
    assert not spool.blob_path(first.sha256).exists()
    assert spool.memory.seen(DEVICE, key("a.jpg")), "a deleted picture would be captured again"


def test_pending_is_per_phone_in_the_order_taken_and_leaves_out_what_nobody_is_owed(spool: Spool) -> None:
    first, second = take(spool, b"1"), take(spool, b"2")
    take(spool, b"3", device_id="dev_other")
    take(spool, b"4", owed=False)
    assert spool.pending(DEVICE) == [first, second]


def test_a_picture_is_found_for_its_own_phone_only(spool: Spool) -> None:
    take(spool, key=key("a.jpg"))
    newest = take(spool, key=key("b.jpg"))
    assert spool.find(DEVICE, newest.sha256) == newest
    assert spool.find("dev_other", newest.sha256) is None


@pytest.mark.parametrize(
    "name", ["", "..", "../journal.sqlite", "A" * 64, "a" * 63, "a" * 65, "a" * 63 + "/", "a" * 64 + "\n"]
)
def test_a_blob_is_named_by_a_hash_and_nothing_else(spool: Spool, name: str) -> None:
    with pytest.raises(ValueError, match="64 hex digits"):
        spool.blob_path(name)


def test_a_full_spool_drops_the_oldest_answered_and_never_what_is_owed_an_answer(spool: Spool) -> None:
    owed = take(spool, b"o" * 400)
    old, young = take(spool, b"a" * 200), take(spool, b"b" * 200)
    for capture in (young, old):
        spool.record_answer(capture.capture_id, "default", "resp", "completed", "")
    newest = take(spool, b"n" * 350)
    assert spool.capture(old.capture_id) is None
    assert not spool.blob_path(old.sha256).exists()
    assert spool.capture(young.capture_id) == young
    assert spool.pending(DEVICE) == [owed, newest]


def test_a_spool_full_of_unanswered_pictures_says_so_and_keeps_every_one(spool: Spool) -> None:
    owed = take(spool, b"o" * 900)
    answered = take(spool, b"a" * 50)
    spool.record_answer(answered.capture_id, "default", "resp", "completed", "")
    with pytest.raises(SpoolFull) as caught:
        take(spool, b"n" * 200, key=key())
    assert caught.value.exit_code == 7
    assert "host" in caught.value.hint
    assert spool.pending(DEVICE) == [owed]
    assert spool.capture(answered.capture_id) == answered, "nothing is dropped when it does not help"
    assert not spool.memory.seen(DEVICE, key()), "it would not be tried again"


def test_a_picture_kept_already_needs_no_room(spool: Spool) -> None:
    take(spool, b"o" * 900, key=key("a.jpg"))
    take(spool, b"o" * 900, key=key("b.jpg"))
    assert len(spool.pending(DEVICE)) == 2


def test_answered_pictures_go_when_they_are_old(spool: Spool, clock: Clock) -> None:
    owed, answered = take(spool, b"1"), take(spool, b"2")
    spool.record_answer(answered.capture_id, "default", "resp", "completed", "")
    clock.now += 101
    take(spool, b"3")
    assert spool.capture(answered.capture_id) is None
    assert not spool.blob_path(answered.sha256).exists()
    assert spool.capture(owed.capture_id) == owed


def test_two_spools_on_one_folder_see_each_others_captures_and_answers(tmp_path: Path) -> None:
    with Spool(tmp_path) as one, Spool(tmp_path) as other:
        capture = take(one)
        assert other.pending(DEVICE) == [capture]
        assert other.record_answer(capture.capture_id, "default", "resp_1", "completed", "x")
        assert not one.record_answer(capture.capture_id, "default", "resp_2", "completed", "y")


def test_many_threads_may_share_one_spool(spool: Spool) -> None:
    def work(number: int) -> None:
        for turn in range(10):
            take(spool, b"p", key=key(f"{number}-{turn}.jpg"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spool.pending(DEVICE)) == 40


def test_a_failed_transaction_leaves_nothing_behind(spool: Spool) -> None:
    temp = spool.incoming()  # never written: the rename fails
    with pytest.raises(FileNotFoundError):
        spool.commit(
            temp,
            device_id=DEVICE,
            sha256="a" * 64,
            size=1,
            source="camera",
            name="x",
            mtime=0,
            media_type="image/jpeg",
            taken_at=0.0,
            key=key(),
        )
    assert spool.pending(DEVICE) == []
    assert not spool.memory.seen(DEVICE, key())
    take(spool)  # and the lock is free again


def test_a_spool_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    raw = sqlite3.connect(tmp_path / "journal.sqlite")
    raw.execute("PRAGMA user_version=3")
    raw.close()
    with pytest.raises(UsageError, match="newer lensbridge") as caught:
        Spool(tmp_path)
    assert "upgrade" in caught.value.hint


def test_a_spool_of_the_first_version_is_gone_on_with(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        before = take(spool)
    raw = sqlite3.connect(tmp_path / "journal.sqlite")
    raw.execute("DROP TABLE erasures")
    raw.execute("PRAGMA user_version=1")
    raw.close()

    for _ in range(2):
        with Spool(tmp_path) as spool:
            assert spool.pending(DEVICE) == [before]
            assert spool.erasures(DEVICE) == []


def test_a_damaged_journal_is_told_with_a_way_out(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    (tmp_path / "journal.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(BridgeError, match="damaged") as caught:
        Spool(tmp_path)
    assert "move that folder away" in caught.value.hint


def test_a_journal_without_its_tables_is_damaged_too(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    raw = sqlite3.connect(tmp_path / "journal.sqlite")
    raw.execute("DROP TABLE seen")
    raw.close()
    with pytest.raises(BridgeError, match="tables are missing"):
        Spool(tmp_path)


def test_a_disk_that_takes_no_more_is_told_with_a_way_out(tmp_path: Path) -> None:
    """A limit of the system on the size of files is met where SQLite knows no word but `disk I/O error`."""
    script = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from bridge.errors import BridgeError\n"
        "from bridge.spool import Spool\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "with Spool(Path(sys.argv[1])) as spool:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))\n"
        "    try:\n"
        "        spool.memory.looked('dev', b'/folder', 1.0)\n"
        "    except BridgeError as error:\n"
        "        print(error.exit_code, error.message, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert "cannot be read or written" in done.stdout
    assert "check the disk" in done.stdout


def test_a_journal_that_cannot_be_opened_is_told_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        Spool(tmp_path)


def test_a_lock_held_for_too_long_by_another_process_ends_with_a_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_BUSY_S", 0.05)
    with Spool(tmp_path) as spool:
        other = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DeadlinePassed, match="locked"):
            take(spool)
        other.execute("ROLLBACK")
        other.close()
        take(spool)
