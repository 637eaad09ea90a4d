"""The shell around `core`: follows the adb server, opens transports, carries commands out, puts all back.

One `asyncio.TaskGroup` holds the tracker, the pump and at most one transport at a time; whatever happens comes back to
the pump as an event. A transport's work is one task: cancelling it stops the watcher, the checks and everything else
that needs the phone.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from bridge.adb.devices import DeviceLine
from bridge.adb.faults import NoReverse
from bridge.adb.network import connect_tcp
from bridge.adb.open import open_transport
from bridge.adb.server import AdbAddress, ensure_server
from bridge.adb.track import track
from bridge.adb.transport import Transport
from bridge.captures import CaptureSource
from bridge.errors import AdbUnreachable, BridgeError
from bridge.session import Session
from bridge.supervise.commands import (
    CheckTunnel,
    CloseTransport,
    Command,
    MakeTunnel,
    OpenPage,
    OpenTransport,
    Redial,
    StartWatching,
    Tell,
)
from bridge.supervise.core import Supervisor
from bridge.supervise.events import (
    AdbGone,
    Devices,
    Event,
    Failed,
    NoTunnel,
    PageLinked,
    TransportOpen,
    TunnelGone,
    TunnelMade,
    Wake,
    WatchEnded,
)
from bridge.supervise.transport_tasks import TransportTasks, wait_until_booted

__all__ = ["PhoneRunner", "page_linked"]

SERVER_RETRY_S = 0.5
REDIAL_DEADLINE_S = 5.0
UNDO_DEADLINE_S = 3.0


class PhoneRunner:
    """Keeps one phone connected until cancelled."""

    def __init__(
        self,
        *,
        serial: str,
        address: AdbAddress,
        environ: Mapping[str, str],
        tasks: Callable[[Transport], TransportTasks],
        source: Callable[[Transport], CaptureSource],
        session: Session,
        core: Supervisor,
    ) -> None:
        self.serial = serial
        self.core = core
        self._address, self._environ = address, environ
        self._make_tasks, self._make_source = tasks, source
        self._session = session
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._group: asyncio.TaskGroup
        self._held: asyncio.Task[None] | None = None
        self._work: TransportTasks | None = None
        self._inner: asyncio.TaskGroup | None = None
        self.remade = 0

    def post(self, event: Event) -> None:
        """Let the core know of something: used by the front (`PageLinked`) and by every task here."""
        self._events.put_nowait(event)

    async def run(self) -> None:
        """Work until cancelled, then take our tunnel back."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self._group.create_task(self._follow())
                await self._pump()
        finally:
            await asyncio.shield(self._undo())

    # ---- events in ----

    async def _follow(self) -> None:
        """Every list of the adb server; its end is an event too, and a new server is started."""
        while True:
            try:
                await ensure_server(self._address, environ=self._environ)
                async with contextlib.aclosing(track(self._address)) as lists:
                    async for lines in lists:
                        self.post(Devices(lines))
            except AdbUnreachable:
                self.post(AdbGone())
                await asyncio.sleep(SERVER_RETRY_S)

    async def _pump(self) -> None:
        while True:
            event = await self._next()
            for command in self.core.handle(event, time.monotonic()):
                await self._carry_out(command)

    async def _next(self) -> Event:
        if self.core.wake_at is None:
            return await self._events.get()
        try:
            async with asyncio.timeout_at(self.core.wake_at - time.monotonic() + asyncio.get_running_loop().time()):
                return await self._events.get()
        except TimeoutError:
            return Wake()

    # ---- commands out ----

    async def _carry_out(self, command: Command) -> None:
        match command:
            case OpenTransport(line):
                await self._release()
                self._held = self._group.create_task(self._hold(line))
            case CloseTransport():
                await self._release()
            case Redial(serial):
                self._group.create_task(self._redial(serial))
            case Tell(state, detail, hint):
                self._session.phone_state(state.value, detail, hint)
            case MakeTunnel(number):
                self._start(number, self._make_tunnel())
            case CheckTunnel(number):
                self._start(number, self._check_tunnel())
            case StartWatching(number):
                self._start(number, self._watch())
            case OpenPage(number):
                self._start(number, self._open_page())

    async def _hold(self, line: DeviceLine) -> None:
        """One transport from opening to loss."""
        number = line.transport_id
        try:
            transport = await open_transport(self._address, line)
        except BridgeError as error:
            self.post(Failed(number, error.message, error.hint))
            return
        try:
            await wait_until_booted(transport)
            async with asyncio.TaskGroup() as self._inner:
                self._work = self._make_tasks(transport)
                self.post(TransportOpen(number))
                await asyncio.get_running_loop().create_future()  # until cancelled
        except (BridgeError, TimeoutError) as error:
            self.post(Failed(number, str(error) or "the phone did not finish booting", getattr(error, "hint", "")))
        finally:
            self._work, self._inner = None, None
            await transport.close()

    def _start(self, number: int, job: Coroutine[Any, Any, None]) -> None:
        """Run a job of the open transport; its failure is an event, never the end of the others."""
        if self._inner is None:
            job.close()
            return
        self._inner.create_task(self._guarded(number, job))

    async def _guarded(self, number: int, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except (BridgeError, TimeoutError) as error:
            self.post(Failed(number, str(error) or "no answer in time", getattr(error, "hint", "")))

    async def _make_tunnel(self) -> None:
        work, number = self._current()
        try:
            await work.make_tunnel()
        except NoReverse as error:
            self.post(NoTunnel(number, error.message, error.hint))
            return
        self.remade += 1
        self.post(TunnelMade(number))

    async def _check_tunnel(self) -> None:
        work, number = self._current()
        if not await work.tunnel_is_there():
            self.post(TunnelGone(number))

    async def _watch(self) -> None:
        work, number = self._current()
        try:
            async with contextlib.aclosing(self._make_source(work.transport).captures()) as captures:
                async for capture in captures:
                    self._session.submit(capture)
        except (BridgeError, TimeoutError) as error:
            self.post(WatchEnded(number, str(error) or "no answer in time", getattr(error, "hint", "")))
        else:
            self.post(WatchEnded(number, "the camera folder is no longer watched"))

    async def _open_page(self) -> None:
        work, _ = self._current()
        await work.open_page()

    def _current(self) -> tuple[TransportTasks, int]:
        assert self._work is not None  # ruff: ignore[assert]  # jobs live inside the transport's task
        return self._work, self._work.transport.transport_id

    async def _redial(self, serial: str) -> None:
        with contextlib.suppress(BridgeError, TimeoutError):
            await connect_tcp(self._address, serial, deadline=REDIAL_DEADLINE_S)

    async def _release(self) -> None:
        """Stop everything that needs the phone; waits, so that two transports never work at once."""
        task, self._held = self._held, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])  # not `await task`: its cancellation must not be taken for ours

    async def _undo(self) -> None:
        """Take our reverse back over a connection of its own: the one in use was just cancelled."""
        line = self.core.line
        if line is None or not line.ready:
            return
        with contextlib.suppress(BridgeError, TimeoutError):
            async with asyncio.timeout(UNDO_DEADLINE_S):
                transport = await open_transport(self._address, line)
                try:
                    await self._make_tasks(transport).remove_tunnel()
                finally:
                    await transport.close()


def page_linked(runner: PhoneRunner) -> Callable[[int], None]:
    """What the front calls with the number of pages that hold a socket."""

    def changed(pages: int) -> None:
        if pages:
            runner.post(PageLinked())
        else:
            runner.core.page_gone()

    return changed
