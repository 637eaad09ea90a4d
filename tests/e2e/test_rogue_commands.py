"""The real command and rogue phones: nothing is written elsewhere, memory stays, each ends in time with a next step.

`make test` takes a few of the worst; ROGUES=all takes the whole corpus.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.support.adb_server import PrivateAdbServer
from tests.support.measured import Measured, measured
from tests.support.trespass import Grounds
from virtual_phone import ROGUES, VirtualPhone

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells the memory"),
]

MORE_MIB = 64
TIMEOUT_S = 6.0
GRACE_S = 6.0  # to start Python and to end, on a busy machine
AT_ONCE = 3
DOCUMENTED = {0, 2, 4, 7, 9, 124}
ASK = ("ask", "What is it?", "--source", "newest", "--json", "--timeout", str(TIMEOUT_S))
SHOOT = ("capture", "--timeout", str(TIMEOUT_S))
SCREEN = ("capture", "--source", "screen", "--timeout", str(TIMEOUT_S))
WORST = {
    ASK: ("endless_file", "big_chunk", "endless_listing", "name_slashes", "name_newline"),
    SHOOT: ("alarm_flood",),
    SCREEN: ("endless_screen", "endless_shell"),
}
SCREENS = ("two_displays", "warning_before_png", "black_screen", "cut_screen", "no_screen", "empty_screen")


def chosen(words: tuple[str, ...]) -> Sequence[str]:
    """The rogues to meet with this command."""
    if os.environ.get("ROGUES") != "all":
        return WORST[words]
    shells = [name for name in ROGUES if "shell" in name or "open" in name or "screen" in name or "hanging" in name]
    return [*SCREENS, *shells] if words == SCREEN else [name for name in ROGUES if "screen" not in name]


@pytest.mark.parametrize("words", [ASK, SHOOT, SCREEN], ids=["ask", "capture", "screen"])
async def test_a_command_ends_in_time_with_a_next_step_and_takes_no_memory(
    fenced: Mapping[str, str], adb_server: PrivateAdbServer, photos: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    usual = await _run(words, "", fenced, adb_server, photos, tmp_path)
    assert usual.code == 0, usual
    turn = asyncio.Semaphore(AT_ONCE)
    problems: dict[str, str] = {}

    async def one(name: str) -> None:
        async with turn:
            done = await _run(words, name, fenced, adb_server, photos, tmp_path)
        if problem := _wrong(done, usual):
            problems[name] = problem

    async with asyncio.TaskGroup() as group:
        for name in chosen(words):
            group.create_task(one(name))
    assert not problems, "\n".join(f"{name}: {problem}" for name, problem in problems.items())


def _wrong(done: Measured, usual: Measured) -> str:
    """What is not as it should be, empty when all is."""
    if done.code not in DOCUMENTED:
        return f"exit code {done.code}: {done.err}"
    if done.code and not done.hint:
        return f"no hint: {done.err}"
    if "Traceback" in done.err or "\x1b" in done.out + done.err:
        return f"not for people: {done.err}"
    if done.peak_mib > usual.peak_mib + MORE_MIB:
        return f"{done.peak_mib:.0f} MiB, {usual.peak_mib:.0f} MiB is usual"
    return f"took {done.took_s:.1f} s" if done.took_s > TIMEOUT_S + GRACE_S else ""


async def _run(
    words: tuple[str, ...], rogue: str, env: Mapping[str, str], adb: PrivateAdbServer, photos: Path, folder: Path
) -> Measured:
    async with _phone(adb, photos, rogue) as phone:
        more = ["-o", str(_out(folder, rogue))] if words[0] == "capture" else []
        here = folder / "grounds/here"
        return await measured(*words, "-s", phone.address, *more, env=env, cwd=here, deadline=TIMEOUT_S + GRACE_S * 2)


def _out(folder: Path, rogue: str) -> Path:
    """Where a capture may be written."""
    return Grounds(folder / "grounds").allowed / f"{rogue}.jpg"


@asynccontextmanager
async def _phone(adb: PrivateAdbServer, photos: Path, rogue: str) -> AsyncGenerator[VirtualPhone]:
    """A phone with one picture, taken while it misbehaves already."""
    async with VirtualPhone(photos, capture_pause=0.02, sandbox="none") as phone:
        with phone.behaving(*([rogue] if rogue else [])):
            with suppress(OSError):  # no room on the phone
                await phone.press_shutter()
            await adb.connect(phone.address)
            try:
                yield phone
            finally:
                await adb.call("disconnect", phone.address)
