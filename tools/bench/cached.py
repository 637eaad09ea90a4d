"""The same question about the same picture, a second time: over a socket to the host, beside the first time.

Each round has a picture of its own, so the first answer is the OCR engine's and the second the cache's.
"""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection

from bridge.virtual.screens import order_screen
from tools.bench.asking import ask, dial
from tools.bench.measure import median, row
from tools.bench.uploading import upload
from tools.bench.workers import started

__all__ = ["rows"]

DEADLINE_S = 120.0
PICTURES, AGAIN = 5, 20
LIMIT_MS = 5.0
QUESTION = "What is the order number?"


def rows() -> list[dict[str, Any]]:
    """One row."""
    with tempfile.TemporaryDirectory() as name:
        return [asyncio.run(asyncio.wait_for(_measure(Path(name)), DEADLINE_S))]


async def _measure(folder: Path) -> dict[str, Any]:
    first: list[float] = []
    again: list[float] = []
    async with started("host", str(folder / "host"), "--cached", "ocr") as host:
        url, key = host.hello["url"], host.hello["keys"][0]
        async with dial(f"{url}/v1/responses", key) as socket:
            for seed in range(PICTURES):
                picture = folder / f"{seed}.png"
                order_screen(picture, seed=seed)
                file_id = await upload(url, key, picture.read_bytes())
                first.append(await _whole_answer(socket, file_id, expected="miss"))
                again += [await _whole_answer(socket, file_id, expected="hit") for _ in range(AGAIN)]
    return row(
        "cached answer, the second time, p50",
        median(again),
        "ms",
        peer="the engine, the first time",
        peer_value=median(first),
        ratio=median(again) / median(first),
        budget=f"<= {LIMIT_MS:g} ms",
        met=median(again) <= LIMIT_MS,
    )


async def _whole_answer(socket: ClientConnection, file_id: str, *, expected: str) -> float:
    """Milliseconds from the question to its terminal event, which says where the answer came from."""
    content = [{"type": "input_image", "file_id": file_id}, {"type": "input_text", "text": QUESTION}]
    ends: list[tuple[dict[str, Any], float]] = []
    began = time.monotonic()
    await ask(
        socket,
        {"type": "response.create", "input": [{"role": "user", "content": content}]},
        lambda message, now: ends.append((message, now)),
    )
    event, ended = ends[-1]
    if event["response"]["metrics"]["cache"] != expected:
        raise RuntimeError(f"expected a {expected}: {event['response']['metrics']}")
    return 1e3 * (ended - began)


if __name__ == "__main__":
    print(*rows(), sep="\n")
