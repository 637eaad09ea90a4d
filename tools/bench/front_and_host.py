"""Through the front and the host, as a page asks: the first word, the end after a cancel, the host's loop under load.

Four processes: this one plays the page; the front with session core and host client; the host; and the control, a bare
`websockets` server that sends the very same messages. They are asked in turn, so that the machine's mood hits both.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection

from bridge.virtual.screens import order_screen
from tools.bench.asking import DELTA, ask, create, dial, link_code_to_token
from tools.bench.measure import beyond, median, percentile, row
from tools.bench.uploading import upload
from tools.bench.workers import Worker, started

__all__ = ["rows"]

DEADLINE_S = 120.0
ROUNDS, QUESTIONS = 7, 60
QUESTION = "What is the order number on this screen, and when does it arrive?"
FIRST_P50_MS, FIRST_P99_MS = 5.0, 15.0
CANCELS, CANCEL_MS, CANCEL_STEPS, RATE = 15, 200.0, 2, 30
BUSY_ROUNDS, BUSY_S, LOOP_P99_MS = 5, 1.5, 10.0


def rows() -> list[dict[str, Any]]:
    """All rows of this part."""
    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(asyncio.wait_for(_measure(Path(name)), DEADLINE_S))


async def _measure(folder: Path) -> list[dict[str, Any]]:
    async with started("host", str(folder / "host"), "echo", f"clock={RATE}", "ocr") as host:
        async with started("front", str(folder), host.hello["url"], host.hello["keys"][0]) as front:
            found = [*await _first_word(front), *await _cancel(front)]
        return [*found, await _loop_delay(host, folder)]


@asynccontextmanager
async def _page(front: Worker) -> AsyncGenerator[ClientConnection]:
    """A linked page."""
    url = front.hello["url"]
    token = await link_code_to_token(url, (await front.ask("code"))["code"])
    async with dial(f"{url}/v1/responses", token, origin=url) as socket:
        await socket.send(json.dumps({"type": "bridge:hello", "protocol": 1, "resume": []}))
        while json.loads(await socket.recv())["type"] != "bridge:session.ready":
            pass
        yield socket


async def _first_word(front: Worker) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    question = create(QUESTION, model="echo")
    async with started("bare") as control, _page(front) as page, dial(control.hello["url"]) as bare:
        await ask(page, question, lambda message, _now: messages.append(message))
        await control.ask("use", events=messages, rate=0)
        p50: list[list[float]] = []
        p99: list[list[float]] = []
        for _ in range(ROUNDS):
            pairs = [[1e3 * await ask(one, question, _ignore) for one in (page, bare)] for _ in range(QUESTIONS)]
            p50.append([percentile(side, 0.5) for side in zip(*pairs, strict=True)])
            p99.append([percentile(side, 0.99) for side in zip(*pairs, strict=True)])
    name = "question ► first token, front and host,"
    return [
        beyond(f"{name} p50", *zip(*p50, strict=True), limit=FIRST_P50_MS),
        beyond(f"{name} p99", *zip(*p99, strict=True), limit=FIRST_P99_MS),
    ]


async def _cancel(front: Worker) -> list[dict[str, Any]]:
    """Through the front to the engine and back; the engine's words are the times they were said at."""
    took: list[float] = []
    steps: list[int] = []
    async with _page(front) as page:
        for number in range(CANCELS):
            sent, ended, text = await _one_cancel(page, wait_for=2 + number % 3)
            took.append(1e3 * (ended - sent))
            steps.append(sum(float(word) > sent for word in text.split()))
    return [
        row(
            "cancel ► terminal event on the page, slowest",
            max(took),
            "ms",
            peer="p50",
            peer_value=median(took),
            budget=f"<= {CANCEL_MS:g} ms",
            met=max(took) <= CANCEL_MS,
        ),
        row(
            "cancel ► engine stopped, most words said after it",
            max(steps),
            "steps",
            peer="p50",
            peer_value=median(steps),
            budget=f"<= {CANCEL_STEPS} steps",
            met=max(steps) <= CANCEL_STEPS,
        ),
    ]


async def _one_cancel(page: ClientConnection, *, wait_for: int) -> tuple[float, float, str]:
    """When it was sent, when the terminal event came, and the whole text."""
    sent, ended, said, text = 0.0, 0.0, 0, ""

    async def say(response_id: str) -> None:
        await page.send(json.dumps({"type": "response.cancel", "response_id": response_id}))

    def hear(message: dict[str, Any], now: float) -> None:
        nonlocal sent, ended, said, text
        ended = now
        if message["type"] == DELTA:
            text += message["delta"]
            said += 1
            if said == wait_for:
                sent = now
                group.create_task(say(message["response_id"]))

    async with asyncio.TaskGroup() as group:
        await ask(page, create("word " * 200, model="clock"), hear)
    return sent, ended, text


async def _loop_delay(host: Worker, folder: Path) -> dict[str, Any]:
    """How late a timer of the API's loop is while the OCR engine reads one page after the other, and while it rests."""
    picture = folder / "order.png"
    order_screen(picture, seed=1)
    file_id = await upload(host.hello["url"], host.hello["keys"][0], picture.read_bytes())
    content = [{"type": "input_image", "file_id": file_id}, {"type": "input_text", "text": "What is the order number?"}]
    question = {"type": "response.create", "model": "ocr", "input": [{"role": "user", "content": content}]}
    busy: list[float] = []
    idle: list[float] = []
    url, key = f"{host.hello['url']}/v1/responses", host.hello["keys"][0]
    async with dial(url, key) as one, dial(url, key) as two:
        for _ in range(BUSY_ROUNDS):
            idle.append(await _late(host))
            enough = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for socket in (one, two):
                    group.create_task(_until(enough, socket, question))
                busy.append(await _late(host))
                enough.set()
    return row(
        "API event-loop delay while OCR reads, p99",
        median(busy),
        "ms",
        peer="at rest",
        peer_value=median(idle),
        ratio=median(busy) / median(idle),
        budget=f"<= {LOOP_P99_MS:g} ms",
        met=median(busy) <= LOOP_P99_MS,
    )


async def _late(host: Worker) -> float:
    return 1e3 * percentile((await host.ask("probe", seconds=BUSY_S))["late"], 0.99)


async def _until(enough: asyncio.Event, socket: ClientConnection, question: dict[str, Any]) -> None:
    while not enough.is_set():
        await ask(socket, question, _ignore)


def _ignore(_message: dict[str, Any], _now: float) -> None:
    pass


if __name__ == "__main__":
    print(*rows(), sep="\n")
