"""The alarm: a script on the phone that says at once when a file appears, kept running while the phone is there.

It may be late, lie or be missing; whatever it says is checked with stat and list. So nothing here is an error but the
phone's going away: when the script cannot run, the folders are only listed, and who watches is told why.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from typing import Final

from bridge.adb.transport import Transport
from bridge.captures.pace import Chatter
from bridge.captures.signals import Alarm
from bridge.errors import BridgeError, DeviceLost
from device_scripts import script

__all__ = ["AlarmBell", "Rung", "parse_line"]

_SCRIPT: Final = "watch_captures"
_PHONE_FOLDER: Final = "/data/local/tmp/lensbridge"
_STORAGE: Final = b"/sdcard/"
_LINE_LIMIT: Final = 4096
_QUEUE_LIMIT: Final = 1000
_FIRST_RESTART_S: Final = 1.0
_LAST_RESTART_S: Final = 30.0
_MISSING_RETRY_S: Final = 30.0
"""A folder that is not there yet is looked for this often: the script is started again."""


@dataclass(slots=True)
class Rung:
    """What came since the last time: alarms with the time they came, folders to list, and how the watch goes."""

    alarms: list[tuple[Alarm, float]]
    folders: set[bytes]
    watching: str | None = None
    """`inotifyd` or, with the reason, `polling: …`; None when nothing changed."""


class AlarmBell:
    """One reader of the script's lines; `take` gives what it heard. Its task never fails: `take` raises.

    Started and stopped by hand, since an async generator that stands still at a `yield` inside a task group would have
    its errors changed by the group; the task inside reports every error itself and never ends the group.
    """

    def __init__(self, transport: Transport, folders: Sequence[bytes]) -> None:
        self._transport = transport
        self._folders = tuple(folders)
        self._alarms: dict[Alarm, float] = {}
        self._rescans: set[bytes] = set()
        self._watching: str | None = None
        self._told: str | None = None
        self._lost: BaseException | None = None
        self._news = asyncio.Event()
        self._missing = False
        self._running = AsyncExitStack()

    async def start(self) -> None:
        """Begin to run the script on the phone."""
        group = await self._running.enter_async_context(asyncio.TaskGroup())
        self._running.callback(group.create_task(self._keep_running()).cancel)

    async def stop(self) -> None:
        """End the script, and wait until nothing of it is left here."""
        await self._running.aclose()

    def ring(self) -> None:
        """End a `wait` that is going on."""
        self._news.set()

    async def wait(self, seconds: float) -> None:
        """Wait until there is news, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def take(self) -> Rung:
        """Give what came since the last time. Raises `DeviceLost` when the phone is gone."""
        self._news.clear()
        if self._lost is not None:
            raise self._lost
        rung = Rung(list(self._alarms.items()), self._rescans, self._watching)
        self._alarms, self._rescans, self._watching = {}, set(), None
        return rung

    # -------------------------------------------------------------------------------- the task
    async def _keep_running(self) -> None:
        pause = _FIRST_RESTART_S
        try:
            while True:
                started = time.monotonic()
                why = await self._run_once()
                self._tell(f"polling: {why}")
                if why == "no_inotifyd":
                    return
                pause = _FIRST_RESTART_S if time.monotonic() - started > _LAST_RESTART_S else pause
                await asyncio.sleep(0 if why == "again" else pause)
                pause = min(pause * 2, _LAST_RESTART_S)
        except Exception as error:  # ruff: ignore[blind-except] - told by `take`, in the task of whoever reads captures
            self._lost = error
            self._news.set()

    async def _run_once(self) -> str:
        """Run the script until it ends, and say why it did."""
        self._missing = False
        try:
            path = await self._install()
            lines = self._transport.lines(["exec", "sh", path, *self._arguments()], limit=_LINE_LIMIT)
            async with aclosing(lines) as open_lines:
                return await self._listen(open_lines)
        except DeviceLost:
            raise
        except BridgeError as error:
            return error.message

    async def _listen(self, lines: AsyncIterator[bytes]) -> str:
        started, chatter = time.monotonic(), Chatter()
        while True:
            left = _MISSING_RETRY_S - (time.monotonic() - started) if self._missing else None
            try:
                async with asyncio.timeout(left):
                    line = await anext(lines)
            except TimeoutError:
                return "again"
            except StopAsyncIteration:
                return "stopped"
            if chatter.heard(time.monotonic()):
                return "it says too much to listen to"
            heard = parse_line(line, self._folders)
            if isinstance(heard, str) and heard.startswith("end "):
                return heard.removeprefix("end ")
            self._hear(heard)

    def _hear(self, heard: Alarm | bytes | str | None) -> None:
        match heard:
            case Alarm() if len(self._alarms) < _QUEUE_LIMIT:
                self._alarms.setdefault(heard, time.monotonic())
            case Alarm():
                self._rescans.update(self._folders)
            case bytes():
                self._rescans.add(heard)
            case "ready":
                self._rescans.update(self._folders)  # what came between the last listing and the watch
                self._tell("inotifyd")
            case "missing":
                self._missing = True
            case _:
                return
        self._news.set()

    def _tell(self, watching: str) -> None:
        if watching not in {self._told, "polling: again"}:
            self._watching = self._told = watching
            self._news.set()

    async def _install(self) -> str:
        """Push the script once for each version of it."""
        data = script(f"{_SCRIPT}.sh")
        path = f"{_PHONE_FOLDER}/{_SCRIPT}.{hashlib.sha256(data).hexdigest()[:12]}.sh"
        there = await self._transport.stat(path)
        if there is None or there.size != len(data):
            await self._transport.push(data, path, mode=0o755)
        return path

    def _arguments(self) -> list[str]:
        """Name the folders below the phone's storage relative to it: where it is, the phone's shell knows best."""
        return ["dir=" + folder.removeprefix(_STORAGE).decode(errors="surrogateescape") for folder in self._folders]


def parse_line(line: bytes, folders: Sequence[bytes]) -> Alarm | bytes | str | None:
    """Understand a line of the script: an alarm, a folder to list, `ready`, `missing`, `end WHY`; None for all else."""
    if b"[" in line or line.count(b"{") != 1:  # flat objects only: nothing a parser could lose itself in
        return None
    try:
        said = json.loads(line)
    except ValueError:
        return None
    match said:
        case {"event": "ready" | "missing" as event}:
            return str(event)
        case {"event": "end", "why": str(why)}:
            return f"end {why[:80]}"
        case {"event": "rescan", "dir": int(number)} if _counts(number, folders):
            return folders[number]
        case {"event": "file", "dir": int(number), "name": str(name), "how": "moved" | "written" as how}:
            raw = name.encode("utf-8", "surrogatepass")
            if _counts(number, folders) and raw and b"/" not in raw and b"\0" not in raw:
                return Alarm(folders[number] + b"/" + raw, moved=how == "moved")
    return None


def _counts(number: object, folders: Sequence[bytes]) -> bool:
    return type(number) is int and 0 <= number < len(folders)
