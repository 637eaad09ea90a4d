"""`Spool`: captures in, answers to them, and what is still owed one."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import starmap
from pathlib import Path
from typing import Any, Final, Self

from bridge.spool.blobs import Blobs
from bridge.spool.journal import Journal
from bridge.spool.memory import FolderMemory
from bridge.spool.model import Answer, Capture, FileKey, Forgotten, Source, capture_id, event_id
from bridge.spool.quota import Kept, Quota, SpoolFull, plan_room

__all__ = ["Spool"]

_COLUMNS: Final = "capture_id, device_id, sha256, size, source, name, mtime, media_type, taken_at, timings_ms"


class Spool:
    """One folder with blobs and a journal. Close it, or use it as a context."""

    def __init__(self, root: Path, *, quota: Quota | None = None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._quota = quota or Quota()
        self._blobs = Blobs(root)
        self._journal = Journal(root / "journal.sqlite")
        self.memory = FolderMemory(self._journal, clock)
        self._blobs.sweep_incoming()
        self._collect(self._blobs.strays())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal. What was half pulled is swept at the next start."""
        self._journal.close()

    def incoming(self) -> Path:
        """Name a temp file for `Transport.pull`: on the same disk, swept after a crash."""
        return self._blobs.incoming()

    def blob_path(self, sha256: str) -> Path:
        """Say where the picture with this hash lies, if it is kept."""
        return self._blobs.path(sha256)

    def commit(
        self,
        temp: Path,
        *,
        device_id: str,
        sha256: str,
        size: int,
        source: Source,
        name: str,
        mtime: int,
        media_type: str,
        taken_at: float,
        timings_ms: Mapping[str, float] | None = None,
        key: FileKey | None = None,
        owed: bool = True,
    ) -> Capture:
        """Take a finished, fsynced temp file in; when this returns, the capture is safe.

        `key` names the file on the phone that is done with now: the same key gives the same capture, whoever commits it
        again. Without one each commit is an event of its own. `owed=False` is for somebody who asks about it himself
        and would ask again: after a crash it is not `pending`.
        """
        made = capture_id(device_id, key) if key else event_id()
        capture = Capture(made, device_id, sha256, size, source, name, mtime, media_type, taken_at, timings_ms or {})
        with self._journal.transaction():
            kept = self.capture(made)
            if kept is None:
                dropped = self._make_room(sha256, size)
                self._blobs.adopt(temp, sha256)
                self._insert(capture, owed=owed)
            else:
                temp.unlink(missing_ok=True)
                dropped = []
            if key:
                self.memory.remember(device_id, [key])
        self._collect(dropped)
        return kept or capture

    def capture(self, capture_id: str) -> Capture | None:
        """Look one capture up."""
        return next(iter(self._captures("capture_id=?", capture_id)), None)

    def find(self, device_id: str, sha256: str) -> Capture | None:
        """Find the newest capture of this phone that shows this picture: may this phone's page see it?"""
        return next(reversed(self._captures("device_id=? AND sha256=?", device_id, sha256)), None)

    def pending(self, device_id: str) -> list[Capture]:
        """Give the captures of this phone that are still owed an answer, oldest first."""
        return self._captures("device_id=? AND state='owed'", device_id)

    def record_answer(self, capture_id: str, question_key: str, response_id: str, status: str, text: str) -> bool:
        """Keep the final answer to one question; from now on the capture is answered.

        True for the first one; False, and nothing changes, when the question has its answer or the capture is gone.
        """
        with self._journal.transaction():
            settled = self._journal.change("UPDATE captures SET state='answered' WHERE capture_id=?", (capture_id,))
            if not settled:
                return False
            sql = "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?)"
            return bool(self._journal.change(sql, (capture_id, question_key, response_id, status, text, self._clock())))

    def answers(self, capture_id: str) -> list[Answer]:
        """Give all answers about one capture, oldest first."""
        rows = self._journal.rows("SELECT * FROM answers WHERE capture_id=? ORDER BY rowid", (capture_id,))
        return list(starmap(Answer, rows))

    def delete(self, capture_id: str) -> bool:
        """Forget a capture, its answers, and its picture unless another capture shows it. It is not captured again."""
        rows = self._journal.rows("DELETE FROM captures WHERE capture_id=? RETURNING sha256", (capture_id,))
        self._collect([sha256 for (sha256,) in rows])
        return bool(rows)

    def forget(self, device_id: str, sha256: str) -> Forgotten:
        """Forget all captures of this phone that show this picture, and their answers, down to their traces on disk.

        What the host keeps of them is owed an erasure from now on, whatever becomes of this process.
        """
        which = "capture_id IN (SELECT capture_id FROM captures WHERE device_id=? AND sha256=?)"
        with self._journal.transaction():
            captures = self._captures("device_id=? AND sha256=?", device_id, sha256)
            answers = self._journal.rows(f"SELECT response_id FROM answers WHERE {which}", (device_id, sha256))  # ruff: ignore[hardcoded-sql-expression] - our own words
            self._journal.change("DELETE FROM captures WHERE device_id=? AND sha256=?", (device_id, sha256))
            elsewhere = bool(self._captures("sha256=?", sha256))
            gone = Forgotten(tuple(captures), tuple(name for (name,) in answers if name), elsewhere)
            if captures:
                self.owe_erasure(device_id, gone.at_host(sha256))
        self._collect([sha256] if captures else [])
        if captures:
            self._journal.wipe()
        return gone

    def owe_erasure(self, device_id: str, owed: Iterable[str]) -> None:
        """The host shall forget what is at these addresses of it, for this phone."""
        sql = "INSERT OR IGNORE INTO erasures VALUES (?, ?)"
        self._journal.change_many(sql, ((device_id, address) for address in owed))

    def erasures(self, device_id: str) -> list[str]:
        """What the host has not forgotten yet, as far as is known."""
        rows = self._journal.rows("SELECT address FROM erasures WHERE device_id=?", (device_id,))
        return [address for (address,) in rows]

    def erased(self, device_id: str, done: Iterable[str]) -> None:
        """The host has forgotten these."""
        sql = "DELETE FROM erasures WHERE device_id=? AND address=?"
        self._journal.change_many(sql, ((device_id, address) for address in done))

    def _captures(self, where: str, *values: str) -> list[Capture]:
        sql = f"SELECT {_COLUMNS} FROM captures WHERE {where} ORDER BY number"  # ruff: ignore[hardcoded-sql-expression] - our own words, no values
        return [_capture(row) for row in self._journal.rows(sql, values)]

    def _insert(self, capture: Capture, *, owed: bool) -> None:
        self._journal.change(
            f"INSERT INTO captures ({_COLUMNS}, state, committed_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",  # ruff: ignore[hardcoded-sql-expression] - our own words
            (
                capture.capture_id,
                capture.device_id,
                capture.sha256,
                capture.size,
                capture.source,
                capture.name,
                capture.mtime,
                capture.media_type,
                capture.taken_at,
                json.dumps(dict(capture.timings_ms)),
                "owed" if owed else "free",
                self._clock(),
            ),
        )

    def _make_room(self, sha256: str, size: int) -> list[str]:
        """Drop what is too old and what must give way, oldest first, never what is owed an answer. In a transaction."""
        aged = self._journal.rows(
            "DELETE FROM captures WHERE state<>'owed' AND committed_at<? RETURNING sha256",
            (self._clock() - self._quota.max_age_s,),
        )
        blobs = self._journal.rows("SELECT sha256, COUNT(*), MAX(size) FROM captures GROUP BY sha256")
        sizes = {name: kept for name, _, kept in blobs}
        excess = sum(sizes.values()) + (0 if sha256 in sizes else size) - self._quota.max_bytes
        if excess <= 0:
            return [name for (name,) in aged]
        rows = self._journal.rows("SELECT capture_id, sha256 FROM captures WHERE state<>'owed' ORDER BY number")
        plan = plan_room(starmap(Kept, rows), {name: count for name, count, _ in blobs}, sizes, excess)
        if plan is None:
            used, allowed = sum(sizes.values()), self._quota.max_bytes
            raise SpoolFull(
                f"the spool holds {used:,} bytes of pictures that wait for an answer; {allowed:,} are allowed",
                hint="start the host so that they are answered, or delete some; pictures stay on the phone until then",
            )
        self._journal.change_many("DELETE FROM captures WHERE capture_id=?", ((kept.capture_id,) for kept in plan))
        return [name for (name,) in aged] + [kept.sha256 for kept in plan]

    def _collect(self, hashes: list[str]) -> None:
        """Remove blobs that no capture shows. The write lock keeps a commit from taking one up while it is removed."""
        if not hashes:
            return
        with self._journal.transaction():
            for sha256 in hashes:
                if not self._journal.rows("SELECT 1 FROM captures WHERE sha256=? LIMIT 1", (sha256,)):
                    self._blobs.remove(sha256)


def _capture(row: tuple[Any, ...]) -> Capture:
    values = (*row[:-1], json.loads(row[-1]))
    return Capture(*values)
