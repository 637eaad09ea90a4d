"""Every rogue of the corpus against the adb layer and the ways in: each ends in time, in words, and leaves nothing.

All phones are there at once, a few at a time: most of this is waiting.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bridge.adb.devices import list_devices, select
from bridge.adb.open import open_transport
from bridge.adb.server import server_address
from bridge.adb.transport import Transport
from bridge.captures.newest import newest_capture
from bridge.errors import BridgeError, UsageError
from bridge.spool import Spool
from tests.support.adb_server import PrivateAdbServer
from tests.support.trespass import Grounds
from virtual_phone import ROGUES, VirtualPhone

pytestmark = pytest.mark.e2e

AT_ONCE = 8
DEADLINE_S = 0.5
PATIENCE_S = 2.5  # for what has a deadline, on a busy machine
DEVICE = "dev_0123456789abcdef"
CAMERA = "/sdcard/DCIM/Camera"


async def test_every_rogue_ends_in_time_with_a_next_step_and_leaves_nothing_outside(
    adb_server: PrivateAdbServer, photos: Path, tmp_path: Path
) -> None:
    turn = asyncio.Semaphore(AT_ONCE)
    problems: dict[str, str] = {}

    async def one(name: str) -> None:
        async with turn:
            try:
                async with asyncio.timeout(60):
                    await _meet(name, adb_server, photos, tmp_path / name)
            except Exception as error:  # ruff: ignore[blind-except] - the others are to be met all the same
                problems[name] = str(error) or repr(error)

    async with asyncio.TaskGroup() as group:
        for name in ROGUES:
            group.create_task(one(name))

    assert problems == {}


async def _meet(name: str, adb: PrivateAdbServer, photos: Path, folder: Path) -> None:
    """Do everything that a bridge does with a phone, while this one misbehaves, and once more afterwards."""
    grounds = Grounds(folder)
    address = server_address(adb.env)
    async with VirtualPhone(photos, capture_pause=0.01, sandbox="none") as phone:
        await adb.connect(phone.address)
        try:
            (line,) = select(await list_devices(address), serials=[phone.address])
            with phone.behaving(name), Spool(grounds.allowed) as spool:
                with contextlib.suppress(OSError):  # no room on the phone
                    await phone.press_shutter()
                transport = await open_transport(address, line)
                for verb, call in _verbs(transport, spool, grounds.allowed / "pulled.jpg").items():
                    await _ends_well(verb, call)
                await transport.close()
            again = await open_transport(address, line)
            result = await again.shell(["echo", "well"], deadline=PATIENCE_S)
            await again.close()
            assert result.stdout == b"well\n"
        finally:
            await adb.call("disconnect", phone.address)
    assert grounds.trespasses() == []


def _verbs(transport: Transport, spool: Spool, place: Path) -> dict[str, Callable[[], Awaitable[object]]]:
    async def newest() -> None:
        async with asyncio.timeout(DEADLINE_S):  # as the command does, whose own deadline is above
            await newest_capture(transport, spool, DEVICE)

    async def newest_by_hand() -> None:
        entries = await transport.list(CAMERA, deadline=DEADLINE_S)
        newest = max(entries, key=lambda entry: entry.stat.mtime, default=None)
        if newest is None:
            raise UsageError("no picture", hint="take one")
        await transport.pull(CAMERA.encode() + b"/" + newest.name, place, limit=25_000_000, deadline=DEADLINE_S)

    async def lines() -> None:
        async with asyncio.timeout(DEADLINE_S):
            async with contextlib.aclosing(transport.lines(["echo", "watch_captures"])) as found:
                async for _ in found:
                    pass

    return {
        "newest": newest,
        "by hand": newest_by_hand,
        "shell": lambda: transport.shell(["true"], deadline=DEADLINE_S),
        "screencap": lambda: transport.shell(["screencap", "-p"], limit=40_000_000, deadline=DEADLINE_S),
        "lines": lines,
        "push": lambda: transport.push(b"#", "/data/local/tmp/x", deadline=DEADLINE_S),
        "tunnel": lambda: transport.reverse("tcp:localhost:18017", "tcp:1", deadline=DEADLINE_S),
        "tunnels": lambda: transport.reverse_list(deadline=DEADLINE_S),
    }


async def _ends_well(verb: str, call: Callable[[], Awaitable[object]]) -> None:
    """It succeeds, or fails as one of ours with a hint; both soon."""
    began = time.monotonic()
    problem = await _problem(call)
    took = time.monotonic() - began
    assert problem is None or (problem.hint and problem.message.isprintable()), f"{verb}: {problem!r}, {problem.hint}"
    assert took < PATIENCE_S, f"{verb} took {took:.1f} s"


async def _problem(call: Callable[[], Awaitable[object]]) -> BridgeError | None:
    with contextlib.suppress(TimeoutError):  # the command's own deadline
        try:
            await call()
        except BridgeError as error:
            return error
    return None
