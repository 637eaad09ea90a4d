"""The list of prompts as a file on the phone: whole or not at all, whoever reads it while it is written."""

import contextlib
import secrets
from dataclasses import dataclass
from typing import Final

from bridge.adb.transport import Transport
from bridge.errors import BridgeError, DeviceUnusable
from bridge.prompts.book import PromptBook

__all__ = ["FILE", "Pushed", "push"]

FOLDER: Final = "/data/local/tmp/lensbridge"
FILE: Final = f"{FOLDER}/prompts.json"
_DEADLINE_S: Final = 20.0


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
        moved = await transport.shell(["mv", "-f", part, FILE], deadline=_DEADLINE_S)
        there = await transport.stat(FILE, deadline=_DEADLINE_S)
    except BaseException:
        with contextlib.suppress(BridgeError):
            await transport.shell(["rm", "-f", part], deadline=_DEADLINE_S)
        raise
    # An old daemon tells no exit code; whether the file is the new one is seen by looking.
    if moved.exit_code not in {0, None} or there is None or there.size != len(data):
        said = (moved.stderr or moved.stdout).decode(errors="replace").strip()[:200]
        raise DeviceUnusable(
            f"{transport.serial}: the prompts could not be put in {FOLDER}" + (f": {said}" if said else ""),
            hint=f"is the phone's storage full? see `adb -s {transport.serial} shell df /data`",
        )
    return Pushed(FILE, len(data), len(book))
