"""Pull and shell over the real adb server: ours beside adb itself and adbutils, in the same run, interleaved.

Ours is called in a running process, as the bridge does; `adb pull` is the whole command, as a script would. What was
pulled is removed before each call, untimed. The phone is virtual and in a process of its own: the figures are about
software, not about a cable.
"""

import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bridge.adb.devices import list_devices, select
from bridge.adb.open import open_transport
from bridge.adb.server import server_address
from bridge.adb.transport import Transport
from tests.support.adb_server import PrivateAdbServer
from tools.bench.measure import median, row

ROUNDS = 9
SHORT_ROUNDS, SHORT_SIZE = 25, 5_000_000  # what takes milliseconds is noisy
CALLS = 20
SIZES = {"0.3 MB": 300_000, "5 MB": 5_000_000, "50 MB": 50_000_000}
PULL_BUDGET = {"0.3 MB": 1.5, "5 MB": 0.9, "50 MB": 0.75}
SAME_GUARANTEE = 1.3
MANY, MANY_SIZE, MANY_BUDGET = 50, 300_000, 1.0
SHELL_BUDGET = 0.1
PHONE = "/sdcard/Download"


def rows() -> list[dict[str, object]]:
    """All rows of this part."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        server = PrivateAdbServer(home).start()
        phone = subprocess.Popen(
            [sys.executable, "-m", "virtual_phone", "--photos", str(home)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        try:
            line = phone.stdout.readline() if phone.stdout is not None else ""  # "adb connect HOST:PORT"
            return asyncio.run(_measure(server, line.split()[-1], home))
        finally:
            phone.terminate()
            phone.communicate()
            server.stop()


async def _measure(server: PrivateAdbServer, serial: str, home: Path) -> list[dict[str, object]]:
    await server.connect(serial)
    address = server_address(server.env)
    (line,) = select(await list_devices(address))
    transport = await open_transport(address, line)
    try:
        found = [one for label in SIZES for one in await _pull_rows(server, transport, home, label)]
        return [*found, await _many_row(server, transport, home), await _shell_row(server, serial, transport)]
    finally:
        await transport.close()


async def _pull_rows(server: PrivateAdbServer, transport: Transport, home: Path, label: str) -> list[dict[str, object]]:
    source, place = f"{PHONE}/{label.replace(' ', '')}", home / "pulled"
    rounds = ROUNDS if SIZES[label] > SHORT_SIZE else SHORT_ROUNDS
    await transport.push(os.urandom(SIZES[label]), source)

    async def ours() -> None:
        await transport.pull(source, place, limit=1 << 30)

    def adb() -> None:
        _adb_pull(server, source, place)

    def adb_verified() -> None:
        _adb_pull(server, source, place)
        _hash_and_sync(place)

    mine, plain, verified = await _times(rounds, place, ours, adb, adb_verified)
    return [
        _faster(f"pull {label}, verified", mine, "adb pull", plain, PULL_BUDGET[label]),
        _faster(f"pull {label}, same guarantee", mine, "adb pull + sha256 + fsync", verified, SAME_GUARANTEE),
    ]


async def _many_row(server: PrivateAdbServer, transport: Transport, home: Path) -> dict[str, object]:
    source, place = f"{PHONE}/many", home / "many"
    for number in range(MANY):
        await transport.push(os.urandom(MANY_SIZE), f"{source}/{number}")

    async def ours() -> None:
        place.mkdir()
        for number in range(MANY):
            await transport.pull(f"{source}/{number}", place / str(number), limit=1 << 30)

    def adb() -> None:
        _adb_pull(server, source, place)

    mine, plain = await _times(ROUNDS, place, ours, adb)
    return _faster(f"pull {MANY} files of 0.3 MB, verified", mine, "adb pull DIR", plain, MANY_BUDGET)


async def _shell_row(server: PrivateAdbServer, serial: str, transport: Transport) -> dict[str, object]:
    import adbutils

    device = adbutils.AdbClient(server.host, server.port).device(serial)

    async def ours() -> None:
        for _ in range(CALLS):
            await transport.shell(["true"])

    def theirs() -> None:
        for _ in range(CALLS):
            device.shell2("true", v2=True, timeout=10)

    await ours()  # open the channel
    mine, peer = (one / CALLS for one in await _times(ROUNDS, Path("/nonexistent"), ours, theirs))
    ratio = mine / peer
    return row(
        "shell call over the kept channel",
        mine * 1e3,
        "ms",
        peer="adbutils shell2",
        peer_value=peer * 1e3,
        ratio=ratio,
        budget=f"<= {SHELL_BUDGET}x",
        met=ratio <= SHELL_BUDGET,
    )


async def _times(rounds: int, place: Path, *variants: Callable[[], Awaitable[None] | None]) -> list[float]:
    """The median seconds of each variant, taken in turn; `place` is cleared before each call."""
    times: list[list[float]] = [[] for _ in variants]
    for number in range(rounds):
        for step in range(len(variants)):
            index = (number + step) % len(variants)
            _clear(place)
            started = time.perf_counter()
            waiting = variants[index]()
            if waiting is not None:
                await waiting
            times[index].append(time.perf_counter() - started)
    _clear(place)
    return [median(one) for one in times]


def _clear(place: Path) -> None:
    if place.is_dir():
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
    else:
        place.unlink(missing_ok=True)


def _adb_pull(server: PrivateAdbServer, source: str, place: Path) -> None:
    subprocess.run([server.adb, "pull", source, place], env=server.env, capture_output=True, check=True)


def _hash_and_sync(place: Path) -> None:
    with place.open("rb") as file:
        hashlib.file_digest(file, "sha256")
        os.fsync(file.fileno())


def _faster(name: str, mine: float, peer: str, theirs: float, budget: float) -> dict[str, object]:
    ratio = theirs / mine
    met = ratio >= budget
    return row(name, mine * 1e3, "ms", peer=peer, peer_value=theirs * 1e3, ratio=ratio, budget=f">= {budget}x", met=met)


if __name__ == "__main__":
    for found in rows():
        print(found)
