"""`bridge connect` and a phone that misbehaves for a while: it goes on, takes no memory, and answers afterwards.

`make test` takes a few of the worst; ROGUES=all takes the whole corpus, ROGUES=heic,burst these two.
"""

import asyncio
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from tests.support.command import Running, running
from tests.support.measured import watch_memory
from virtual_phone import ROGUES, VirtualPhone

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the memory"),
]

MORE_MIB = 64
AT_ONCE = 3
ROGUE_FOR_S = 1.5
PRESS_EVERY_S = 3.0
AGAIN_S = 45.0  # the longest deadline inside, and a busy machine
WORST = ("alarm_flood", "endless_file", "name_newline")
CONNECT = ("connect", "--json", "--no-page")


def chosen() -> Sequence[str]:
    """The rogues to be connected to."""
    asked = os.environ.get("ROGUES", "")
    return list(ROGUES) if asked == "all" else asked.split(",") if asked else WORST


async def test_connect_survives_a_rogue_and_answers_the_next_photo(
    fenced: Mapping[str, str], adb_server: PrivateAdbServer, photos: Path
) -> None:
    usual = await _connected("", fenced, adb_server, photos)
    turn = asyncio.Semaphore(AT_ONCE)
    problems: dict[str, str] = {}

    async def one(name: str) -> None:
        async with turn:
            try:
                peak = await _connected(name, fenced, adb_server, photos)
                assert peak <= usual + MORE_MIB, f"{peak:.0f} MiB, {usual:.0f} MiB is usual"
            except Exception as error:  # ruff: ignore[blind-except] - the others are to be met all the same
                problems[name] = "".join(traceback.format_exception(error))

    async with asyncio.TaskGroup() as group:
        for name in chosen():
            group.create_task(one(name))
    assert not problems, "\n".join(f"{name}: {problem}" for name, problem in problems.items())


async def _connected(rogue: str, env: Mapping[str, str], adb: PrivateAdbServer, photos: Path) -> float:
    """Connect, misbehave, take a photo that must be answered; the command's peak memory in MiB."""
    async with VirtualPhone(photos, capture_pause=0.02) as phone:
        await adb.connect(phone.address)
        async with running(*CONNECT, "-s", phone.address, env=env) as bridge, asyncio.TaskGroup() as group:
            peak = group.create_task(watch_memory(bridge.process.pid))
            await bridge.until(event="device", state="up")
            if rogue:
                with phone.behaving(rogue):
                    with suppress(OSError):  # no room on the phone
                        await phone.press_shutter()
                    await asyncio.sleep(ROGUE_FOR_S)  # what happens meanwhile differs: nothing, refusals, answers
            await _answered(bridge, phone)
            done = await bridge.end()
        await adb.call("disconnect", phone.address)
    assert done.code == 0, done
    assert "Traceback" not in done.err
    return peak.result()


async def _answered(bridge: Running, phone: VirtualPhone) -> None:
    """Press until one of the photos is answered: what a watch that starts anew finds there already is not sent."""
    names: set[str] = set()
    with suppress(TimeoutError):
        async with asyncio.timeout(AGAIN_S):
            while True:
                names.add((await phone.press_shutter()).rpartition("/")[2])
                with suppress(TimeoutError):
                    await bridge.until(event="answer", deadline=PRESS_EVERY_S)
                ours = {e["capture_id"] for e in bridge.events if e["event"] == "capture" and e["name"] in names}
                if any(e["event"] == "answer" and e["capture_id"] in ours for e in bridge.events):
                    return
    raise AssertionError(f"no answer; it said {bridge.events[-8:]}")
