"""Bring the prompts to several phones at once, and tell what became of each."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from bridge.cli.output import Output, counted
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.adb.devices import DeviceLine
    from bridge.prompts import PromptBook

__all__ = ["Ends", "push_all", "report", "tell_page"]

TELL_S = 5.0

Ends: TypeAlias = dict[str, dict[str, Any] | BridgeError]


async def push_all(
    seconds: float, book: "PromptBook", folder: Path, serials: Sequence[str], *, usb: bool, tcp: bool, everything: bool
) -> "Ends":
    """What became of each phone; one that fails does not keep the others from theirs."""
    import asyncio

    from bridge.adb.choose import chosen_devices

    done: Ends = {}

    async def one(line: "DeviceLine") -> None:
        try:
            done[line.serial] = await _push(book, folder, line)
        except BridgeError as error:
            done[line.serial] = error

    async with asyncio.timeout(seconds):
        lines = await chosen_devices(serials, usb=usb, tcp=tcp, everything=everything)
        async with asyncio.TaskGroup() as group:
            for line in lines:
                group.create_task(one(line))
    return done


async def _push(book: "PromptBook", folder: Path, line: "DeviceLine") -> dict[str, Any]:
    import asyncio
    import os

    from bridge.adb.open import open_transport
    from bridge.adb.server import server_address
    from bridge.prompts.push import push as to_phone

    transport = await open_transport(server_address(os.environ), line)
    try:
        pushed = await to_phone(transport, book)
    finally:
        await transport.close()
    page = await asyncio.to_thread(tell_page, book, folder, line.serial)
    return {"path": pushed.path, "bytes": pushed.size, "prompts": pushed.prompts, "page": page}


def tell_page(book: "PromptBook", folder: Path, serial: str) -> bool:
    """Say it to a `bridge connect` that holds this phone; whether a page shows the list now."""
    import httpx

    from bridge.supervise.lease import holder

    info = holder(folder, serial)
    if info is None or not info.front_url:
        return False
    headers = {"authorization": f"Bearer {info.control_token}", "content-type": "application/json"}
    try:
        with httpx.Client(trust_env=False, timeout=TELL_S) as client:
            answer = client.put(f"{info.front_url}/prompts", content=book.encoded(), headers=headers)
            return answer.is_success and answer.json().get("pages", 0) > 0
    except (httpx.HTTPError, ValueError):
        return False


def report(done: "Ends", output: Output) -> int:
    """Tell each phone's end; the exit code is that of the first that failed. What fails on the only phone is raised."""
    failed = [error for error in done.values() if isinstance(error, BridgeError)]
    if len(done) == 1 and failed:
        raise failed[0]
    for serial, end in done.items():
        if isinstance(end, BridgeError):
            output.say(f"{serial}: {end.message}", detail=end.hint)
        else:
            shown = "shown on its page" if end["page"] else "no page is connected; `bridge connect` brings them too"
            output.say(f"{serial}: {counted(end['prompts'], 'prompt')} in {end['path']}", detail=shown)
    if output.as_json:
        output.json({"phones": [{"serial": serial, **_told(end)} for serial, end in done.items()]})
    return failed[0].exit_code if failed else 0


def _told(end: "dict[str, Any] | BridgeError") -> dict[str, Any]:
    if isinstance(end, BridgeError):
        return {"ok": False, "message": end.message, "hint": end.hint, "exit_code": end.exit_code}
    return {"ok": True, **end}
