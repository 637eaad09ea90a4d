"""From the moment a photo has its final name on the phone to the moment the host has accepted the question about it.

The phone (another process) takes photos of a real size; the bridge finds, pulls, journals and uploads each and asks.
Beside it stands what a script would need for the pull alone: `adb pull` of the same photo, as a whole command.
"""

import asyncio
import io
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

from tools.bench.chains import Chain, Chains, chains
from tools.bench.imaging import photo
from tools.bench.measure import median, percentile, row

__all__ = ["rows"]

PHOTOS, P50_MS = 21, 150.0
DIFFERENT, SIZE = 7, 3_300_000
DEADLINE_S = 120.0


def rows() -> list[dict[str, Any]]:
    """All rows of this part."""
    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(asyncio.wait_for(_measure(Path(name)), DEADLINE_S))


async def _measure(folder: Path) -> list[dict[str, Any]]:
    photos = folder / "photos"
    photos.mkdir()
    _photos(photos)
    accepted: list[float] = []
    pulled: list[float] = []
    async with chains(folder, photos, 1) as all_of_it:
        (chain,) = all_of_it.each
        for number in range(PHOTOS + 1):
            path, took = await _one(all_of_it, chain)
            if number:  # the first one warms up
                accepted.append(1e3 * took)
                pulled.append(1e3 * await asyncio.to_thread(_adb_pull, all_of_it, chain, path, folder / "pulled"))
    size = sum(path.stat().st_size for path in photos.iterdir()) / DIFFERENT / 1e6
    return [
        row(
            f"photo of {size:.1f} MB final on the phone ► question accepted, p50",
            median(accepted),
            "ms",
            peer="adb pull alone",
            peer_value=median(pulled),
            ratio=median(accepted) / median(pulled),
            budget=f"<= {P50_MS:g} ms",
            met=median(accepted) <= P50_MS,
        ),
        row(
            f"photo of {size:.1f} MB final on the phone ► question accepted, p90",
            percentile(accepted, 0.9),
            "ms",
            peer="adb pull alone",
            peer_value=percentile(pulled, 0.9),
            budget="",
            met=None,
        ),
    ]


async def _one(all_of_it: Chains, chain: Chain) -> tuple[str, float]:
    """One photo: its path on the phone, and the seconds to the accepted question."""
    pressed = await all_of_it.phones.ask("press", phone=chain.number)
    capture = await chain.captured(pressed["path"])
    at, _ = await chain.first(lambda event: event["event"] == "question" and event["capture_id"] == capture)
    await chain.answered(pressed["path"])
    return pressed["path"], at - pressed["at"]


def _adb_pull(all_of_it: Chains, chain: Chain, path: str, place: Path) -> float:
    began = time.perf_counter()
    adb = all_of_it.adb
    subprocess.run([adb.adb, "-s", chain.serial, "pull", path, place], env=adb.env, capture_output=True, check=True)
    return time.perf_counter() - began


def _photos(folder: Path) -> None:
    """Photos of twelve megapixels and about three megabytes, all different."""
    whole = Image.open(io.BytesIO(photo()))
    quality = next(quality for quality in range(92, 20, -3) if len(_jpeg(whole, quality)) <= SIZE)
    for number in range(DIFFERENT):
        (folder / f"{number}.jpg").write_bytes(_jpeg(whole.rotate(0, translate=(16 * number, 0)), quality))


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


if __name__ == "__main__":
    print(*rows(), sep="\n")
