"""A `CameraFolder` that runs beside a test, and what it gave so far, with waits that have a deadline."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

from bridge.adb.devices import list_devices, select
from bridge.adb.open import open_transport
from bridge.adb.server import server_address
from bridge.adb.transport import Transport
from bridge.captures.folder import CameraFolder
from bridge.captures.notices import FolderNotice, Watching
from bridge.errors import BridgeError
from bridge.spool import Capture, Spool
from tests.support.adb_server import PrivateAdbServer
from virtual_phone import VirtualPhone

DEVICE = "dev_0123456789abcdef"
PATIENCE = 10.0
N = TypeVar("N", bound=FolderNotice)


class Watched:
    """Use `watched`."""

    def __init__(self, transport: Transport, spool: Spool, **options: Any) -> None:
        self.captures: list[Capture] = []
        self.notices: list[FolderNotice] = []
        self.error: BridgeError | None = None
        self.ended = False
        self.stop: Callable[[], object] = lambda: None
        self._changed = asyncio.Event()
        options = {"device_id": DEVICE, "on_notice": self._note, **options}
        self.folder = CameraFolder(transport, spool, **options)

    async def taken(self, count: int, *, deadline: float = PATIENCE) -> list[Capture]:
        """Wait for so many captures in all, and for no more than that."""
        await self.until(lambda: len(self.captures) >= count, deadline)
        assert len(self.captures) == count, self.names()
        return self.captures

    async def watching(self, how: str = "inotifyd") -> None:
        """Wait until the folder is watched in this way."""
        await self.until(lambda: any(isinstance(note, Watching) and note.how == how for note in self.notices), PATIENCE)

    async def noticed(self, kind: type[N]) -> N:
        """Wait for the first notice of that kind."""
        await self.until(lambda: bool(self.all_noticed(kind)), PATIENCE)
        return self.all_noticed(kind)[0]

    def all_noticed(self, kind: type[N]) -> list[N]:
        """Give all notices of that kind."""
        return [note for note in self.notices if isinstance(note, kind)]

    def names(self) -> list[str]:
        """Give the names captured, in their order."""
        return [capture.name for capture in self.captures]

    async def end(self) -> BridgeError | None:
        """Wait until it has ended by itself; give the error that ended it."""
        await self.until(lambda: self.ended, PATIENCE)
        return self.error

    async def until(self, happened: Callable[[], bool], deadline: float) -> None:
        try:
            async with asyncio.timeout(deadline):
                while not happened():
                    assert not self.ended or happened(), self.error
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"not in time; captured {self.names()}, noticed {self.notices}") from None

    async def until_true(self, happened: Callable[[], bool]) -> None:
        """Wait for something that nobody tells of."""
        async with asyncio.timeout(PATIENCE):
            while not happened():  # ruff: ignore[async-busy-wait]
                await asyncio.sleep(0.02)

    async def run(self) -> None:
        try:
            async with aclosing(self.folder.captures()) as captures:
                async for capture in captures:
                    self.captures.append(capture)
                    self._changed.set()
        except BridgeError as error:
            self.error = error
        finally:
            self.ended = True
            self._changed.set()

    def _note(self, notice: FolderNotice) -> None:
        self.notices.append(notice)
        self._changed.set()


async def opened(server: PrivateAdbServer, phone: VirtualPhone) -> Transport:
    """Open the phone as the adb server knows it now."""
    address = server_address(server.env)
    (line,) = select(await list_devices(address), serials=[phone.address])
    return await open_transport(address, line)


@asynccontextmanager
async def watched(transport: Transport, spool: Spool, **options: Any) -> AsyncGenerator[Watched, None]:
    """Run a camera folder inside."""
    running = Watched(transport, spool, **options)
    async with asyncio.TaskGroup() as group:
        running.stop = group.create_task(running.run()).cancel
        try:
            yield running
        finally:
            running.stop()
