"""A 12 megapixel photo made ready for an engine, beside what one would write with Pillow at first."""

import io
import time
from typing import Any

from PIL import Image, ImageChops, ImageOps

from host_server.imaging import DEFAULT_MAX_SIDE, prepare
from tools.bench.measure import median, row

ROUNDS = 7
BUDGET = 0.4
SIDES = (DEFAULT_MAX_SIDE, 1024)


def rows() -> list[dict[str, Any]]:
    """Medians of both, in turn, for the side that our engines ask for and for a small one."""
    data = photo()
    return [compare(data, side) for side in SIDES]


def compare(data: bytes, side: int) -> dict[str, Any]:
    """One row: ours includes all checks and the sha256, the peer does neither."""
    ours: list[float] = []
    peers: list[float] = []
    for number in range(ROUNDS + 1):
        for work, kept in ((prepared, ours), (plain, peers)):
            started = time.perf_counter()
            work(data, side)
            if number:  # the first round warms the caches
                kept.append((time.perf_counter() - started) * 1000)
    value, peer = median(ours), median(peers)
    return row(
        f"12 MP JPEG prepared, longest side {side}",
        value,
        "ms",
        peer="plain Pillow (Lanczos, q90)",
        peer_value=peer,
        ratio=value / peer,
        budget=f"<= {BUDGET}x plain Pillow",
        met=value <= BUDGET * peer,
    )


def prepared(data: bytes, side: int) -> bytes:
    """Ours: header to JPEG."""
    return prepare(data, max_side=side).jpeg


def plain(data: bytes, side: int) -> bytes:
    """Decode whole, turn upright, shrink with the best filter, encode: the same in and out."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    scale = side / max(picture.size)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=90)
    return out.getvalue()


def photo() -> bytes:
    """A photo as a phone stores it: 4000 x 3000 on its side, about 5 MB, with texture and noise."""
    size = (4000, 3000)
    shade = Image.linear_gradient("L").resize(size)
    texture = Image.effect_noise((1000, 750), 60).resize(size, Image.Resampling.BICUBIC)
    grain = Image.effect_noise(size, 10)
    grey = ImageChops.add(ImageChops.add(shade, texture, scale=2), grain, scale=2)
    picture = Image.merge("RGB", (grey, ImageChops.offset(grey, 7, 3), ImageOps.invert(grey)))
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92, exif=exif)
    return out.getvalue()


if __name__ == "__main__":
    print(*rows(), sep="\n")
