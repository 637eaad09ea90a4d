"""Many answers at once through the host: how old a word is when its client has it, and what that costs the host.

Each word is the time at which the engine said it (`clock` of `host`), so its age needs no guessing. The control is a
bare `websockets` server that sends the same messages at the same rate to as many sockets. Both are driven in turn by
the same client. As in an engine that batches, each step gives every stream a word: all 64 are due at one moment.
"""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection

from tools.bench.asking import DELTA, ask, create, dial
from tools.bench.measure import beyond, median, percentile, row
from tools.bench.workers import Worker, started

__all__ = ["rows"]

STREAMS, RATE, ROUNDS, SECONDS = 64, 30, 9, 2
EDGE_S = 0.3
P50_MS, P99_MS, CPU = 3.0, 15.0, 0.15
DEADLINE_S = 120.0


@dataclass(slots=True)
class _Seen:
    """What came of one server, a list entry a round."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def rows() -> list[dict[str, Any]]:
    """All rows of this part."""
    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(asyncio.wait_for(_measure(Path(name)), DEADLINE_S))


async def _measure(folder: Path) -> list[dict[str, Any]]:
    ours, theirs = _Seen(), _Seen()
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(started("host", str(folder / "host"), f"clock={RATE}"))
        control = await stack.enter_async_context(started("bare"))
        url, keys = f"{host.hello['url']}/v1/responses", host.hello["keys"]
        mine = [await stack.enter_async_context(dial(url, keys[n % len(keys)])) for n in range(STREAMS)]
        bare = [await stack.enter_async_context(dial(control.hello["url"])) for _ in range(STREAMS)]
        await control.ask("use", events=await _example(mine[0]), rate=RATE)
        for number in range(ROUNDS + 1):
            for worker, sockets, seen in ((host, mine, ours), (control, bare, theirs)):
                await _round(worker, sockets, seen if number else _Seen())  # the first one warms up
    name = f"{STREAMS} streams x {RATE} tokens/s: age of a token,"
    return [
        beyond(f"{name} p50", ours.p50, theirs.p50, limit=P50_MS),
        beyond(f"{name} p99", ours.p99, theirs.p99, limit=P99_MS),
        _cpu(ours, theirs),
    ]


async def _example(socket: ClientConnection) -> list[dict[str, Any]]:
    """The messages of one answer, for the control."""
    messages: list[dict[str, Any]] = []
    await ask(socket, _question(), lambda message, _now: messages.append(message))
    return messages


def _question() -> dict[str, Any]:
    return create("word " * (RATE * SECONDS), model="clock")


async def _round(worker: Worker, sockets: list[ClientConnection], seen: _Seen) -> None:
    """All streams once."""
    ages: list[float] = []

    def hear(message: dict[str, Any], now: float) -> None:
        if message["type"] == DELTA:
            ages.extend(1e3 * (now - float(word)) for word in message["delta"].split())

    async with asyncio.TaskGroup() as group:
        for socket in sockets:
            group.create_task(ask(socket, _question(), hear))
        await asyncio.sleep(EDGE_S)  # taking the questions in is not streaming
        began, cpu = time.monotonic(), worker.cpu_s
        await asyncio.sleep(SECONDS - 2 * EDGE_S)
        seen.cpu.append((worker.cpu_s - cpu) / (time.monotonic() - began))
    seen.p50.append(percentile(ages, 0.5))
    seen.p99.append(percentile(ages, 0.99))


def _cpu(ours: _Seen, theirs: _Seen) -> dict[str, Any]:
    mine, peer = 100 * median(ours.cpu), 100 * median(theirs.cpu)
    return row(
        f"{STREAMS} streams x {RATE} tokens/s: the host's processor time",
        mine,
        "% core",
        peer="bare websockets",
        peer_value=peer,
        ratio=mine / peer,
        budget=f"<= {100 * CPU:g} % of a core",
        met=mine <= 100 * CPU,
    )


if __name__ == "__main__":
    print(*rows(), sep="\n")
