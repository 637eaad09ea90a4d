"""What a bridge costs while nobody takes a picture: eight phones connected, watched, their pages open.

Twice: one process that holds all eight (this one, which only waits), and eight `bridge connect`, as a user has today.
The phones, the adb server and the host are other processes and not counted.
"""

import asyncio
import os
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from PIL import Image

from tests.support.adb_server import PrivateAdbServer
from tests.support.command import running
from tests.support.host import RunningHost
from tools.bench.chains import chains
from tools.bench.measure import median, row
from tools.bench.workers import cpu_s, started

__all__ = ["rows"]

PHONES, SETTLE_S, WINDOWS, WINDOW_S, SHARE = 8, 3.0, 5, 2.5, 0.05
DEADLINE_S = 120.0


def rows() -> list[dict[str, Any]]:
    """All rows of this part."""
    with tempfile.TemporaryDirectory() as name:
        photos = Path(name) / "photos"
        photos.mkdir()
        Image.new("RGB", (640, 480), "white").save(photos / "a.jpg")
        return asyncio.run(asyncio.wait_for(_measure(Path(name), photos), DEADLINE_S))


async def _measure(folder: Path, photos: Path) -> list[dict[str, Any]]:
    for part in ("one", "many"):
        (folder / part).mkdir()
    async with chains(folder / "one", photos, PHONES):
        one = await _shares([os.getpid()])
    return [
        _row(f"idle: one bridge with {PHONES} phones", one),
        _row(f"idle: {PHONES} `bridge connect`, a phone each, all together", await _commands(folder / "many", photos)),
    ]


async def _commands(folder: Path, photos: Path) -> list[float]:
    adb = PrivateAdbServer(folder).start()
    env = adb.env | {"ADB": adb.adb, "BRIDGE_STATE_DIR": str(folder / "state")}
    try:
        async with AsyncExitStack() as stack:
            phones = await stack.enter_async_context(started("phones", str(PHONES), str(photos), env=adb.env))
            stack.enter_context(await asyncio.to_thread(RunningHost.start, folder / "state"))
            pids = []
            for serial in phones.hello["addresses"]:
                await adb.connect(serial)
                command = await stack.enter_async_context(running("connect", serial, "--json", env=env))
                await command.until(event="device", state="up")
                pids.append(command.process.pid)
            await phones.ask("linked")
            return await _shares(pids)
    finally:
        adb.stop()


async def _shares(pids: list[int]) -> list[float]:
    """Percent of a core for all of these, a window each."""
    await asyncio.sleep(SETTLE_S)
    found: list[float] = []
    for _ in range(WINDOWS):
        began, cpu = time.monotonic(), sum(map(cpu_s, pids))
        await asyncio.sleep(WINDOW_S)
        found.append(100 * (sum(map(cpu_s, pids)) - cpu) / (time.monotonic() - began))
    return found


def _row(name: str, shares: list[float]) -> dict[str, Any]:
    return row(
        name,
        median(shares),
        "% core",
        peer=f"highest of {WINDOWS}",
        peer_value=max(shares),
        budget=f"<= {100 * SHARE:g} % of a core",
        met=median(shares) <= 100 * SHARE,
    )


if __name__ == "__main__":
    print(*rows(), sep="\n")
