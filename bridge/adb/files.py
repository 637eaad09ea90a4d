"""The phone's files, from the event loop: one kept sync connection in one worker thread.

The loop holds the deadline. When it passes, or the caller is cancelled, the socket is shut down, which ends the
thread's read at once; the next call opens a new connection. Calls queue for it inside their own deadline.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from bridge.adb.deadlines import within
from bridge.adb.faults import from_phone
from bridge.adb.smartsocket import PhoneAddress
from bridge.adb.sync import SILENCE, SyncConnection
from bridge.adb.sync_wire import path_bytes
from bridge.adb.transport import DirEntry, FileStat, Pulled
from bridge.errors import DeviceLost

__all__ = ["PhoneFiles"]

_T = TypeVar("_T")
_LEAVING = 5.0  # seconds the thread may need after its socket is shut: a slow disk, nothing else


class PhoneFiles:
    """stat, list, pull and push of one phone."""

    def __init__(self, phone: PhoneAddress, features: frozenset[str], silence: float = SILENCE) -> None:
        self._phone, self._features, self._silence = phone, features, silence
        self._lock = asyncio.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"adb-sync-{phone.transport_id}")
        self._connection: SyncConnection | None = None
        self._closed = False

    async def stat(self, path: str | bytes, *, deadline: float) -> FileStat | None:
        """Lstat, None when there is nothing."""
        raw = path_bytes(path)
        return await self._call(f"stat of {_shown(raw)}", deadline, lambda sync: sync.stat(raw))

    async def list(self, path: str | bytes, *, deadline: float, limit: int) -> list[DirEntry]:
        """The names in a folder."""
        raw = path_bytes(path)
        folder = raw.rstrip(b"/") + b"/"  # /sdcard is a link: only with the slash is it followed
        return await self._call(f"listing {_shown(raw)}", deadline, lambda sync: sync.list(folder, limit))

    async def pull(self, path: str | bytes, into: Path, *, limit: int, deadline: float) -> Pulled:
        """One regular file, verified and on the disk."""
        raw = path_bytes(path)
        return await self._call(f"pull of {_shown(raw)}", deadline, lambda sync: sync.pull(raw, into, limit))

    async def push(self, data: bytes, path: str, *, mode: int, deadline: float) -> None:
        """Write a file on the phone."""
        raw = path_bytes(path)
        await self._call(f"push to {_shown(raw)}", deadline, lambda sync: sync.push(data, raw, mode))

    async def _call(self, doing: str, deadline: float, work: Callable[[SyncConnection], _T]) -> _T:
        async with within(deadline, doing, serial=self._phone.serial), self._lock:
            if self._closed:
                raise DeviceLost(f"{self._phone.serial}: this connection was closed", hint="open the phone again")
            with from_phone(self._phone.serial, doing):
                future = asyncio.wrap_future(self._worker.submit(self._work, work))
                try:
                    return await asyncio.shield(future)
                except asyncio.CancelledError:
                    self._abort()  # and see the thread out of the call
                    await asyncio.wait([future], timeout=_LEAVING)
                    if future.done():
                        future.exception()  # it was ended on purpose: nobody is to be told
                    raise

    def _work(self, work: Callable[[SyncConnection], _T]) -> _T:
        """In the worker thread: run `work` on the kept connection, or a new one."""
        if self._connection is not None and not self._connection.quiet:
            self._drop()  # it ended while nobody asked
        fresh = self._connection is None
        if self._connection is None:
            self._connection = SyncConnection(self._phone, self._features, self._silence)
        try:
            if fresh:
                self._connection.open()
            return work(self._connection)
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _abort(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    async def close(self) -> None:
        """Give back the connection and the thread; a call in progress ends with DeviceLost. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        self._abort()
        await asyncio.wrap_future(self._worker.submit(self._drop))
        self._worker.shutdown(wait=False)


def _shown(path: bytes) -> str:
    """A path for people: no control characters, whatever the phone called its file."""
    return ascii(path.decode(errors="replace"))[1:-1]
