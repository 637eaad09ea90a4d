"""What a page that has stopped reading costs the other phones and the bridge, and how long it keeps its seat.

One bridge holds five phones. Four read an answer each, as in `streams`; the fifth has two pages: one reads its answer,
the other is what is measured. In every second round it reads too, which is the control; in the others it has stopped.
The fifth phone's pages are told so much that the kernel takes no more for one that does not read.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tools.bench.asking import DELTA, ask, create, dial, link_code_to_token
from tools.bench.measure import median, percentile, row
from tools.bench.workers import Worker, started

__all__ = ["rows"]

PHONES, RATE, SECONDS, ROUNDS = 5, 30, 2, 7
SEATS, TALK_BYTES = 5, 20_000
P99_SHARE, MEMORY_MB, SEAT_S = 1.2, 1.0, 15.0
DEADLINE_S = 240.0
_LOOK_S = 0.05


@dataclass(slots=True)
class _Seen:
    """What came of one kind of round, an entry each."""

    p99: list[float] = field(default_factory=list)
    grown: list[float] = field(default_factory=list)


def rows() -> list[dict[str, Any]]:
    """All rows of this part."""
    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(asyncio.wait_for(_measure(Path(name)), DEADLINE_S))


async def _measure(folder: Path) -> list[dict[str, Any]]:
    frozen, control = _Seen(), _Seen()
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(started("host", str(folder / "host"), f"clock={RATE}"))
        words = (str(folder), host.hello["url"], host.hello["keys"][0], str(PHONES))
        bridge = await stack.enter_async_context(started("fronts", *words))
        readers = [await stack.enter_async_context(_page(bridge, phone)) for phone in range(PHONES)]
        for number in range(ROUNDS + 1):
            for seen, stops in ((control, False), (frozen, True)):
                await _round(bridge, readers, seen if number else _Seen(), stops=stops)  # the first one warms up
        seats = await _seats(bridge)
    return [*_rows(frozen, control), _seat_row(seats)]


def _rows(frozen: _Seen, control: _Seen) -> list[dict[str, Any]]:
    share = median([one / other for one, other in zip(frozen.p99, control.p99, strict=True)])
    more = median([one - other for one, other in zip(frozen.grown, control.grown, strict=True)])
    return [
        row(
            "frozen page: age of a token at the other phones, p99",
            median(frozen.p99),
            "ms",
            peer="the same page reading",
            peer_value=median(control.p99),
            ratio=share,
            budget=f"<= {P99_SHARE:g}x it, round by round",
            met=share <= P99_SHARE,
        ),
        row(
            "frozen page: the bridge's memory grows by",
            median(frozen.grown),
            "MB",
            peer="the same page reading",
            peer_value=median(control.grown),
            budget=f"<= {MEMORY_MB:g} MB more than that",
            met=more <= MEMORY_MB,
        ),
    ]


def _seat_row(seats: list[float]) -> dict[str, Any]:
    return row(
        "frozen page: its seat is free again after, longest",
        max(seats),
        "s",
        peer=f"shortest of {len(seats)}",
        peer_value=min(seats),
        budget=f"<= {SEAT_S:g} s",
        met=max(seats) <= SEAT_S,
    )


async def _round(bridge: Worker, readers: list[ClientConnection], seen: _Seen, *, stops: bool) -> None:
    """All phones read an answer once, with a page more on the last."""
    ages: list[float] = []
    sizes = [_rss_mb(bridge)]

    def hear(message: dict[str, Any], now: float) -> None:
        if message["type"] == DELTA:
            ages.extend(1e3 * (now - float(word)) for word in message["delta"].split())

    async with _page(bridge, PHONES - 1) as page, asyncio.TaskGroup() as beside:
        beside_it = [beside.create_task(_watch(bridge, sizes))]
        if stops:
            page.transport.pause_reading()
        else:
            beside_it.append(beside.create_task(_read(page)))
        async with asyncio.TaskGroup() as group:
            group.create_task(bridge.ask("talk", phone=PHONES - 1, seconds=SECONDS - 0.5, size=TALK_BYTES))
            group.create_task(ask(readers[-1], _question(), lambda _message, _now: None))
            for reader in readers[:-1]:
                group.create_task(ask(reader, _question(), hear))
        for task in beside_it:
            task.cancel()
        page.transport.abort()
    seen.p99.append(percentile(ages, 0.99))
    seen.grown.append(max(sizes) - sizes[0])


async def _seats(bridge: Worker) -> list[float]:
    """How long the bridge keeps pages that stop: half of them have much to take, the others nothing."""
    phones = [number % 2 and PHONES - 1 for number in range(SEATS)]
    async with AsyncExitStack() as stack:
        before = [(await bridge.ask("pages", phone=phone))["pages"] for phone in (0, PHONES - 1)]
        pages = [await stack.enter_async_context(_page(bridge, phone)) for phone in phones]
        for page in pages:
            page.transport.pause_reading()
        began, freed = time.monotonic(), list[float]()
        async with asyncio.TaskGroup() as group:
            group.create_task(bridge.ask("talk", phone=PHONES - 1, seconds=SECONDS, size=TALK_BYTES))
            while len(freed) < SEATS and time.monotonic() - began < 2 * SEAT_S:
                await asyncio.sleep(_LOOK_S)
                now = [(await bridge.ask("pages", phone=phone))["pages"] for phone in (0, PHONES - 1)]
                free = SEATS - (sum(now) - sum(before))
                freed += [time.monotonic() - began] * (free - len(freed))
        for page in pages:
            page.transport.abort()
    return [*freed, *[2 * SEAT_S] * (SEATS - len(freed))]


@asynccontextmanager
async def _page(bridge: Worker, phone: int) -> AsyncGenerator[ClientConnection]:
    """A page of this phone that has been greeted."""
    url = bridge.hello["urls"][phone]
    token = await link_code_to_token(url, (await bridge.ask("code", phone=phone))["code"])
    async with dial(f"{url}/v1/responses", token, origin=url) as socket:
        await socket.recv()
        yield socket


async def _read(page: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        async for _ in page:
            pass


async def _watch(bridge: Worker, sizes: list[float]) -> None:
    while True:
        sizes.append(_rss_mb(bridge))
        await asyncio.sleep(_LOOK_S)


def _rss_mb(bridge: Worker) -> float:
    """What the process holds in memory, in MB."""
    pages = int(Path(f"/proc/{bridge.process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _question() -> dict[str, Any]:
    return create("word " * (RATE * SECONDS), model="clock")


if __name__ == "__main__":
    print(*rows(), sep="\n")
