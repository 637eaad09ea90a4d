"""A port of a phone as a port of this laptop, for as long as somebody needs it: `async with forwarded(…) as url`.

The adb server drops a forward whenever the phone's connection drops, even for a moment. So its list is looked at again
and again, and what is missing is made anew at the same place: whoever was given the URL keeps it.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bridge.adb.forwards import ForwardEntry, add_forward, list_forwards, remove_forward
from bridge.adb.server import AdbAddress, ensure_server
from bridge.errors import AdbUnreachable, BridgeError
from bridge.supervise.tunnels import TunnelBook

__all__ = ["PhonePortAt", "clean_forwards", "forwarded"]

FILE = "forwards.json"
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class PhonePortAt:
    """A port of one phone, reached over one adb server."""

    address: AdbAddress
    serial: str
    port: int

    @property
    def remote(self) -> str:
        """As adb writes it."""
        return f"tcp:{self.port}"


@asynccontextmanager
async def forwarded(
    phone: PhonePortAt,
    *,
    state_dir: Path,
    environ: Mapping[str, str],
    tell: Callable[[str], None],
    look_s: float = LOOK_S,
) -> AsyncGenerator[str]:
    """Lead a free port of this laptop to the phone's, through every replug; gives its URL.

    `tell` hears when the phone goes and comes. Raises what `add_forward` raises.
    """
    local = await add_forward(phone.address, phone.serial, "tcp:0", phone.remote)
    entry = ForwardEntry(phone.serial, local, phone.remote)
    book = TunnelBook(state_dir, FILE)
    try:
        book.note(phone.serial, local, f"{phone.remote} {os.getpid()}")
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(_keep(phone, entry, environ, tell, look_s))
            yield f"http://127.0.0.1:{local.removeprefix('tcp:')}"
            keeping.cancel()
    finally:
        with suppress(BridgeError):  # without a server or a phone there is no forward
            await asyncio.shield(remove_forward(phone.address, entry))
        book.forget(phone.serial, local)


async def clean_forwards(address: AdbAddress, state_dir: Path) -> None:
    """Remove what bridges made that were killed. Raises `AdbUnreachable`."""
    book = TunnelBook(state_dir, FILE)
    for serial, local, made in book.entries():
        remote, _, pid = made.partition(" ")
        if not _runs(pid):
            await remove_forward(address, ForwardEntry(serial, local, remote))
            book.forget(serial, local)


async def _keep(
    phone: PhonePortAt, entry: ForwardEntry, environ: Mapping[str, str], tell: Callable[[str], None], look_s: float
) -> None:
    there = True
    while True:
        await asyncio.sleep(look_s)
        try:
            if entry not in await list_forwards(phone.address):
                if there:
                    tell(f"{phone.serial} went away; its port is forwarded again as soon as it is back")
                there = False
                await add_forward(phone.address, phone.serial, entry.local, entry.remote)
        except AdbUnreachable:
            with suppress(BridgeError):
                await ensure_server(phone.address, environ=environ)
        except BridgeError:
            continue  # not there yet, or its port is taken for the moment
        else:
            if not there:
                tell(f"{phone.serial} is back")
            there = True


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, OSError, OverflowError):
        return False
    return True
