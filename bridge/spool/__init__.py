"""The spool: what was taken from a phone and is not lost again, whatever dies in between.

```
   pull ──► incoming/<temp> ──fsync──┐
                                     │ one transaction (BEGIN IMMEDIATE, WAL, synchronous=FULL)
   Spool.commit(...) ────────────────┼──► blobs/<sha256>          the picture, once, however often it was taken
                                     └──► journal.sqlite
                                            captures   a picture event: owed an answer, answered, or free of one
                                            answers    one row for each question put to it; the first one counts
                                            seen       (device, path, mtime, size) that are done with, or held back
                                            looks      when each folder of each phone was last looked at
                                            erasures   what the host shall forget of pictures that were deleted
   crash? ──► pending() are the captures still owed an answer; half-pulled temps are swept; stray blobs are collected
```
A capture counts as taken once it is in here, and as answered once its answer is. `Spool` is synchronous and may be
shared by threads: reads cost microseconds and are called as they are; the calls that write wait for the disk (0.2-10
ms, longer while another process writes), so async callers hand them to `asyncio.to_thread` unless a cancellation must
not fall in between. Processes may share it too.
"""

from bridge.spool.blobs import disk_full, full_disk_told
from bridge.spool.identity import device_id
from bridge.spool.memory import FolderMemory
from bridge.spool.model import (
    MAX_PICTURE_BYTES,
    Answer,
    Capture,
    FileKey,
    Forgotten,
    Source,
    answers_at_host,
    display_name,
)
from bridge.spool.quota import Quota, SpoolFull
from bridge.spool.store import Spool

__all__ = [
    "MAX_PICTURE_BYTES",
    "Answer",
    "Capture",
    "FileKey",
    "FolderMemory",
    "Forgotten",
    "Quota",
    "Source",
    "Spool",
    "SpoolFull",
    "answers_at_host",
    "device_id",
    "disk_full",
    "display_name",
    "full_disk_told",
]
