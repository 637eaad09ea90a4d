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
from bridge.adb.faults import FileChanged
from bridge.adb.open import open_transport
from bridge.adb.server import server_address
from bridge.adb.transport import Transport
from bridge.captures.newest import newest_capture
from bridge.errors import BridgeError, DeadlinePassed, DeviceLost, DeviceUnusable, UsageError
from bridge.spool import Spool
from tests.support.adb_server import PrivateAdbServer
from tests.support.trespass import Grounds
from virtual_phone import ROGUES, VirtualPhone

pytestmark = pytest.mark.e2e

AT_ONCE = 8
DEADLINE_S = 1.0
NEWEST_S = 1.5
PATIENCE_S = 5.0  # for what has a deadline, on a busy machine
DEVICE = "dev_0123456789abcdef"
CAMERA = "/sdcard/DCIM/Camera"
Bite = tuple[str, type[BridgeError] | tuple[type[BridgeError], ...] | None]
BITES: dict[str, Bite] = {
    # Where it must be felt, and how: a rogue that nobody notices proves nothing.
    **dict.fromkeys(["endless_file", "short_file", "size_too_small", "size_too_large"], ("by hand", FileChanged)),
    **dict.fromkeys(["big_chunk", "size_huge", "wrong_answer", "endless_refusal"], ("by hand", DeviceUnusable)),
    **dict.fromkeys(["rude_refusal", "huge_name", "ghosts", "link_as_file"], ("by hand", DeviceUnusable)),
    **dict.fromkeys(["link_out", "too_large"], ("by hand", DeviceUnusable)),
    **dict.fromkeys(["silent_list", "silent_pull", "silent_mid_pull", "silent_stat"], ("by hand", DeadlinePassed)),
    **dict.fromkeys(["silent_open", "silent_shell", "deaf_shell"], ("shell", DeadlinePassed)),
    **dict.fromkeys(["endless_shell", "endless_stderr", "endless_packet"], ("shell", (DeviceUnusable, DeadlinePassed))),
    **dict.fromkeys(["silent_sync", "silent_push"], ("push", DeadlinePassed)),
    **dict.fromkeys(["silent_reverse"], ("tunnel", DeadlinePassed)),
    **dict.fromkeys(["hanging_up"], ("shell", DeviceLost)),
    **dict.fromkeys(["storage_full", "pending_left", "heic", "empty_file", "folder_is_link"], ("newest", UsageError)),
    **dict.fromkeys(["no_picture_inside"], ("newest", UsageError)),
    **dict.fromkeys([name for name in ROGUES if name.startswith("name_") and name != "name_slashes"], ("newest", None)),
    **dict.fromkeys(["burst", "rewritten_file", "growing_file"], ("newest", None)),
}


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

    assert not problems, "\n".join(f"{name}: {problem}" for name, problem in problems.items())


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
                calls = _verbs(transport, spool, grounds.allowed / "pulled.jpg")
                problems = {verb: await _ends_well(verb, call) for verb, call in calls.items()}
                await transport.close()
            again = await open_transport(address, line)
            result = await again.shell(["echo", "well"], deadline=PATIENCE_S)
            await again.close()
            assert result.stdout == b"well\n"
            if name in BITES:
                verb, wanted = BITES[name]
                found = problems[verb]
                assert isinstance(found, wanted) if wanted else found is None, f"{verb}: {found!r}"
        finally:
            await adb.call("disconnect", phone.address)
    assert grounds.trespasses() == []


def _verbs(transport: Transport, spool: Spool, place: Path) -> dict[str, Callable[[], Awaitable[object]]]:
    async def newest() -> None:
        async with asyncio.timeout(NEWEST_S):  # as the command does, whose own deadline is above
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


async def _ends_well(verb: str, call: Callable[[], Awaitable[object]]) -> BridgeError | None:
    """It succeeds, or fails as one of ours with a hint; both soon."""
    began = time.monotonic()
    problem = await _problem(call)
    took = time.monotonic() - began
    assert problem is None or (problem.hint and problem.message.isprintable()), f"{verb}: {problem!r}, {problem.hint}"
    assert took < PATIENCE_S, f"{verb} took {took:.1f} s"
    return problem


async def _problem(call: Callable[[], Awaitable[object]]) -> BridgeError | None:
    with contextlib.suppress(TimeoutError):  # the command's own deadline
        try:
            await call()
        except BridgeError as error:
            return error
    return None
