"""`CameraFolder`: the pictures that any camera app leaves in the phone's camera folder, as they are taken."""

import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from bridge.adb.transport import Transport
from bridge.captures.alarm import AlarmBell
from bridge.captures.hands import Hands
from bridge.captures.naming import folder_of
from bridge.captures.notices import FolderNotice, Held, Watching
from bridge.captures.pace import Pace
from bridge.captures.settle import SettleCore
from bridge.captures.signals import CatchUp, Command, Event, List, Listed, Opened, Paused, Tick
from bridge.errors import UsageError
from bridge.spool import Capture, Spool

__all__ = ["DEFAULT_FOLDERS", "CameraFolder"]

DEFAULT_FOLDERS: Final = ("/sdcard/DCIM/Camera",)


class CameraFolder:
    """One phone's camera folders, watched for as long as `captures` is iterated.

    What is there at the first start ever is never sent. Later starts send what appeared since the bridge last looked,
    but hold it when that was more than ten minutes ago, or always when `fresh` is set. What appears between `pause` and
    `resume` is held too. Held pictures stay on the phone, nothing of them is copied: a notice `Held` tells how many
    there are whenever that changes, and `catch_up` sends them. `on_notice` is called in the task that iterates, or in
    the one that calls `pause`.

    `apart` is for somebody beside the bridge that holds the phone: it starts from what is there now, and neither reads
    nor changes what is remembered of the phone; its captures are events of their own.
    """

    def __init__(
        self,
        transport: Transport,
        spool: Spool,
        *,
        device_id: str,
        folders: Sequence[str] = DEFAULT_FOLDERS,
        fresh: bool = False,
        apart: bool = False,
        paused: bool = False,
        on_notice: Callable[[FolderNotice], None] = lambda _notice: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folders = tuple(_checked(folder) for folder in folders)
        self._on_notice = on_notice
        self._hands = Hands(transport, spool, device_id, fresh=fresh, apart=apart, on_notice=on_notice, clock=clock)
        self._bell = AlarmBell(transport, self._folders)
        self._core = SettleCore(paused=paused)
        self._pace = Pace()
        self._urgent: deque[Command] = deque()
        self._backlog: deque[Command] = deque()
        self._next_round = 0.0
        self._catching_up = False
        self._held_told = 0

    @property
    def held(self) -> int:
        """How many pictures wait for `catch_up`."""
        return self._core.held

    def catch_up(self) -> None:
        """Send the held pictures too. During a pause they stay held."""
        self._catching_up = True
        self._bell.ring()

    def pause(self) -> None:
        """Send nothing from now on: what is being copied is thrown away, what appears is held."""
        self._backlog.extend(self._feed(Paused(paused=True)))
        self._bell.ring()

    def resume(self) -> None:
        """Send what appears from now on. What is held stays so until `catch_up`."""
        self._backlog.extend(self._feed(Paused(paused=False)))

    async def captures(self) -> AsyncGenerator[Capture, None]:
        """Give the captures, each safe in the spool. Iterate once.

        Raises `DeviceLost` when the phone goes, `DeadlinePassed` when it hangs. Close the iterator when you leave it
        (`contextlib.aclosing`): that ends the script on the phone.
        """
        try:
            await self._list_all()
            while self._backlog:  # what is there already is noted before anybody is told that the folder is watched
                await self._do(self._backlog.popleft())
            await self._bell.start()
            while True:
                await self._hear()
                if (queue := self._urgent or self._backlog) and (
                    capture := await self._do(queue.popleft())
                ) is not None:
                    yield capture
        finally:
            await self._bell.stop()
            self._hands.let_go()

    async def _do(self, command: Command) -> Capture | None:
        """Do one command, and at once what follows from it for the same file; what follows from a listing can wait."""
        chain, captured = deque([command]), None
        while chain:
            answer, capture = await self._hands.do(chain.popleft())
            captured = captured or capture
            if isinstance(answer, Opened | Listed):
                self._backlog.extend(self._feed(answer))
            elif answer is not None:
                chain.extend(self._feed(answer))
        return captured

    async def _hear(self) -> None:
        """Turn what happened into work; with no work left, wait until something happens."""
        if not (self._urgent or self._backlog):
            due = self._core.due()
            await self._bell.wait(min(self._next_round, due or self._next_round) - time.monotonic())
        news = self._bell.take()
        if news.watching:
            self._tell(news.watching)
        for alarm, heard_at in news.alarms:
            if self._hands.unseen_for_long(folder_of(alarm.path)):  # the laptop slept: the listing knows what to hold
                news.folders.add(folder_of(alarm.path))
            elif commands := self._feed(alarm, heard_at):
                self._urgent.extend(commands)
                self._pace.alarm_heard()
        self._urgent.extend(List(folder) for folder in sorted(news.folders))
        if self._catching_up:
            self._catching_up = False
            self._backlog.extend(self._feed(CatchUp()))
        now = time.monotonic()
        if (due := self._core.due()) is not None and due <= now:
            self._urgent.extend(self._feed(Tick(), now))
        if not (self._urgent or self._backlog) and self._next_round <= now:
            await self._list_all()

    async def _list_all(self) -> None:
        started = time.monotonic()
        for folder in self._folders:
            await self._do(List(folder))
        ended = time.monotonic()
        self._next_round = ended + self._pace.listed(ended - started, self._core.surprises)

    def _feed(self, event: Event, now: float | None = None) -> list[Command]:
        commands = self._core.feed(event, time.monotonic() if now is None else now)
        if self._core.held != self._held_told and not self._catching_up:
            self._held_told = self._core.held
            self._on_notice(Held(self._held_told))
        return commands

    def _tell(self, watching: str) -> None:
        how, _, why = watching.partition(": ")
        if how == "polling":
            self._pace.alarm_lost()
        self._on_notice(Watching(tuple(folder.decode(errors="replace") for folder in self._folders), how, why))


def _checked(folder: str) -> bytes:
    """Refuse a folder that the script's line protocol or inotifyd's `FOLDER:MASK` could not name."""
    if not folder.startswith("/") or folder.endswith("/") or any(char in folder for char in "\n\0:") or "/.." in folder:
        raise UsageError(
            f"{folder!r} is no folder to watch", hint="give it as /sdcard/DCIM/Camera: from the root, no `:`"
        )
    return folder.encode("utf-8", "surrogateescape")
