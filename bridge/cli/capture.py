"""`bridge capture`: a picture of a phone as a file here, or one of each of several phones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import Json, Serial, StateDir, Tcp, Timeout, Usb
from bridge.cli.output import Output, in_bytes
from bridge.cli.pictures import Display, PhoneSource, Wanted, opened_line, opened_spool, wanted
from bridge.errors import BridgeError, DeadlinePassed, DeviceUnusable, Incomplete

if TYPE_CHECKING:
    from bridge.adb.devices import DeviceLine
    from bridge.cli.place import Place
    from bridge.config import Settings
    from bridge.spool import Capture, Spool

__all__ = ["capture"]

DEADLINE_S = 60.0
AT_ONCE = 8


def capture(
    *,
    source: Annotated[
        PhoneSource,
        typer.Option("--source", help="Press the shutter, take the screen, or take the newest photo there is."),
    ] = PhoneSource.camera,
    out: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|DIR",
            help="Where to; for several phones a folder. Left out, the folder here.",
        ),
    ] = None,
    display: Display = None,
    serials: Serial = None,
    usb: Usb = False,
    tcp: Tcp = False,
    everything: Annotated[bool, typer.Option("--all", help="One picture of each usable phone.")] = False,
    state_dir: StateDir = None,
    timeout: Timeout = DEADLINE_S,
    json: Json = False,
) -> int:
    """Take a picture of a phone and write it to a file, whose name is printed. A failed picture is never a file.

    With several phones (--all, or a pattern such as -s 'emulator-*') each gives one file, and one that fails does not
    keep the others: its error is told, and the exit code is 7.
    """
    import asyncio

    from bridge.config import load

    settings = load(state_dir=state_dir)
    job = _Job(settings, wanted(source, display=display), out, Output(as_json=json), timeout or DEADLINE_S)
    choice = {"serials": serials or [], "usb": usb, "tcp": tcp, "everything": everything}
    asyncio.run(job.run(choice))
    return 0


class _Job:
    """One picture of each of the phones."""

    def __init__(self, settings: "Settings", meant: Wanted, out: str | None, output: Output, seconds: float) -> None:
        self._settings, self._meant, self._out = settings, meant, out
        self._output, self._seconds = output, seconds

    async def run(self, choice: dict[str, Any]) -> None:
        """Take them all at once. Raises the error of the only phone, or `Incomplete`."""
        import asyncio

        from bridge.adb.choose import chosen_devices
        from bridge.cli.place import place_for

        lines = await chosen_devices(**choice)
        place = place_for(self._out, several=len(lines) > 1)
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(line: "DeviceLine") -> BridgeError | None:
            async with turns:
                return await self._caught(line, spool, place)

        async with opened_spool(self._settings) as spool, asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(line)) for line in lines]
        problems = [problem for task in tasks if (problem := task.result())]
        if problems and len(lines) == 1:
            raise problems[0]
        if problems:
            raise Incomplete(
                f"{len(problems)} of {len(lines)} phones gave no picture", hint="their own errors stand above"
            )

    async def _caught(self, line: "DeviceLine", spool: "Spool", place: "Place") -> BridgeError | None:
        """Take one picture and tell of it; what goes wrong is told where it cannot be raised, among several phones."""
        import asyncio

        try:
            async with asyncio.timeout(self._seconds):
                await self._take(line, spool, place)
        except TimeoutError:
            problem: BridgeError = DeadlinePassed(
                f"{line.serial}: no picture within {self._seconds:g} s",
                hint="give more time with --timeout; is the phone awake?",
                serial=line.serial,
            )
        except BridgeError as error:
            problem = error
        else:
            return None
        if place.several:
            problem.fields.setdefault("serial", line.serial)
            self._output.error(problem)
        return problem

    async def _take(self, line: "DeviceLine", spool: "Spool", place: "Place") -> None:
        """From the phone to the file. The spool's copy goes again: whoever captures wants the file and nothing else."""
        import asyncio
        import time

        from bridge.cli.place import misnamed

        async with opened_line(self._settings, line) as phone:
            seen = await self._meant.way(self._settings, spool, phone).look()
            taken = await seen.keep()
        try:
            path = await asyncio.to_thread(_written, spool.blob_path(taken.sha256), taken, place)
        finally:
            await asyncio.to_thread(spool.delete, taken.capture_id)
        if self._output.as_json:
            self._output.json(
                {
                    "event": "capture",
                    "ts": time.time(),
                    "device_id": taken.device_id,
                    "serial": line.serial,
                    "source": taken.source,
                    "path": str(path),
                    "bytes": taken.size,
                    "sha256": taken.sha256,
                    "media_type": taken.media_type,
                    "taken_at": taken.taken_at,
                }
            )
            return
        self._output.data(str(path))
        self._output.say(
            f"{taken.source} of {line.serial}", detail=in_bytes(taken.size) + misnamed(path, taken.media_type)
        )


def _written(blob: Path, taken: "Capture", place: "Place") -> Path:
    """Write it where it belongs, unless it has no end."""
    from bridge.captures.ending import judge_file

    if judge_file(blob).ending == "cut":
        raise DeviceUnusable(
            f"{taken.name} ends in its middle", hint="look at it on the phone; is its storage full? take another one"
        )
    return place.write(blob, taken)
