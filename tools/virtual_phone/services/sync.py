"""The sync service: list, stat, pull and push, in both versions of the protocol.

A push that fails is answered with FAIL at once, read to its end all the same, and then the service ends, as adbd does.
A failing pull leaves the connection usable.
"""

import contextlib
import os
import stat

from virtual_phone.channel import Channel
from virtual_phone.events import StreamClosedError
from virtual_phone.files import PhoneFiles
from virtual_phone.link import OpenRequest
from virtual_phone.services import sync_wire as wire

__all__ = ["sync"]

_BATCH = (1 << 20) - 2 * wire.DATA_LIMIT  # several DATA messages share one packet: that gives the speed


async def sync(files: PhoneFiles, request: OpenRequest) -> None:
    """Serve one sync connection."""
    session = _Session(files, request.accept())
    while await session.answer_one():
        pass


class _CannotCreateError(Exception):
    """A push was refused before its first byte."""


class _Session:
    def __init__(self, files: PhoneFiles, channel: Channel) -> None:
        self._files = files
        self._channel = channel
        self._mtime = 0

    async def answer_one(self) -> bool:
        """Read a request and answer it; False when the connection is over."""
        head = await self._head()
        if head is None or head.id == b"QUIT":
            return False
        if head.number > wire.PATH_LIMIT:
            await self._channel.write(wire.fail("path too long"))
            return False
        path = await self._channel.read_exactly(head.number)
        setup = await self._channel.read_exactly(head.setup_size)
        try:
            return await self._dispatch(head.id, path, setup)
        except ValueError as error:  # not the protocol: there is no way to go on
            await self._channel.write(wire.fail(str(error)))
            return False

    async def _dispatch(self, request_id: bytes, path: bytes, setup: bytes) -> bool:
        if b"\x00" in path:
            raise ValueError("path holds a NUL")
        match request_id:
            case b"STAT" | b"STA2" | b"LST2":
                await self._stat(request_id, path)
            case b"LIST" | b"LIS2":
                await self._list(request_id, path)
            case b"RECV":
                await self._send_file(path)
            case b"RCV2":
                wire.parse_setup(request_id, setup)  # its flags ask for compressions, of which none is announced
                await self._send_file(path)
            case b"SEND":
                return await self._receive(*wire.parse_send_v1(path), flags=0)
            case b"SND2":
                mode, flags = wire.parse_setup(request_id, setup)
                return await self._receive(path, mode, flags=flags)
            case _:
                raise ValueError(f"unknown command {request_id.hex()}")
        return True

    async def _head(self) -> wire.Request | None:
        try:
            return wire.Request.parse(await self._channel.read_exactly(wire.Request.SIZE))
        except StreamClosedError:
            return None

    async def _stat(self, request_id: bytes, path: bytes) -> None:
        look = self._files.stat if request_id == b"STA2" else self._files.lstat
        found, error = None, 0
        try:
            found = look(path)
        except OSError as problem:
            error = problem.errno or 0
        if request_id == b"STAT":
            await self._channel.write(wire.stat_v1(found))
        else:
            await self._channel.write(wire.stat_v2(request_id, found, error))

    async def _list(self, request_id: bytes, path: bytes) -> None:
        out = bytearray()
        with contextlib.suppress(OSError):  # a folder that is not there is an empty one
            for entry in self._files.list(path):
                if request_id == b"LIS2":
                    out += wire.dent_v2(entry.name, entry.stat)
                elif entry.stat is not None:
                    out += wire.dent_v1(entry.name, entry.stat)
        await self._channel.write(out + wire.end_of_list(request_id))

    async def _send_file(self, path: bytes) -> None:
        try:
            fd = self._files.open(path)
        except OSError as error:
            await self._channel.write(wire.fail(f"open failed: {error.strerror}"))
            return
        try:
            while batch := _read_batch(fd):
                await self._channel.write(batch)
        finally:
            os.close(fd)
        await self._channel.write(wire.done())

    async def _receive(self, path: bytes, mode: int, *, flags: int) -> bool:
        try:
            if stat.S_ISLNK(mode):
                await self._receive_link(path)
            else:
                await self._receive_file(path, mode, dry=bool(flags & wire.DRY_RUN))
        except (_CannotCreateError, OSError) as error:
            reason = str(error) if isinstance(error, _CannotCreateError) else f"write failed: {error.strerror}"
            await self._channel.write(wire.fail(reason))
            await self._drain()
            return False
        await self._channel.write(wire.OKAY)
        return True

    async def _receive_file(self, path: bytes, mode: int, *, dry: bool) -> None:
        if dry:
            while await self._chunk() is not None:
                pass
            return
        fd = _create(self._files, path, mode)
        whole = False
        try:
            while (chunk := await self._chunk()) is not None:
                self._files.write(fd, chunk)
            os.utime(fd, (self._mtime, self._mtime))
            whole = True
        finally:
            os.close(fd)
            if not whole:
                with contextlib.suppress(OSError):
                    self._files.remove(path)

    async def _receive_link(self, path: bytes) -> None:
        target = await self._chunk()
        if target is None:
            raise ValueError("invalid data message: expected ID_DATA")
        self._files.symlink(target.rstrip(b"\x00"), path)
        if await self._chunk() is not None:
            raise ValueError("invalid data message: expected ID_DONE")

    async def _chunk(self) -> bytes | None:
        """The next piece of a pushed file; None at its end, which sets the file's time."""
        head = wire.Request.parse(await self._channel.read_exactly(wire.Request.SIZE))
        if head.id == b"DONE":
            self._mtime = head.number
            return None
        if head.id != b"DATA" or head.number > wire.DATA_LIMIT:
            raise ValueError("invalid data message")
        return await self._channel.read_exactly(head.number)

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
