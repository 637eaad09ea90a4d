"""One usable phone, looked at from all sides at once over one transport."""

import asyncio
import json
import time
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bridge.adb.devices import DeviceLine
from bridge.adb.faults import NoReverse
from bridge.adb.open import open_transport
from bridge.adb.server import AdbAddress
from bridge.adb.transport import Transport
from bridge.doctor.browser import judge_browser, look_at_browser
from bridge.doctor.clock import ask_phone, judge_skew
from bridge.doctor.connections import judge_connection
from bridge.doctor.daemon import judge_features
from bridge.doctor.finding import PHONE_CODE, Finding, bounded, failed, passed, warned
from bridge.doctor.phones import area_of
from bridge.doctor.reverse import judge_port, judge_reverse, probe_reverse
from bridge.doctor.storage import judge_phone
from bridge.errors import DeadlinePassed
from bridge.supervise.lease import holder
from bridge.supervise.survey import held_phone
from bridge.supervise.tunnels import TunnelBook
from device_scripts.files import script

__all__ = ["examine_phone", "parse_probe"]

PROBE_S = 4.0
CLOSING_S = 1.0
HINT = "is the phone awake and its cable firm? replug it; `adb reconnect` often helps"


async def examine_phone(
    address: AdbAddress, line: DeviceLine, *, state_dir: Path, port: int, seconds: float
) -> list[Finding]:
    """Everything about one phone that adb lists as ready, within about `seconds`. The phone is left as it was."""
    area, until = area_of(line), time.monotonic() + seconds

    async def bounded_by_all(check: str, work: Awaitable[Sequence[Finding]], more: float = 0.0) -> Sequence[Finding]:
        left = max(0.0, until - time.monotonic()) + more
        return await bounded(area, check, work, seconds=left, exit_code=PHONE_CODE, hint=HINT)

    async def looked() -> Sequence[Finding]:
        transport = await open_transport(address, line)
        try:
            answers = await bounded_by_all("answers", _told(area, transport))
            found = [*answers, judge_features(area, transport.features)]
            if any(finding.status == "FAIL" for finding in answers):
                return found  # the other questions would only wait as long
            checks: list[tuple[str, Awaitable[Sequence[Finding]]]] = [
                ("reverse", _reverse(area, transport)),
                ("port", _port(area, transport, state_dir=state_dir, port=port)),
                ("browser", _browser(area, transport, port)),
                ("clock", _clock(area, transport)),
            ]
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(bounded_by_all(name, work)) for name, work in checks]
            return [*found, *(finding for task in tasks for finding in task.result())]
        finally:
            await transport.close()

    async with asyncio.TaskGroup() as group:
        looking = group.create_task(bounded_by_all("answers", looked(), CLOSING_S))
        connection = group.create_task(bounded_by_all("connection", _connection(area, line.serial, state_dir)))
    return [*looking.result(), *connection.result()]


async def _told(area: str, transport: Transport) -> Sequence[Finding]:
    """What the phone says about itself, by a script of ours that leaves nothing behind."""
    text = script("probe.sh").decode()
    try:
        result = await transport.shell(["sh", "-c", text], deadline=PROBE_S)
    except DeadlinePassed:
        silent = f"adb lists it as ready, and it answers nothing within {PROBE_S:g} s"
        return [failed(area, "answers", silent, hint=HINT, exit_code=PHONE_CODE)]
    told = parse_probe(result.stdout)
    if told is None:
        words = " ".join((result.stdout + result.stderr).decode(errors="replace").split())[:120]
        hint = "does `adb shell echo hello` work? a phone that is just starting needs a minute"
        return [failed(area, "answers", f"its shell says something odd: {words!r}", hint=hint, exit_code=PHONE_CODE)]
    name = f"{told.get('manufacturer', '')} {told.get('model', '')}".strip() or "a phone"
    about = f"{name}, Android {told.get('release') or '?'} (API {told.get('sdk') or '?'})"
    free = told.get("storage_free_kb")
    found = [passed(area, "answers", about, **told)]
    if told.get("boot_completed") is not True:
        found = [warned(area, "answers", f"{about}, still starting", hint="wait until its home screen shows", **told)]
    if told.get("inotifyd") is not True:
        hint = "nothing to do: the camera folder is listed every second"
        found.append(warned(area, "inotifyd", "new photos are noticed up to a second late", hint=hint))
    return [*found, judge_phone(area, free * 1024 if isinstance(free, int) else None)]


def parse_probe(text: bytes) -> dict[str, Any] | None:
    """The one JSON object that the script prints; None for anything else."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


async def _reverse(area: str, transport: Transport) -> Sequence[Finding]:
    return [judge_reverse(area, await probe_reverse(transport))]


async def _port(area: str, transport: Transport, *, state_dir: Path, port: int) -> Sequence[Finding]:
    try:
        entries = await transport.reverse_list(deadline=PROBE_S)
    except NoReverse:
        return []  # there is no page, so nobody needs the port
    info = holder(state_dir, transport.serial)
    ours = [f"tcp:{info.front_url.rpartition(':')[2]}"] if info is not None and info.front_url else []
    book = TunnelBook(state_dir)
    ours += [entry.local for entry in entries if book.is_ours(transport.serial, entry.remote, entry.local)]
    held = f"`bridge {info.purpose}`, process {info.pid}" if info is not None else ""
    return [judge_port(area, port, entries, ours=ours, held=held)]


async def _browser(area: str, transport: Transport, port: int) -> Sequence[Finding]:
    return judge_browser(area, await look_at_browser(transport, f"http://localhost:{port}/"))


async def _clock(area: str, transport: Transport) -> Sequence[Finding]:
    return judge_skew(area, "phone", await ask_phone(transport))


async def _connection(area: str, serial: str, state_dir: Path) -> Sequence[Finding]:
    info = holder(state_dir, serial)
    if info is None:
        return [passed(area, "connection", "free: `bridge connect` may take it")]
    held: Mapping[str, Any] = await asyncio.to_thread(held_phone, info)
    return [judge_connection(area, held)]
