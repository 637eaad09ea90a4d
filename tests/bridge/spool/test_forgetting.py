"""A picture that a phone's person deletes is gone from that phone's journal, words and all; another phone's stays."""

import hashlib
from pathlib import Path

import pytest

from bridge.spool import Capture, FileKey, Forgotten, Spool

DEVICE, OTHER = "dev_0123456789abcdef", "dev_fedcba9876543210"
KEY = FileKey(b"/sdcard/DCIM/Camera/a.jpg", 5, 7)
WORDS = "the order number is 4711"


def take(spool: Spool, device: str, key: FileKey | None = None, data: bytes = b"picture") -> Capture:
    temp = spool.incoming()
    temp.write_bytes(data)
    return spool.commit(
        temp,
        device_id=device,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        source="camera",
        name="a.jpg",
        mtime=0,
        media_type="image/jpeg",
        taken_at=1.5,
        key=key,
    )


def test_all_its_captures_and_answers_go_and_are_named(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        one, two, third = take(spool, DEVICE, KEY), take(spool, DEVICE), take(spool, DEVICE, data=b"another")
        spool.record_answer(one.capture_id, "q1", "resp_1", "completed", WORDS)
        spool.record_answer(two.capture_id, "q2", "", "failed", "no")
        gone = spool.forget(DEVICE, one.sha256)

        assert gone == Forgotten((one, two), ("resp_1",), elsewhere=False)
        assert not spool.blob_path(one.sha256).exists()
        assert spool.answers(one.capture_id) == []
        assert spool.capture(third.capture_id) == third
        assert spool.blob_path(third.sha256).exists()


def test_it_is_not_taken_from_the_phone_again(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.forget(DEVICE, take(spool, DEVICE, KEY).sha256)

        assert spool.memory.seen(DEVICE, KEY)


def test_another_phones_picture_of_the_same_bytes_stays(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        mine, theirs = take(spool, DEVICE), take(spool, OTHER)
        spool.record_answer(theirs.capture_id, "q", "resp_2", "completed", "x")

        assert spool.forget(DEVICE, mine.sha256) == Forgotten((mine,), (), elsewhere=True)
        assert spool.blob_path(theirs.sha256).exists()
        assert len(spool.answers(theirs.capture_id)) == 1
        assert not spool.forget(OTHER, theirs.sha256).elsewhere
        assert not spool.blob_path(theirs.sha256).exists()


def test_what_a_phone_does_not_have_cannot_be_forgotten(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        theirs = take(spool, OTHER)

        assert spool.forget(DEVICE, theirs.sha256) == Forgotten((), (), elsewhere=True)
        assert spool.capture(theirs.capture_id) == theirs


@pytest.mark.parametrize("more", [0, 200])
def test_no_file_keeps_its_words(tmp_path: Path, more: int) -> None:
    with Spool(tmp_path) as spool:
        for number in range(more):  # so that the words lie in a page among others
            spool.record_answer(take(spool, OTHER, data=b"%d" % number).capture_id, "q", "r", "completed", "y" * 50)
        capture = take(spool, DEVICE)
        spool.record_answer(capture.capture_id, "q", "resp_1", "completed", WORDS)
        assert holding(tmp_path) != []
        spool.forget(DEVICE, capture.sha256)

        assert holding(tmp_path) == []


def holding(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and WORDS.encode() in path.read_bytes()]


def test_the_host_is_owed_an_erasure_whatever_becomes_of_us(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        one, shared = take(spool, DEVICE), take(spool, DEVICE, data=b"shared")
        take(spool, OTHER, data=b"shared")
        spool.record_answer(one.capture_id, "q1", "resp_1", "completed", WORDS)
        spool.record_answer(shared.capture_id, "q2", "resp_2", "completed", WORDS)
        for capture in (one, shared):
            spool.forget(DEVICE, capture.sha256)

    owed = {"/v1/responses/resp_1", f"/v1/captures/{one.sha256}", "/v1/responses/resp_2"}
    with Spool(tmp_path) as spool:
        assert set(spool.erasures(DEVICE)) == owed
        assert spool.erasures(OTHER) == []
        spool.owe_erasure(DEVICE, ["/v1/responses/resp_1", "/v1/responses/resp_3"])
        spool.erased(OTHER, owed)
        spool.erased(DEVICE, owed)
        assert spool.erasures(DEVICE) == ["/v1/responses/resp_3"]
