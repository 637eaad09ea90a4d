"""The hands of a camera folder: commands of `SettleCore` done with the phone and the spool, their answers as events."""

import asyncio
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from bridge.adb.faults import FileChanged
from bridge.adb.transport import FileStat, Transport
from bridge.captures.notices import FolderNotice, Refused, Trouble, Unfinished
from bridge.captures.settle import GRACE_S
from bridge.captures.signals import (
    Accept,
    Command,
    Committed,
    Discard,
    Event,
    Hold,
    List,
    Listed,
    Look,
    Looked,
    Opened,
    Pull,
    Pulled,
    PullFailed,
    Reason,
    Refuse,
    Remember,
    StillWriting,
)
from bridge.captures.taking import Taken, keep, take
from bridge.errors import BridgeError, DeviceLost, DeviceUnusable
from bridge.spool import Capture, FileKey, FolderMemory, Spool, SpoolFull, display_name

__all__ = ["Hands"]

_NOTE_EVERY_S: Final = 60.0
_FULL_S: Final = 1.0
"""A full spool is tried again no sooner: what waits may be hundreds of pictures, each copied for nothing."""
_REASONS: Final[dict[Reason, tuple[str, str]]] = {
    "format": ("is in a format that cannot be read", "set the phone's camera to JPEG (often called «most compatible»)"),
    "too_large": ("is larger than 25 MB", "choose a smaller picture size in the phone's camera"),
    "no_picture": ("is no JPEG or PNG, whatever its name says", "look at it on the phone"),
}


_LOCKED: Final = DeviceUnusable(
    "the phone's storage is not there yet",
    hint="unlock the phone: after a restart its storage opens with the first unlock",
)


class Hands:
    """Does one command at a time for one phone."""

    def __init__(
        self,
        transport: Transport,
        spool: Spool,
        device_id: str,
        *,
        fresh: bool,
        apart: bool,
        on_notice: Callable[[FolderNotice], None],
        clock: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._spool = spool
        self._device_id = device_id
        self._memory = FolderMemory.of_its_own() if apart else spool.memory
        self._fresh, self._apart = fresh, apart
        self._on_notice = on_notice
        self._clock = clock
        self._taken: dict[bytes, Taken] = {}
        self._looked_at: dict[bytes, float] = {}
        self._noted_at: dict[bytes, float] = {}
        self._troubles: set[str] = set()
        self._full_until = 0.0

    async def do(self, command: Command) -> tuple[Event | None, Capture | None]:
        """Do it; give the event that answers it, and the capture that came of it."""
        match command:
            case Look(path):
                found = await self._transport.stat(path)
                return Looked(path, _key(path, found)), None
            case List(folder):
                return await self.list(folder), None
            case Pull(path):
                return await self._pull(path), None
            case Accept(key, final_at):
                return self._accept(key, final_at)
            case Discard(path):
                self._drop(path)
            case Refuse(key, reason):
                await self._refuse(key, reason)
            case Remember():
                await self._remember(command)
            case Hold(keys):
                await asyncio.to_thread(self._memory.remember, self._device_id, keys, held=True)
            case StillWriting(key, seconds):
                self._on_notice(Unfinished(display_name(key.path.rpartition(b"/")[2]), seconds))
        return None, None

    async def list(self, folder: bytes) -> Opened | Listed | None:
        """List a folder. It is opened (again) when nobody has looked for so long that what is new may be private.

        None while the storage is not there, as on a phone that was restarted and not unlocked yet: to take that for an
        empty folder would make every picture in it a new one.
        """
        entries = await self._transport.list(folder)
        if not entries and not await self._transport.list(_storage_of(folder)):
            self._trouble(_LOCKED)
            return None
        files = tuple(key for entry in entries if (key := _key(folder + b"/" + entry.name, entry.stat)))
        unseen = self.unseen_for_long(folder)
        now = self._clock()
        before, self._looked_at[folder] = self._looked_at.get(folder), now
        if not unseen:
            if now - self._noted_at.get(folder, 0.0) > _NOTE_EVERY_S:
                await asyncio.to_thread(self._note, folder)
            return Listed(folder, files)
        known = await asyncio.to_thread(self._memory.known, self._device_id, folder)
        away = await asyncio.to_thread(self._memory.away, self._device_id, folder)
        if before is not None:
            away = now - before
        elif self._fresh and away is not None:
            away = float("inf")
        return Opened(folder, files, known.done, known.held, away)

    def unseen_for_long(self, folder: bytes) -> bool:
        """Tell whether what is new may be from a time when nobody looked: by the wall clock, which runs on in sleep."""
        looked_at = self._looked_at.get(folder)
        return looked_at is None or not 0 <= self._clock() - looked_at <= GRACE_S

    def let_go(self) -> None:
        """Note when the folders were last looked at."""
        with suppress(BridgeError):  # the phone's going away is what matters now
            for folder in self._noted_at:
                self._note(folder)
        if self._apart:
            self._memory.close()

    # -------------------------------------------------------------------------------- commands
    async def _pull(self, path: bytes) -> Event:
        if time.monotonic() < self._full_until:
            return PullFailed(path)
        try:
            taken = await take(self._transport, self._spool, path)
        except (DeviceLost, FileChanged):
            await self._transport.stat(path)  # is it the phone that went, or did only the file change under our hands?
            return PullFailed(path)
        except BridgeError as error:
            self._trouble(error)
            return PullFailed(path)
        self._taken[path] = taken
        return Pulled(taken.key, taken.verdict.ending)

    def _accept(self, key: FileKey, final_at: float) -> tuple[Event, Capture | None]:
        taken = self._taken.pop(key.path)
        taken_at = self._clock() - (time.monotonic() - final_at)
        try:
            capture = keep(taken, self._spool, self._device_id, taken_at=taken_at, apart=self._apart)
        except SpoolFull as error:
            self._trouble(error)
            return PullFailed(key.path), None
        finally:
            taken.discard()
        self._troubles.clear()
        return Committed(key), capture

    async def _refuse(self, key: FileKey, reason: Reason) -> None:
        self._drop(key.path)
        message, hint = _REASONS[reason]
        name = display_name(key.path.rpartition(b"/")[2])
        await asyncio.to_thread(self._memory.remember, self._device_id, [key])
        self._on_notice(Refused(name, f"{name} {message}", hint))

    async def _remember(self, command: Remember) -> None:
        await asyncio.to_thread(
            self._memory.begin,
            self._device_id,
            command.folder,
            done=command.done,
            held=command.held,
            there=command.there,
        )
        self._noted_at[command.folder] = self._clock()

    def _drop(self, path: bytes) -> None:
        taken = self._taken.pop(path, None)
        if taken is not None:
            taken.discard()

    def _note(self, folder: bytes) -> None:
        """Note the last look, not the present: a laptop that slept has not looked."""
        self._noted_at[folder] = self._looked_at[folder]
        self._memory.looked(self._device_id, folder, self._looked_at[folder])

    def _trouble(self, error: BridgeError) -> None:
        if isinstance(error, SpoolFull):
            self._full_until = time.monotonic() + _FULL_S
        if error.message not in self._troubles:
            self._troubles.add(error.message)
            self._on_notice(Trouble(error.message, error.hint))


def _storage_of(folder: bytes) -> bytes:
    """Give the top of the storage that a folder lies on: `/sdcard/`, or `/storage/1234-5678/` for a card."""
    parts = folder.split(b"/")
    return b"/".join(parts[: 3 if parts[1] == b"storage" else 2]) + b"/"


def _key(path: bytes, found: FileStat | None) -> FileKey | None:
    """Name this version of a regular file; None for all else."""
    if found is None or not stat.S_ISREG(found.mode):
        return None
    return FileKey(path, found.mtime, found.size)
