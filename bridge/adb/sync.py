"""A `sync:` stream on a blocking socket, for a worker thread: stat, list, pull, push.

Never on the event loop. Every call can be ended from another thread with `abort`, which shuts the socket down. After
any error the position in the stream is unknown, so the owner throws the connection away.
"""

import socket
import stat
import time
from contextlib import suppress
from pathlib import Path

from bridge.adb.faults import ChangedError, GarbledError, LinkError, RefusedError, StalledError
from bridge.adb.pulling import BUFFER, Hashing, PartFile
from bridge.adb.smartsocket import QUICKACK, PhoneAddress, frame, is_quiet
from bridge.adb.sync_wire import (
    HEAD,
    MAX_CHUNK,
    STAT_V1_SIZE,
    STAT_V2_SIZE,
    DataFrames,
    Listing,
    data_messages,
    parse_stat_v1,
    parse_stat_v2,
    request,
)
from bridge.adb.transport import DirEntry, FileStat, Pulled
from bridge.errors import DeviceUnusable

__all__ = ["SILENCE", "SyncConnection"]

_CONNECTING = 5.0
SILENCE = 15.0  # a phone that says nothing for so long, in the middle of an answer, is stuck
_FRAMES = 4  # DATA messages per send


class SyncConnection:
    """One kept `sync:` stream to one phone."""

    def __init__(self, phone: PhoneAddress, features: frozenset[str], silence: float = SILENCE) -> None:
        self._phone, self._silence = phone, silence
        self._stat_v2, self._list_v2 = "stat_v2" in features, "ls_v2" in features
        self._buffer = memoryview(bytearray(BUFFER))
        self._socket = socket.socket(socket.AF_INET6 if ":" in phone.server.host else socket.AF_INET)
        self._aborted = False

    def open(self) -> None:
        """Connect and ask for the phone's sync service."""
        self._socket.settimeout(_CONNECTING)
        try:
            self._socket.connect((self._phone.server.host, self._phone.server.port))
            self._socket.settimeout(self._silence)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise LinkError(str(error)) from error
        self._service(f"host:transport-id:{self._phone.transport_id}")
        self._service("sync:")

    def abort(self) -> None:
        """End whatever blocks on the socket, from any thread. A file that is just complete is not kept either."""
        self._aborted = True
        with suppress(OSError):  # closed already
            self._socket.shutdown(socket.SHUT_RDWR)

    @property
    def quiet(self) -> bool:
        """True when it may be used again."""
        return is_quiet(self._socket)

    def close(self) -> None:
        """Close the socket, from the thread that uses it."""
        self._socket.close()

    def stat(self, path: bytes) -> FileStat | None:
        """Lstat; None when there is nothing."""
        if self._stat_v2:
            self._send(request(b"LST2", path))
            return parse_stat_v2(self._exactly(STAT_V2_SIZE))
        self._send(request(b"STAT", path))
        return parse_stat_v1(self._exactly(STAT_V1_SIZE))

    def list(self, path: bytes, limit: int) -> list[DirEntry]:
        """The names in a folder; none when it does not exist."""
        self._send(request(b"LIS2" if self._list_v2 else b"LIST", path))
        listing = Listing(v2=self._list_v2, limit=limit)
        while not listing.done:
            size = self._receive(self._buffer)
            listing.feed(bytes(self._buffer[:size]))
        return listing.entries

    def pull(self, path: bytes, into: Path, limit: int) -> Pulled:
        """One regular file, whole and on the disk at `into`, or an error and nothing there."""
        name = ascii(path.decode(errors="replace"))
        found = self.stat(path)
        if found is None:
            raise DeviceUnusable(f"the phone has no {name}", hint="was it moved or deleted meanwhile?")
        if not stat.S_ISREG(found.mode):
            raise DeviceUnusable(f"{name} on the phone is no regular file", hint="folders and links are not pulled")
        if found.size > limit:
            raise DeviceUnusable(
                f"{name} has {found.size} bytes, at most {limit} are pulled", hint="is that a picture?"
            )
        self._send(request(b"RECV", path))  # the phone reads while the laptop makes its file
        with PartFile(into) as part, Hashing(self._buffer, found.size) as hashing:
            self._receive_file(part, hashing, found.size)
            part.sync()  # a hash thread works on meanwhile
            digest = hashing.hexdigest()
            if self._aborted:
                raise LinkError("given up")
            part.keep()
        return Pulled(found.size, digest, found.mtime)

    def _receive_file(self, part: PartFile, hashing: Hashing, size: int) -> None:
        frames, buffer, have = DataFrames(size), self._buffer, 0
        while not frames.done:
            end = have + self._receive(buffer[have:])
            pieces, used = frames.parse(buffer, end)
            tail = bytes(buffer[used:end])
            hashing.give(pieces, buffer)
            part.write(pieces)
            buffer = hashing.next_buffer()
            have = len(tail)
            buffer[:have] = tail
        if frames.total != size:
            raise ChangedError(f"{frames.total} of {size} bytes came")

    def push(self, data: bytes, path: bytes, mode: int) -> None:
        """Write a file on the phone; the phone's own words when it cannot."""
        view = memoryview(data)
        try:
            self._send(request(b"SEND", path + b",%d" % (stat.S_IFREG | mode)))
            for start in range(0, len(view), _FRAMES * MAX_CHUNK):
                self._send(data_messages(view[start : start + _FRAMES * MAX_CHUNK]))
            self._send(HEAD.pack(b"DONE", int(time.time())))
        except LinkError:
            pass  # the reason waits in the answer, if there is one
        kind, size = HEAD.unpack(self._exactly(HEAD.size))
        if kind == b"FAIL" and size <= MAX_CHUNK:
            raise RefusedError(self._exactly(size).decode(errors="replace"))
        if kind != b"OKAY":
            raise GarbledError(f"{kind!r} {size} in answer to a push")

    def _service(self, name: str) -> None:
        self._send(frame(name))
        answer = self._exactly(4)
        if answer == b"FAIL":
            raise RefusedError(self._exactly(int(self._exactly(4), 16)).decode(errors="replace"))
        if answer != b"OKAY":
            raise LinkError(f"{answer!r} in place of OKAY")

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LinkError(str(error)) from error

    def _receive(self, view: memoryview) -> int:
        try:
            if QUICKACK is not None:
                self._socket.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            size = self._socket.recv_into(view)
        except TimeoutError as error:
            raise StalledError(f"it said nothing for {self._silence:g} s") from error
        except OSError as error:
            raise LinkError(str(error)) from error
        if not size:
            raise LinkError("the connection was closed")
        return size

    def _exactly(self, size: int) -> bytes:
        data = bytearray(size)
        view = memoryview(data)
        while view:
            view = view[self._receive(view) :]
        return bytes(data)
