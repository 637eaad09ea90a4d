"""What is known of a phone's folders: which files are done with or held back, and when we last looked."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import starmap
from typing import Final, Self

from bridge.spool.journal import Journal
from bridge.spool.model import FileKey

__all__ = ["FolderMemory", "Known"]

_FORGET_S: Final = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Known:
    """The files of one folder that are not news: `done` were sent or there before; `held` wait for the user's word."""

    done: frozenset[FileKey]
    held: frozenset[FileKey]


class FolderMemory:
    """Survives the phone's going away and the bridge's being killed; keyed by device and folder."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock

    @classmethod
    def of_its_own(cls) -> Self:
        """Give a memory that starts empty and is forgotten when it is closed."""
        return cls(Journal(":memory:"))

    def close(self) -> None:
        """Close a memory of its own; one that belongs to a spool is closed with it."""
        self._journal.close()

    def seen(self, device_id: str, key: FileKey) -> bool:
        """Tell whether this version of this file is done with."""
        sql = "SELECT 1 FROM seen WHERE device_id=? AND path=? AND mtime=? AND size=? AND NOT held"
        return bool(self._journal.rows(sql, (device_id, *key)))

    def known(self, device_id: str, folder: bytes) -> Known:
        """Give all that is known of one folder."""
        low, high = _range(folder)
        sql = "SELECT path, mtime, size, held FROM seen WHERE device_id=? AND path>=? AND path<?"
        rows = self._journal.rows(sql, (device_id, low, high))
        files = [(FileKey(path, mtime, size), held) for path, mtime, size, held in rows if b"/" not in path[len(low) :]]
        return Known(
            frozenset(key for key, held in files if not held),
            frozenset(key for key, held in files if held),
        )

    def remember(self, device_id: str, keys: Iterable[FileKey], *, held: bool = False) -> None:
        """Note files as done with, or as held back. Inside a caller's transaction it becomes part of it."""
        now = self._clock()
        sql = "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)"
        self._journal.change_many(sql, ((device_id, *key, int(held), now) for key in keys))

    def begin(
        self,
        device_id: str,
        folder: bytes,
        *,
        done: Iterable[FileKey],
        held: Iterable[FileKey],
        there: Iterable[FileKey],
    ) -> None:
        """Note the result of the first look at a folder, and forget what has long been gone from it."""
        with self._journal.transaction():
            self.remember(device_id, done)
            self.remember(device_id, held, held=True)
            self._forget(device_id, folder, frozenset(there))
            self.looked(device_id, folder, self._clock())

    def looked(self, device_id: str, folder: bytes, at: float) -> None:
        """Note when the folder was last looked at, by the laptop's clock."""
        self._journal.change("INSERT OR REPLACE INTO looks VALUES (?, ?, ?)", (device_id, folder, at))

    def away(self, device_id: str, folder: bytes) -> float | None:
        """Tell for how many seconds nobody has looked at the folder; None when nobody ever has."""
        rows = self._journal.rows("SELECT looked_at FROM looks WHERE device_id=? AND folder=?", (device_id, folder))
        return max(0.0, self._clock() - rows[0][0]) if rows else None

    def _forget(self, device_id: str, folder: bytes, there: frozenset[FileKey]) -> None:
        """Keep the memory as small as the folder: a file away for a month is not the one that came back."""
        low, high = _range(folder)
        sql = "SELECT path, mtime, size FROM seen WHERE device_id=? AND path>=? AND path<? AND seen_at<?"
        old = self._journal.rows(sql, (device_id, low, high, self._clock() - _FORGET_S))
        gone = (key for key in starmap(FileKey, old) if key not in there)
        self._journal.change_many(
            "DELETE FROM seen WHERE device_id=? AND path=? AND mtime=? AND size=?", ((device_id, *key) for key in gone)
        )


def _range(folder: bytes) -> tuple[bytes, bytes]:
    """All paths below a folder, as an interval of bytes: `/` is followed by `0`."""
    return folder + b"/", folder + b"0"
