"""The whole chain on this side: a real adb server, a real host, and one bridge in this process that holds all phones.

The phones are in another process (`phones`), so the processor time of this one is the bridge's, as long as whoever
measures only waits.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import starmap
from pathlib import Path
from typing import Any

from bridge.adb.server import AdbAddress
from bridge.adb.track import track
from bridge.errors import AdbUnreachable
from bridge.spool import Spool
from bridge.supervise.connection import Options, connected
from bridge.supervise.host import HostFinder
from tests.support.adb_server import PrivateAdbServer
from tools.bench.workers import Worker, started

__all__ = ["Chain", "Chains", "chains"]

WAIT_S = 60.0
_LISTEN = "0A"  # in /proc/net/tcp


@dataclass(slots=True)
class Chain:
    """One phone: what the bridge said about it, and when, and when the adb server called it `device`."""

    number: int
    serial: str
    heard: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    ready: int | None = None
    came: list[float] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, event: dict[str, Any]) -> None:
        """For the session."""
        self.heard.append((time.monotonic(), event))
        self.changed.set()

    async def first(self, which: Callable[[dict[str, Any]], bool]) -> tuple[float, dict[str, Any]]:
        """The first event of this kind, and when it came."""
        looked = 0
        async with asyncio.timeout(WAIT_S):
            while True:
                self.changed.clear()
                for at, event in self.heard[looked:]:
                    if which(event):
                        return at, event
                looked = len(self.heard)
                await self.changed.wait()

    async def is_up(self) -> None:
        """Wait until the last word about the phone is that it is up."""
        async with asyncio.timeout(WAIT_S):
            while [event["state"] for _, event in self.heard if event["event"] == "device"][-1:] != ["up"]:
                self.changed.clear()
                await self.changed.wait()

    def listed(self, transport: int | None) -> None:
        """What the adb server's new list says: the transport on which it is `device`, if it is."""
        if transport is not None and transport != self.ready:
            self.came.append(time.monotonic())
            self.changed.set()
        self.ready = transport

    async def device_again(self, times: int) -> float:
        """When the adb server called it `device` for the next time after so many."""
        async with asyncio.timeout(WAIT_S):
            while len(self.came) <= times:
                self.changed.clear()
                await self.changed.wait()
        return self.came[times]

    async def captured(self, path: str) -> str:
        """The capture made of this file of the phone."""
        name = path.rpartition("/")[2]
        _, event = await self.first(lambda event: event["event"] == "capture" and event["name"] == name)
        return str(event["capture_id"])

    async def answered(self, path: str) -> float:
        """When the answer about this file was complete."""
        capture = await self.captured(path)
        at, _ = await self.first(
            lambda event: (
                event["event"] == "answer" and event["capture_id"] == capture and event["status"] == "completed"
            )
        )
        return at


@dataclass(frozen=True, slots=True)
class Chains:
    """All of it."""

    adb: PrivateAdbServer
    phones: Worker
    each: list[Chain]

    def kill_adb(self) -> None:
        """End our adb server as a crash would: the one we started, or the one that the bridge has started since."""
        self.adb.kill()
        for pid in _listening(self.adb.port):
            os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def chains(folder: Path, photos: Path, count: int) -> AsyncGenerator[Chains]:
    """Connect so many phones, with engine `echo`, and wait until all are up and their pages are linked."""
    adb = PrivateAdbServer(folder).start()
    state = folder / "state"
    state.mkdir(mode=0o700)
    finder = HostFinder(state, engines=["echo"])
    try:
        async with AsyncExitStack() as stack:
            phones = await stack.enter_async_context(started("phones", str(count), str(photos), env=adb.env))
            each = list(starmap(Chain, enumerate(phones.hello["addresses"])))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            following = group.create_task(_follow(AdbAddress(adb.host, adb.port), each))
            stack.callback(following.cancel)
            for chain in each:
                await adb.call("connect", chain.serial)
            spool = stack.enter_context(Spool(state / "spool"))
            for chain in each:
                options = Options(
                    serial=chain.serial,
                    address=AdbAddress(adb.host, adb.port),
                    environ=adb.env | {"ADB": adb.adb},
                    state_dir=state,
                )
                connection = connected(options, finder=finder, spool=spool, on_event=chain.hear)
                await stack.enter_async_context(connection)
            for chain in each:
                await chain.is_up()
            await phones.ask("linked")
            yield Chains(adb, phones, each)
    finally:
        await asyncio.to_thread(finder.stop_started)
        adb.stop()


async def _follow(address: AdbAddress, each: list[Chain]) -> None:
    """Note when the adb server calls a phone `device`, over its deaths too."""
    while True:
        with suppress(AdbUnreachable):
            async with aclosing(track(address)) as lists:
                async for lines in lists:
                    ready = {line.serial: line.transport_id for line in lines if line.ready}
                    for chain in each:
                        chain.listed(ready.get(chain.serial))
        for chain in each:
            chain.listed(None)
        await asyncio.sleep(0.02)


def _listening(port: int) -> set[int]:
    """The processes that listen on this port of the laptop."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    sockets = {f"socket:[{line[9]}]" for line in lines if line[1].endswith(f":{port:04X}") and line[3] == _LISTEN}
    found = set()
    for path in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(path.readlink()) in sockets:
                found.add(int(path.parts[2]))
    return found
