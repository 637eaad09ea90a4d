"""From a file on the phone to a capture in the spool: the two steps that every way in shares."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bridge.adb.transport import Transport
from bridge.captures.ending import Verdict, judge_file
from bridge.spool import MAX_PICTURE_BYTES, Capture, FileKey, Spool, display_name
from bridge.spool.blobs import full_disk_told

__all__ = ["Taken", "keep", "take"]

_PULL_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Taken:
    """A file copied from a phone, not yet a capture: in the temp file `temp`, durable, hashed and judged."""

    key: FileKey
    temp: Path
    sha256: str
    verdict: Verdict
    pull_ms: float

    def discard(self) -> None:
        """Throw the copy away; after `keep` there is none."""
        self.temp.unlink(missing_ok=True)


async def take(transport: Transport, spool: Spool, path: bytes) -> Taken:
    """Copy one file of at most 25 MB from the phone."""
    temp = spool.incoming()
    started = time.monotonic()
    try:
        with full_disk_told():
            pulled = await transport.pull(path, temp, limit=MAX_PICTURE_BYTES, deadline=_PULL_S)
            pull_ms = round((time.monotonic() - started) * 1000, 3)
            return Taken(FileKey(path, pulled.mtime, pulled.size), temp, pulled.sha256, judge_file(temp), pull_ms)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise


def keep(taken: Taken, spool: Spool, device_id: str, *, taken_at: float, apart: bool) -> Capture:
    """Commit a copied picture: as the capture of that version of that file, which is owed an answer.

    `apart` makes it an event of its own instead, and whoever takes it so asks about it himself. This waits for the disk
    on purpose: with no `await` between the commit and the `yield`, no cancellation can fall between them.
    """
    return spool.commit(
        taken.temp,
        device_id=device_id,
        sha256=taken.sha256,
        size=taken.key.size,
        source="camera",
        name=display_name(taken.key.path.rpartition(b"/")[2]),
        mtime=taken.key.mtime,
        media_type=taken.verdict.media_type,
        taken_at=taken_at,
        timings_ms={"pull": taken.pull_ms},
        key=None if apart else taken.key,
        owed=not apart,
    )
