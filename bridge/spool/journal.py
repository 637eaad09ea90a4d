"""The spool's SQLite file: a crash loses nothing, several processes may share it, and its errors are told in words."""

import os
import sqlite3
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from bridge.errors import BridgeError, DeadlinePassed, UsageError
from bridge.spool.quota import SpoolFull

__all__ = ["Journal"]

_BUSY_S: Final = 10.0
_NO_ROOM: Final = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_LEAST_FREE: Final = 65536  # the helper files of SQLite want about so many bytes at once
_VERSION: Final = 2
_TABLES: Final = {"captures", "answers", "seen", "looks", "erasures"}
_SCHEMA: Final = (
    """CREATE TABLE captures (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        capture_id TEXT NOT NULL UNIQUE,
        device_id TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        size INTEGER NOT NULL,
        source TEXT NOT NULL,
        name TEXT NOT NULL,
        mtime INTEGER NOT NULL,
        media_type TEXT NOT NULL,
        taken_at REAL NOT NULL,
        timings_ms TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('owed', 'answered', 'free')),
        committed_at REAL NOT NULL
    ) STRICT""",
    "CREATE INDEX captures_by_state ON captures (device_id, state)",
    "CREATE INDEX captures_by_blob ON captures (sha256)",
    """CREATE TABLE answers (
        capture_id TEXT NOT NULL REFERENCES captures (capture_id) ON DELETE CASCADE,
        question_key TEXT NOT NULL,
        response_id TEXT NOT NULL,
        status TEXT NOT NULL,
        text TEXT NOT NULL,
        answered_at REAL NOT NULL,
        PRIMARY KEY (capture_id, question_key)
    ) STRICT""",
    """CREATE TABLE seen (
        device_id TEXT NOT NULL,
        path BLOB NOT NULL,
        mtime INTEGER NOT NULL,
        size INTEGER NOT NULL,
        held INTEGER NOT NULL,
        seen_at REAL NOT NULL,
        PRIMARY KEY (device_id, path, mtime, size)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE looks (
        device_id TEXT NOT NULL,
        folder BLOB NOT NULL,
        looked_at REAL NOT NULL,
        PRIMARY KEY (device_id, folder)
    ) STRICT, WITHOUT ROWID""",
)
_SINCE_2: Final = """CREATE TABLE erasures (
        device_id TEXT NOT NULL,
        address TEXT NOT NULL,
        PRIMARY KEY (device_id, address)
    ) STRICT, WITHOUT ROWID"""


class Journal:
    """One connection, used by one caller at a time."""

    def __init__(self, path: Path | Literal[":memory:"]) -> None:
        self._path = path
        self._lock = threading.RLock()
        # The lock is ours, so that any thread may call; sqlite3's own check would allow only the one that opened it.
        with self._told():
            self._db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close the file; later calls fail."""
        with self._lock:
            self._db.close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give all its rows."""
        with self._lock, self._told():
            return self._db.execute(sql, values).fetchall()

    def change(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run one changing statement and tell how many rows it touched."""
        with self._lock, self._told():
            return self._db.execute(sql, values).rowcount

    def change_many(self, sql: str, values: Iterable[tuple[Any, ...]]) -> None:
        """Run one changing statement for each of the values."""
        with self._lock, self._told():
            self._db.executemany(sql, values)

    @contextmanager
    def transaction(self) -> Generator[None, None, None]:
        """Hold the one write lock of all processes: everything inside happens, or nothing does."""
        with self._lock:
            with self._told():
                self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                with self._told():
                    self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def wipe(self) -> None:
        """Leave no deleted words in the write-ahead log either; while others read it, a later change does that."""
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def _prepare(self) -> None:
        with self._told():
            self._to_wal()
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            self._db.execute("PRAGMA secure_delete=ON")  # what is deleted is not left lying in free pages
        with self.transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise UsageError(
                    f"the spool {self._path} is of a newer lensbridge (format {version}, known is {_VERSION})",
                    hint="upgrade lensbridge, or give it another state folder with BRIDGE_STATE_DIR",
                )
            if version == 0:
                for statement in _SCHEMA:
                    self._db.execute(statement)
            if version < _VERSION:
                self._db.execute(_SINCE_2)
                self._db.execute(f"PRAGMA user_version={_VERSION}")
            if _TABLES - {name for (name,) in self._db.execute("SELECT name FROM sqlite_schema")}:
                raise self._damaged("tables are missing")

    def _to_wal(self) -> None:
        """Two processes that open a new file at once: SQLite answers the second one `locked` without waiting."""
        deadline = time.monotonic() + _BUSY_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return

    @contextmanager
    def _told(self) -> Generator[None, None, None]:
        """Turn what SQLite says into what the person at the terminal can do."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._in_words(error) from error

    def _in_words(self, error: sqlite3.DatabaseError) -> Exception:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL or (code in _NO_ROOM and self._disk_is_full()):
            return SpoolFull(
                f"the disk with {self._path} is full", hint="free some space; pictures stay on the phone until then"
            )
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return DeadlinePassed(
                f"another process has kept {self._path} locked for {_BUSY_S:.0f} s",
                hint="`bridge status` names who holds the phone",
            )
        if code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
            return self._damaged(str(error))
        if code == sqlite3.SQLITE_IOERR:
            return BridgeError(f"{self._path} cannot be read or written: {error}", hint="check the disk it lies on")
        if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}:
            return UsageError(
                f"{self._path} cannot be written: {error}", hint="check the folder's owner, or set BRIDGE_STATE_DIR"
            )
        return error

    def _damaged(self, why: str) -> BridgeError:
        hint = "move that folder away and start again; the pictures are on the phone"
        return BridgeError(f"{self._path} is damaged: {why}", hint=hint)

    def _disk_is_full(self) -> bool:
        """SQLite has no word of its own for a full disk when it makes its helper files."""
        found = os.statvfs(Path(self._path).parent)
        return found.f_bavail * found.f_frsize < _LEAST_FREE
