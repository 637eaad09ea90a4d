"""The whole chain for tests: a virtual phone under a real adb server, a real host, and the bridge between them."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.adb.server import AdbAddress
from bridge.spool import Spool
from bridge.supervise.connection import Options, connected
from bridge.supervise.host import HostFinder
from bridge.virtual.page_client import PageClient
from tests.support.adb_server import PrivateAdbServer
from virtual_phone import VirtualPhone

__all__ = ["Chain", "chain", "connected_to"]

DEADLINE_S = 30.0


@dataclass
class Chain:
    """Everything a test pulls at, and what came out of it."""

    adb: PrivateAdbServer
    phone: VirtualPhone
    finder: HostFinder
    state: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    page: list[dict[str, Any]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, done: Callable[[], Any], what: str, deadline: float = DEADLINE_S) -> float:
        """Wait until `done()` is true after some event; gives the seconds it took."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(deadline):
                while not done():
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {what} within {deadline} s; last events: {self.events[-5:]}") from None
        return time.monotonic() - began

    async def shoot(self) -> str:
        """Press the shutter; gives the name of the file on the phone."""
        return (await self.phone.press_shutter()).rpartition("/")[2]

    def captures(self, name: str) -> list[str]:
        """The captures of this file, each named once."""
        found = [e["capture_id"] for e in self.events if e["event"] == "capture" and e["name"] == name]
        return list(dict.fromkeys(found))

    def answers(self, name: str) -> list[dict[str, Any]]:
        """The answers about this file."""
        captures = self.captures(name)
        return [e for e in self.events if e["event"] == "answer" and e["capture_id"] in captures]

    async def answered(self, name: str, deadline: float = DEADLINE_S) -> float:
        """Wait for the completed answer about this file."""
        return await self.until(
            lambda: any(a["status"] == "completed" for a in self.answers(name)), f"answer about {name}", deadline
        )

    async def state_is(self, state: str, deadline: float = DEADLINE_S) -> float:
        """Wait until the bridge says the phone is in this state."""
        return await self.until(lambda: self.states()[-1:] == [state], f"state {state}", deadline)

    def states(self) -> list[str]:
        """All states the phone had, in order."""
        return [e["state"] for e in self.events if e["event"] == "device"]

    async def streaming(self, name: str) -> None:
        """Wait until an answer about this file has begun but not ended."""
        await self.until(
            lambda: (
                any(e["event"] == "question" and e["capture_id"] in self.captures(name) for e in self.events)
                and any(e["event"] == "delta" for e in self.events)
            ),
            f"first word about {name}",
        )

    def kill_host(self) -> None:
        """End the host as a crash would."""
        record = json.loads((self.state / "host.json").read_text(encoding="utf-8"))
        os.kill(record["pid"], signal.SIGKILL)

    def hear(self, event: dict[str, Any]) -> None:
        """For the session."""
        self.events.append(event)
        self.changed.set()

    def see(self, message: dict[str, Any]) -> None:
        """For the page on the phone."""
        self.page.append(message)
        self.changed.set()


@contextlib.asynccontextmanager
async def chain(
    adb: PrivateAdbServer, photos: Path, state: Path, *, engine: str = "echo", prompt: str = "What is this?"
) -> AsyncGenerator[Chain]:
    """A phone of its own that is connected and up, with its page linked."""
    async with VirtualPhone(photos, capture_pause=0.02) as phone:
        await adb.connect(phone.address)
        async with connected_to(phone, adb, state, engine=engine, prompt=prompt) as run:
            await run.until(lambda: run.page, "linked page")
            yield run


@contextlib.asynccontextmanager
async def connected_to(
    phone: VirtualPhone,
    adb: PrivateAdbServer,
    state: Path,
    *,
    engine: str = "echo",
    prompt: str = "What is this?",
    wait_for: str = "up",
    on_open_url: Callable[[str], Awaitable[None]] | None = None,
    **more: Any,
) -> AsyncGenerator[Chain]:
    """The bridge on this phone, once the phone is in the state `wait_for`; `more` are fields of its `Options`."""
    state.mkdir(mode=0o700, exist_ok=True)
    finder = HostFinder(state, engines=[engine])
    run = Chain(adb, phone, finder, state)
    phone.on_open_url = on_open_url or PageClient(phone.loopback, run.see).open
    options = Options(
        serial=phone.address,
        address=AdbAddress(adb.host, adb.port),
        environ=adb.env | {"ADB": adb.adb},
        state_dir=state,
        prompt=prompt,
        **more,
    )
    try:
        await finder.locate()
        with Spool(state / "spool") as spool:
            async with connected(options, finder=finder, spool=spool, on_event=run.hear):
                await run.state_is(wait_for)
                yield run
    finally:
        await asyncio.to_thread(finder.stop_started)
