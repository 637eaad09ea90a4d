"""What is done over one open transport: wait for the boot, make and check the tunnel, open the page."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from shlex import quote

from bridge.adb.transport import Transport
from bridge.errors import DeviceUnusable
from bridge.supervise.tunnels import TunnelBook

__all__ = ["TransportTasks", "wait_until_booted"]

BOOT_DEADLINE_S, BOOT_LOOK_S = 120.0, 0.25
# Browsers re-use one tab for all intents of one application id: a reopened page replaces the old one.
APPLICATION_ID = "org.lensbridge"


async def wait_until_booted(transport: Transport) -> None:
    """`device` comes before Android is up: `am` and /sdcard are there only when `sys.boot_completed` is 1."""
    async with asyncio.timeout(BOOT_DEADLINE_S):
        while True:
            result = await transport.shell(["getprop", "sys.boot_completed"])
            if result.stdout.strip() == b"1":
                return
            await asyncio.sleep(BOOT_LOOK_S)


@dataclass(slots=True)
class TransportTasks:
    """The verbs of the core's commands over one transport; `new_code` gives a fresh link code."""

    transport: Transport
    phone_port: int
    front_port: int
    book: TunnelBook
    new_code: Callable[[], str]

    @property
    def remote(self) -> str:
        """The phone's side: bound to the phone's own loopback, or its Wi-Fi could reach the laptop."""
        return f"tcp:localhost:{self.phone_port}"

    @property
    def local(self) -> str:
        """The laptop's side."""
        return f"tcp:{self.front_port}"

    async def make_tunnel(self) -> None:
        """Let the phone's port lead to the front. Raises `DeviceUnusable` when another tool has that port."""
        serial = self.transport.serial
        there = await self._entry()
        if there is not None and there != self.local and not self.book.is_ours(serial, self._listed, there):
            raise DeviceUnusable(
                f"{serial}: port {self.phone_port} of the phone is already led to {there} by another tool",
                hint=f"give another --phone-port, or `adb -s {quote(serial)} reverse --remove tcp:{self.phone_port}`",
            )
        self.book.note(serial, self._listed, self.local)
        await self.transport.reverse(self.remote, self.local)

    async def tunnel_is_there(self) -> bool:
        """Whether the phone's list still leads our port to the front."""
        return await self._entry() == self.local

    async def remove_tunnel(self, deadline: float = 2.0) -> None:
        """Take our entry back, and only ours."""
        if await self._entry(deadline) == self.local:
            await self.transport.reverse_remove(self.remote, deadline=deadline)
        self.book.forget(self.transport.serial, self._listed)

    async def open_page(self) -> None:
        """Open the page in the phone's browser. The code stands in the fragment, which never travels in a request."""
        url = f"http://localhost:{self.phone_port}/#c={self.new_code()}"
        command = ["am", "start", "-a", "android.intent.action.VIEW", "-d", url]
        command += ["--es", "com.android.browser.application_id", APPLICATION_ID]
        result = await self.transport.shell(command)
        said = (result.stdout + result.stderr).decode(errors="replace")
        # Older Android reports the failure in words and exits 0.
        if result.exit_code not in {0, None} or "Error:" in said:
            reason = next((line for line in said.splitlines() if "Error" in line), said.strip()[:200])
            raise DeviceUnusable(
                f"{self.transport.serial}: the page could not be opened: {reason}",
                hint=f"open http://localhost:{self.phone_port} in the phone's browser yourself; is one installed?",
            )

    @property
    def _listed(self) -> str:
        """How the phone lists our entry: without the host part it was made with."""
        return f"tcp:{self.phone_port}"

    async def _entry(self, deadline: float = 10.0) -> str | None:
        for entry in await self.transport.reverse_list(deadline=deadline):
            if entry.remote.rpartition(":")[2] == str(self.phone_port) and entry.remote.startswith("tcp:"):
                return entry.local
        return None
