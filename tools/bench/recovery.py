"""How soon a phone is answered again after what cables, phones and adb servers do, with nothing done by hand.

The clock of a replug and a reboot starts when the adb server calls the phone `device` again: a shutter is pressed at
that moment, and the answer about that photo ends the clock. A killed adb server is counted from the kill.
"""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tools.bench.chains import Chain, Chains, chains
from tools.bench.measure import median, row

__all__ = ["rows"]

ROUNDS, PHONES, PHONES_ROUNDS = 5, 32, 5
BACK_S, ADB_S = 5.0, 9.0
DOWN_S = 0.5
DEADLINE_S = 240.0


def rows() -> list[dict[str, Any]]:
    """All rows of this part."""
    with tempfile.TemporaryDirectory() as name:
        photos = Path(name) / "photos"
        photos.mkdir()
        Image.new("RGB", (640, 480), "white").save(photos / "a.jpg")
        return asyncio.run(asyncio.wait_for(_measure(Path(name), photos), DEADLINE_S))


async def _measure(folder: Path, photos: Path) -> list[dict[str, Any]]:
    (folder / "one").mkdir()
    async with chains(folder / "one", photos, 1) as one:
        (chain,) = one.each
        replugged = [await _again(one, chain, lambda: one.phones.ask("replug", numbers=[0])) for _ in range(ROUNDS)]
        rebooted = [
            await _again(one, chain, lambda: one.phones.ask("reboot", phone=0, down=DOWN_S)) for _ in range(ROUNDS)
        ]
        killed = [await _adb_killed(one, chain) for _ in range(ROUNDS)]
    (folder / "many").mkdir()
    async with chains(folder / "many", photos, PHONES) as many:
        slowest = [max(await _all_again(many)) for _ in range(PHONES_ROUNDS)]
    return [
        _row("replug: state `device` ► answered", replugged, BACK_S),
        _row("reboot: state `device` ► answered", rebooted, BACK_S),
        _row("adb server killed ► answered, in all", killed, ADB_S),
        _row(f"{PHONES} phones replugged at once, the slowest", slowest, BACK_S),
    ]


def _row(name: str, times: list[float], limit: float) -> dict[str, Any]:
    return row(
        name,
        median(times),
        "s",
        peer=f"slowest of {len(times)}",
        peer_value=max(times),
        budget=f"<= {limit:g} s",
        met=max(times) <= limit,
    )


async def _again(all_of_it: Chains, chain: Chain, fault: Callable[[], Awaitable[Any]]) -> float:
    """From the phone's state `device` after the fault to an answer about a photo taken then."""
    times = len(chain.came)
    async with asyncio.TaskGroup() as group:
        group.create_task(_done(fault))
        back = await chain.device_again(times)
        answered = await _answered(all_of_it, chain)
    await chain.is_up()
    return answered - back


async def _all_again(all_of_it: Chains) -> list[float]:
    """The same for all phones at once, each on its own clock."""
    times = [len(chain.came) for chain in all_of_it.each]

    async def one(chain: Chain) -> float:
        back = await chain.device_again(times[chain.number])
        return await _answered(all_of_it, chain) - back

    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(one(chain)) for chain in all_of_it.each]
        await all_of_it.phones.ask("replug", numbers=[chain.number for chain in all_of_it.each])
    for chain in all_of_it.each:
        await chain.is_up()
    return [task.result() for task in waiting]


async def _adb_killed(all_of_it: Chains, chain: Chain) -> float:
    times, began = len(chain.came), time.monotonic()
    await asyncio.to_thread(all_of_it.kill_adb)
    await chain.device_again(times)
    answered = await _answered(all_of_it, chain)
    await chain.is_up()
    return answered - began


async def _answered(all_of_it: Chains, chain: Chain) -> float:
    pressed = await all_of_it.phones.ask("press", phone=chain.number)
    return await chain.answered(pressed["path"])


async def _done(fault: Callable[[], Awaitable[Any]]) -> None:
    await fault()


if __name__ == "__main__":
    print(*rows(), sep="\n")
