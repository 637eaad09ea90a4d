"""What a bridge costs while nobody takes a picture: eight phones connected, watched, their pages open.

This process holds all eight and only waits; the phones, the adb server and the host are other processes.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

from tools.bench.chains import chains
from tools.bench.measure import median, row
from tools.bench.workers import cpu_s

__all__ = ["rows"]

PHONES, SETTLE_S, WINDOWS, WINDOW_S, SHARE = 8, 3.0, 5, 4.0, 0.05
DEADLINE_S = 120.0


def rows() -> list[dict[str, Any]]:
    """All rows of this part."""
    with tempfile.TemporaryDirectory() as name:
        photos = Path(name) / "photos"
        photos.mkdir()
        Image.new("RGB", (640, 480), "white").save(photos / "a.jpg")
        return asyncio.run(asyncio.wait_for(_measure(Path(name), photos), DEADLINE_S))


async def _measure(folder: Path, photos: Path) -> list[dict[str, Any]]:
    shares: list[float] = []
    async with chains(folder, photos, PHONES):
        await asyncio.sleep(SETTLE_S)
        for _ in range(WINDOWS):
            began, cpu = time.monotonic(), cpu_s(os.getpid())
            await asyncio.sleep(WINDOW_S)
            shares.append(100 * (cpu_s(os.getpid()) - cpu) / (time.monotonic() - began))
    return [
        row(
            f"idle bridge, {PHONES} phones",
            median(shares),
            "% core",
            peer=f"highest of {WINDOWS}",
            peer_value=max(shares),
            budget=f"<= {100 * SHARE:g} % of a core",
            met=median(shares) <= 100 * SHARE,
        )
    ]


if __name__ == "__main__":
    print(*rows(), sep="\n")
