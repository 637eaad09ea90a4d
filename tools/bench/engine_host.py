"""The model behind a whole host, measured by a client: event loop, an interactive question beside 200 in batch, cancel.

The model is the one of 245 million random weights. It speaks ASCII only, so that each token is a word on the wire.
"""

import asyncio
import io
import json
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
from PIL import Image
from websockets.asyncio.client import ClientConnection

from tools.bench.asking import DELTA, TERMINAL, ask, create, dial
from tools.bench.measure import median, percentile, row
from tools.bench.uploading import upload
from tools.bench.workers import ROOT, Worker, started

__all__ = ["rows"]

ENGINE: Final = "transformers_vlm"
SIDES: Final = (448, 336)
BATCH, PICTURES, ASKED, CANCELLED = 200, 20, 20, 10
TOKENS, LONG = 8, 400
PROBE_S: Final = 8.0
PACE_S, LOOK_S, SETTLE_S = 0.03, 0.1, 2.0
SAID: Final = 8
LOOP_MS, BESIDE, CANCEL_MS = 10.0, 2.0, 200.0
DEADLINE_S: Final = 420.0


def rows() -> list[dict[str, Any]]:
    """All rows of this part."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make_model(folder / "model")
        return asyncio.run(asyncio.wait_for(_measure(folder), DEADLINE_S))


def _make_model(folder: Path) -> None:
    words = [sys.executable, "-m", "tools.tiny_vlm", str(folder), "--family", "glm46v", "--size", "base"]
    subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    vocabulary: dict[str, int] = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    spoken = {number for text, number in vocabulary.items() if text.isascii() and text.isprintable()}
    path = folder / "generation_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    size = json.loads((folder / "config.json").read_text(encoding="utf-8"))["text_config"]["vocab_size"]
    config["suppress_tokens"] = sorted(set(range(size)) - spoken)
    path.write_text(json.dumps(config), encoding="utf-8")


async def _measure(folder: Path) -> list[dict[str, Any]]:
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(started("host", str(folder / "host"), f"{ENGINE}={folder / 'model'}"))
        url, keys = host.hello["url"], host.hello["keys"]
        batch_files = [await upload(url, keys[1], _picture(seed)) for seed in range(PICTURES)]
        files = [await upload(url, keys[0], _picture(PICTURES + seed)) for seed in range(2 * ASKED + CANCELLED + 1)]
        mine = await stack.enter_async_context(dial(f"{url}/v1/responses", keys[0]))
        await _one_by_one(mine, [files.pop()])
        idle_loop = await _lateness(host)
        cancels = [await _cancelled(mine, files.pop()) for _ in range(CANCELLED)]
        idle = await _one_by_one(mine, files[ASKED:])
        sockets = [await stack.enter_async_context(dial(f"{url}/v1/responses", keys[1])) for _ in range(BATCH)]
        async with asyncio.TaskGroup() as group:
            batch = [
                group.create_task(_in_batch(one, batch_files[n % PICTURES], n * PACE_S))
                for n, one in enumerate(sockets)
            ]
            await _until_full(url, keys[0])
            busy_loop, beside = await asyncio.gather(_lateness(host), _one_by_one(mine, files[:ASKED]))
            running = sum(not one.done() for one in batch)
            for one in batch:
                one.cancel()
    return [_loop_row(busy_loop, idle_loop), _beside_row(beside, idle, running), _cancel_row(cancels)]


def _picture(seed: int) -> bytes:
    noise = Random(seed).randbytes(3 * 56 * 42)  # ruff: ignore[suspicious-non-cryptographic-random-usage]
    out = io.BytesIO()
    Image.frombytes("RGB", (56, 42), noise).resize(SIDES).save(out, "PNG")
    return out.getvalue()


def _question(file_id: str, tokens: int, **more: Any) -> dict[str, Any]:
    question = create("What is the total?", model=ENGINE, max_output_tokens=tokens, **more)
    question["input"][0]["content"].insert(0, {"type": "input_image", "file_id": file_id})
    return question


async def _one_by_one(socket: ClientConnection, files: list[str]) -> list[float]:
    """Seconds to the first word of each."""
    return [await ask(socket, _question(file_id, TOKENS), _nothing) for file_id in files]


async def _in_batch(socket: ClientConnection, file_id: str, after_s: float) -> None:
    """One of the batch, handed in no faster than a key may."""
    await asyncio.sleep(after_s)
    await ask(socket, _question(file_id, LONG // 4, metadata={"class": "batch"}), _nothing)


async def _cancelled(socket: ClientConnection, file_id: str) -> float:
    """Seconds from the cancel to the terminal event."""
    said, sent = 0, 0.0
    await socket.send(json.dumps(_question(file_id, LONG)))
    async for text in socket:
        message = json.loads(text)
        said += message["type"] == DELTA
        if said == SAID and not sent:
            sent = time.monotonic()
            await socket.send(json.dumps({"type": "response.cancel", "response_id": message["response_id"]}))
        if message["type"] in TERMINAL:
            if message["response"]["status"] != "cancelled":
                raise RuntimeError(f"not cancelled: {message['response']['status']}")
            return time.monotonic() - sent
    raise RuntimeError("the socket was closed")


async def _until_full(url: str, key: str) -> None:
    """Wait until the model is busy with the batch and most of it waits."""
    async with httpx.AsyncClient(trust_env=False, headers={"authorization": f"Bearer {key}"}) as client:
        while (await client.get(f"{url}/health/ready")).json()["queue"]["waiting"] < BATCH // 2:  # ruff: ignore[async-busy-wait]  # another process
            await asyncio.sleep(LOOK_S)
    await asyncio.sleep(SETTLE_S)


async def _lateness(host: Worker) -> list[float]:
    return [1e3 * late for late in (await host.ask("probe", seconds=PROBE_S))["late"]]


def _nothing(_message: dict[str, Any], _now: float) -> None:
    """Only the time counts."""


def _loop_row(busy: list[float], idle: list[float]) -> dict[str, Any]:
    value, peer = percentile(busy, 0.99), percentile(idle, 0.99)
    return row(
        "event loop of the API late, p99, while the model is busy",
        value,
        "ms",
        peer="while it is idle",
        peer_value=peer,
        ratio=value / peer,
        budget=f"<= {LOOP_MS:g} ms",
        met=value <= LOOP_MS,
    )


def _beside_row(beside: list[float], idle: list[float], running: int) -> dict[str, Any]:
    value, peer = percentile(beside, 0.95), percentile(idle, 0.95)
    return row(
        f"first token of an interactive question, p95, {running} of {BATCH} in batch running or waiting",
        1e3 * value,
        "ms",
        peer="with nothing else asked",
        peer_value=1e3 * peer,
        ratio=value / peer,
        budget=f"<= {BESIDE:g}x",
        met=value <= BESIDE * peer,
    )


def _cancel_row(cancels: list[float]) -> dict[str, Any]:
    value = 1e3 * max(cancels)
    return row(
        f"cancel to the terminal event, worst of {CANCELLED} (median {1e3 * median(cancels):.0f} ms)",
        value,
        "ms",
        budget=f"<= {CANCEL_MS:g} ms",
        met=value <= CANCEL_MS,
    )


if __name__ == "__main__":
    print(*rows(), sep="\n")
