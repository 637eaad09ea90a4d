"""The sync service: list, stat, pull and push, in both versions of the protocol.

A push that fails is answered with FAIL at once, read to its end all the same, and then the service ends, as adbd does.
A failing pull leaves the connection usable.
"""

import contextlib
import os
import stat
from collections.abc import Callable, Sequence

from virtual_phone.channel import Channel
from virtual_phone.events import StreamClosedError
from virtual_phone.files import Entry, PhoneFiles
from virtual_phone.link import OpenRequest
from virtual_phone.manners import Serving
from virtual_phone.services import sync_wire as wire

__all__ = ["SyncSession", "sync"]

_BATCH = (1 << 20) - 2 * wire.DATA_LIMIT  # several DATA messages share one packet: that gives the speed


async def sync(serving: Callable[[PhoneFiles, Channel], Serving], files: PhoneFiles, request: OpenRequest) -> None:
    """Serve one sync connection."""
    session = serving(files, request.accept())
    while await session.answer_one():
        pass


class _CannotCreateError(Exception):
    """A push was refused before its first byte."""


class SyncSession:
    """One connection. A rogue is a session of its own that answers some requests in its own way."""

    def __init__(self, files: PhoneFiles, channel: Channel) -> None:
        self.files = files
        self.channel = channel
        self._mtime = 0

    async def answer_one(self) -> bool:
        """Read a request and answer it; False when the connection is over."""
        head = await self._head()
        if head is None or head.id == b"QUIT":
            return False
        if head.number > wire.PATH_LIMIT:
            await self.channel.write(wire.fail("path too long"))
            return False
        path = await self.channel.read_exactly(head.number)
        setup = await self.channel.read_exactly(head.setup_size)
        try:
            return await self._dispatch(head.id, path, setup)
        except ValueError as error:  # not the protocol: there is no way to go on
            await self.channel.write(wire.fail(str(error)))
            return False

    async def _dispatch(self, request_id: bytes, path: bytes, setup: bytes) -> bool:
        if b"\x00" in path:
            raise ValueError("path holds a NUL")
        match request_id:
            case b"STAT" | b"STA2" | b"LST2":
                await self.stat(request_id, path)
            case b"LIST" | b"LIS2":
                await self.list(request_id, path)
            case b"RECV":
                await self.send_file(path)
            case b"RCV2":
                wire.parse_setup(request_id, setup)  # its flags ask for compressions, of which none is announced
                await self.send_file(path)
            case b"SEND":
                return await self.receive(*wire.parse_send_v1(path), flags=0)
            case b"SND2":
                mode, flags = wire.parse_setup(request_id, setup)
                return await self.receive(path, mode, flags=flags)
            case _:
                raise ValueError(f"unknown command {request_id.hex()}")
        return True

    async def _head(self) -> wire.Request | None:
        try:
            return wire.Request.parse(await self.channel.read_exactly(wire.Request.SIZE))
        except StreamClosedError:
            return None

    async def stat(self, request_id: bytes, path: bytes) -> None:
        """Answer STAT, STA2 or LST2."""
        found, error = self.look(request_id, path)
        if request_id == b"STAT":
            await self.channel.write(wire.stat_v1(found))
        else:
            await self.channel.write(wire.stat_v2(request_id, found, error))

    def look(self, request_id: bytes, path: bytes) -> tuple[os.stat_result | None, int]:
        """What is there, or the errno."""
        look = self.files.stat if request_id == b"STA2" else self.files.lstat
        try:
            return look(path), 0
        except OSError as problem:
            return None, problem.errno or 0

    async def list(self, request_id: bytes, path: bytes) -> None:
        """Answer LIST or LIS2."""
        out = bytearray()
        for entry in self.entries(path):
            if request_id == b"LIS2":
                out += wire.dent_v2(entry.name, entry.stat)
            elif entry.stat is not None:
                out += wire.dent_v1(entry.name, entry.stat)
        await self.channel.write(out + wire.end_of_list(request_id))

    def entries(self, path: bytes) -> Sequence[Entry]:
        """What a folder holds; a folder that is not there is an empty one."""
        with contextlib.suppress(OSError):
            return self.files.list(path)
        return []

    async def send_file(self, path: bytes) -> None:
        """Answer RECV: the file in DATA messages, and DONE."""
        try:
            fd = self.files.open(path)
        except OSError as error:
            await self.channel.write(wire.fail(f"open failed: {error.strerror}"))
            return
        try:
            while batch := _read_batch(fd):
                await self.channel.write(batch)
        finally:
            os.close(fd)
        await self.channel.write(wire.done())

    async def receive(self, path: bytes, mode: int, *, flags: int) -> bool:
        """Take what SEND pushes; whether the connection goes on."""
        try:
            if stat.S_ISLNK(mode):
                await self._receive_link(path)
            else:
                await self._receive_file(path, mode, dry=bool(flags & wire.DRY_RUN))
        except (_CannotCreateError, OSError) as error:
            reason = str(error) if isinstance(error, _CannotCreateError) else f"write failed: {error.strerror}"
            await self.channel.write(wire.fail(reason))
            await self._drain()
            return False
        await self.channel.write(wire.OKAY)
        return True

    async def _receive_file(self, path: bytes, mode: int, *, dry: bool) -> None:
        if dry:
            while await self._chunk() is not None:
                pass
            return
        fd = _create(self.files, path, mode)
        whole = False
        try:
            while (chunk := await self._chunk()) is not None:
                self.files.write(fd, chunk)
            os.utime(fd, (self._mtime, self._mtime))
            whole = True
        finally:
            os.close(fd)
            if not whole:
                with contextlib.suppress(OSError):
                    self.files.remove(path)

    async def _receive_link(self, path: bytes) -> None:
        target = await self._chunk()
        if target is None:
            raise ValueError("invalid data message: expected ID_DATA")
        self.files.symlink(target.rstrip(b"\x00"), path)
        if await self._chunk() is not None:
            raise ValueError("invalid data message: expected ID_DONE")

    async def _chunk(self) -> bytes | None:
        """The next piece of a pushed file; None at its end, which sets the file's time."""
        head = wire.Request.parse(await self.channel.read_exactly(wire.Request.SIZE))
        if head.id == b"DONE":
            self._mtime = head.number
            return None
        if head.id != b"DATA" or head.number > wire.DATA_LIMIT:
            raise ValueError("invalid data message")
        return await self.channel.read_exactly(head.number)

    async def _drain(self) -> None:
        """Read what is left of a push that failed: old adb versions lose the reason otherwise."""
        with contextlib.suppress(ValueError, StreamClosedError):
            while await self._chunk() is not None:
                pass


def _create(files: PhoneFiles, path: bytes, mode: int) -> int:
    try:
        return files.create(path, mode or 0o644)
    except OSError as error:
        raise _CannotCreateError(f"couldn't create file: {error.strerror}") from error


def _read_batch(fd: int) -> bytearray:
    """The next DATA messages of a file, about a packet full; empty at its end."""
    batch = bytearray()
    while len(batch) < _BATCH and (chunk := os.read(fd, wire.DATA_LIMIT)):
        batch += wire.data(chunk)
    return batch
