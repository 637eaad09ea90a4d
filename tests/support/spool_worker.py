"""The worker that the spool's kill test kills: it captures what lies in a folder and answers it until it dies.

It stands for a bridge: pulls in pieces, commits, asks, writes down each question put to the "model" and each answer
kept, so that the test can count. `python -m tests.support.spool_worker SPOOL PHONE LEDGER`.
"""

import hashlib
import os
import random
import sys
import time
from pathlib import Path

from bridge.spool import Capture, FileKey, Quota, Spool

DEVICE = "dev_soak"


def main(root: Path, phone: Path, ledger: Path) -> None:
    with Spool(root, quota=Quota(max_bytes=1 << 30)) as spool, ledger.open("a", buffering=1, encoding="ascii") as book:
        while True:
            new = [key for key in listed(phone) if not spool.memory.seen(DEVICE, key)]
            for key in new[:5]:
                take(spool, phone, key)
            owed = spool.pending(DEVICE)
            for capture in owed:
                answer(spool, capture, book.write)
            if not (new or owed):
                (ledger.parent / "idle").touch()
                time.sleep(0.002)


def listed(phone: Path) -> list[FileKey]:
    found = [(path, path.stat()) for path in sorted(phone.glob("*.jpg"))]
    return [FileKey(os.fsencode(path.name), state.st_mtime_ns, state.st_size) for path, state in found]


def take(spool: Spool, phone: Path, key: FileKey) -> None:
    temp, digest = spool.incoming(), hashlib.sha256()
    with (phone / os.fsdecode(key.path)).open("rb") as source, temp.open("xb") as copy:
        while piece := source.read(4096):
            digest.update(piece)
            copy.write(piece)
            copy.flush()
        os.fsync(copy.fileno())
    spool.commit(
        temp,
        device_id=DEVICE,
        sha256=digest.hexdigest(),
        size=key.size,
        source="camera",
        name=os.fsdecode(key.path),
        mtime=key.mtime,
        media_type="image/jpeg",
        taken_at=time.time(),
        key=key,
    )


def answer(spool: Spool, capture: Capture, note: object) -> None:
    data = spool.blob_path(capture.sha256).read_bytes()
    torn = hashlib.sha256(data).hexdigest() != capture.sha256
    assert callable(note)
    note(f"asked {capture.name} {'torn' if torn else 'whole'}\n")
    time.sleep(random.random() * 0.003)  # ruff: ignore[suspicious-non-cryptographic-random-usage] - the model thinks
    first = spool.record_answer(capture.capture_id, "default", f"resp_{os.getpid()}", "completed", capture.name)
    again = spool.record_answer(capture.capture_id, "default", "resp_again", "completed", "another answer")
    note(f"kept {capture.name} {int(first)}{int(again)}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
