"""The list of prompts as a file on the phone: whole or not at all, whoever reads it while it is written."""

import contextlib
import re
import secrets
from dataclasses import dataclass
from shlex import quote
from typing import Final

from bridge.adb.transport import Transport
from bridge.errors import BridgeError, DeviceUnusable
from bridge.prompts.book import PromptBook

__all__ = ["FILE", "Pushed", "push"]

FOLDER: Final = "/data/local/tmp/lensbridge"
FILE: Final = f"{FOLDER}/prompts.json"
_DEADLINE_S: Final = 20.0
_PART: Final = re.compile(rb"\.prompts-[0-9a-f]{8}\.part")
_STALE_S: Final = 600
"""Longer than all deadlines of a push together: whoever wrote this part is gone."""
_MOST_SWEPT: Final = 50


@dataclass(frozen=True, slots=True)
class Pushed:
    """What is on the phone now."""

    path: str
    size: int
    prompts: int


async def push(transport: Transport, book: PromptBook) -> Pushed:
    """Write the file beside its place and rename it. Raises `DeviceUnusable`, `DeviceLost` or `DeadlinePassed`."""
    data = book.encoded()
    part = f"{FOLDER}/.prompts-{secrets.token_hex(4)}.part"
    await transport.shell(["mkdir", "-p", FOLDER], deadline=_DEADLINE_S)
    try:
        await transport.push(data, part, deadline=_DEADLINE_S)
        written = await _check_size(transport, part, len(data))
        await transport.shell(["mv", "-f", part, FILE], deadline=_DEADLINE_S)
        await _check_size(transport, FILE, len(data))
    except BaseException:
        with contextlib.suppress(BridgeError):
            await transport.shell(["rm", "-f", part], deadline=_DEADLINE_S)
        raise
    with contextlib.suppress(BridgeError):  # the list is there
        await _sweep(transport, written)
    return Pushed(FILE, len(data), len(book))


async def _sweep(transport: Transport, now: int) -> None:
    """Remove what a push left that was killed; `now` is by the clock that dated those files too."""
    entries = await transport.list(FOLDER, deadline=_DEADLINE_S)
    stale = [e.name.decode() for e in entries if _PART.fullmatch(e.name) and e.stat.mtime < now - _STALE_S]
    if stale:
        paths = [f"{FOLDER}/{name}" for name in sorted(stale)[:_MOST_SWEPT]]
        await transport.shell(["rm", "-f", *paths], deadline=_DEADLINE_S)


async def _check_size(transport: Transport, path: str, size: int) -> int:
    """An old daemon tells neither a full disk nor an exit code: what is there is seen by looking. Gives its mtime."""
    there = await transport.stat(path, deadline=_DEADLINE_S)
    if there is None or there.size != size:
        raise DeviceUnusable(
            f"{transport.serial}: the prompts could not be put in {FOLDER}",
            hint=f"is the phone's storage full? see `adb -s {quote(transport.serial)} shell df /data`",
        )
    return there.mtime
