"""An adb server of our own for as long as a demo lasts: a free port, its own keys, no network discovery.

It is Google's unmodified server, run in the foreground as our child: the developer's own on port 5037 is neither used
nor touched, and nothing is left behind.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.adb.server import AdbAddress, AdbBinary, find_adb, server_version
from bridge.errors import AdbUnreachable

__all__ = ["OwnServer", "own_adb_server"]

# `--one-device` is younger than some distributions' adb.
ONE_DEVICE_SINCE = 35
START_DEADLINE_S, LOOK_EVERY_S, END_DEADLINE_S = 15.0, 0.02, 5.0


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A running server and the environment that leads every adb client to it."""

    address: AdbAddress
    adb: AdbBinary
    environ: Mapping[str, str]
    pid: int


@contextlib.asynccontextmanager
async def own_adb_server(home: Path) -> AsyncGenerator[OwnServer]:
    """Start a private server that keeps its keys and log in `home`; end it on leaving."""
    adb = find_adb(os.environ)
    address = AdbAddress("127.0.0.1", _free_port())
    environ = _environ(home, address)
    with (home / "adb.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            str(adb.path), *_no_usb(adb), "-L", f"tcp:localhost:{address.port}", "server", "nodaemon",
            env=environ, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        await _until_it_answers(address, process, home / "adb.log")
        yield OwnServer(address, adb, environ, process.pid)
    finally:
        await _end(process)


async def _until_it_answers(address: AdbAddress, process: asyncio.subprocess.Process, log: Path) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_DEADLINE_S):
            while process.returncode is None:
                with contextlib.suppress(AdbUnreachable):
                    await server_version(address)
                    return
                await asyncio.sleep(LOOK_EVERY_S)
    words = await asyncio.to_thread(log.read_text, "utf-8", "replace")
    said = words.strip().splitlines()[-1:] or ["it said nothing"]
    raise AdbUnreachable(
        f"the adb server does not start: {said[0]}", hint=f"its log is {log}; does the adb binary run on this machine?"
    )


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(END_DEADLINE_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _no_usb(adb: AdbBinary) -> list[str]:
    """Leave the cable's phones alone: with our new key each of them would ask its owner about it."""
    major = adb.version.partition(".")[0]
    return ["--one-device", "none"] if major.isdigit() and int(major) >= ONE_DEVICE_SINCE else []


def _environ(home: Path, address: AdbAddress) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ADB_", "ANDROID_"))}
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(home),
        "ADB_MDNS": "0",
        "ADB_LIBUSB": "0",  # libusb finds no bus in a container, and the server then waits three seconds for it
        "ADB_LOCAL_TRANSPORT_MAX_PORT": "5554",  # a phone on a port of 5555..5585 would be adopted as an emulator
        "ADB_SERVER_SOCKET": f"tcp:localhost:{address.port}",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
