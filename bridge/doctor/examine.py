"""All checks side by side: adb and its phones, the host, the settings. Bounded as a whole, whatever hangs."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass

from bridge.adb.devices import DeviceLine, list_devices
from bridge.adb.server import AdbAddress, ServerInfo, server_address
from bridge.config import Settings
from bridge.doctor import adb, engines, host, model, phones
from bridge.doctor.command import judge_command, look_for_command
from bridge.doctor.finding import ADB_CODE, HOST_CODE, Finding, bounded, failed, passed, warned
from bridge.doctor.keys import judge_key, look_at_key
from bridge.doctor.phone import examine_phone
from bridge.doctor.settings import judge_origins, judge_problem, judge_state_folder, judge_unknown, look_at_folder
from bridge.doctor.storage import free_bytes, judge_laptop
from bridge.errors import UsageError
from bridge.supervise.finder import finder_of

__all__ = ["Examination", "examine"]

# What each step may take of the whole; the first three come one after the other, with a second to spare.
SERVER_SHARE, LIST_SHARE, PHONE_SHARE = 0.3, 0.2, 0.4
HOST_SHARE = 0.5
MODEL_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Examination:
    """What is to be looked at: the settings in force with their origins, the phones meant, the environment.

    `problem`: why the settings could not be read; then these are the defaults. `seconds`: for all of it.
    """

    settings: Settings
    origins: Mapping[str, str]
    serials: Sequence[str]
    environ: Mapping[str, str]
    problem: UsageError | None = None
    seconds: float = 15.0


async def examine(wanted: Examination) -> list[Finding]:
    """Look at everything within `wanted.seconds`; nothing is raised, nothing is changed. Mostly it takes one."""
    async with asyncio.TaskGroup() as group:
        about_adb = group.create_task(_adb(wanted))
        about_host = group.create_task(_host(wanted.settings, wanted.seconds * HOST_SHARE))
        about_model = group.create_task(_model(wanted.settings, wanted.seconds * MODEL_SHARE))
        about_laptop = group.create_task(asyncio.to_thread(_laptop, wanted))
    return [*about_laptop.result(), *about_adb.result(), *about_host.result(), *about_model.result()]


def _laptop(wanted: Examination) -> list[Finding]:
    """What is on this laptop's disk; no program is started and nobody asked."""
    folder = wanted.settings.state_dir
    return [
        judge_command(look_for_command(wanted.environ)),
        *([judge_problem(wanted.problem)] if wanted.problem else judge_origins(wanted.settings, wanted.origins)),
        *judge_unknown(wanted.environ),
        judge_state_folder(folder, look_at_folder(folder)),
        judge_laptop("settings", folder / "spool", free_bytes(folder / "spool")),
    ]


async def _adb(wanted: Examination) -> list[Finding]:
    """The programs and the server side by side, then the phones: without a server there are none."""
    environ = wanted.environ
    try:
        address = server_address(environ)
    except UsageError as error:
        return [failed(adb.AREA, "server", error.message, hint=error.hint, exit_code=ADB_CODE)]
    reached: list[ServerInfo] = []

    async def reach() -> Sequence[Finding]:
        reached.append(await adb.reach_server(address, environ))
        return [adb.told_server(address, reached[0])]

    async with asyncio.TaskGroup() as group:
        finding_programs = group.create_task(adb.find_programs(environ))
        reaching = group.create_task(_bounded_adb("server", reach(), wanted.seconds * SERVER_SHARE))
    programs = finding_programs.result()
    found = adb.judge_programs(programs, asked=environ.get("ADB", ""), server=bool(reached))
    found += [*reaching.result(), judge_key(look_at_key(environ))]
    if not reached:
        return found
    found += adb.judge_protocols(programs, reached[0])
    return found + await _phones(wanted, address)


async def _phones(wanted: Examination, address: AdbAddress) -> list[Finding]:
    lines: list[DeviceLine] = []

    async def listed() -> Sequence[Finding]:
        lines.extend(await list_devices(address))
        return phones.judge_choice(lines, wanted.serials)

    found = list(await _bounded_adb("list", listed(), wanted.seconds * LIST_SHARE))
    settings, seconds = wanted.settings, wanted.seconds * PHONE_SHARE
    async with asyncio.TaskGroup() as group:
        looks = {
            line: group.create_task(
                examine_phone(address, line, state_dir=settings.state_dir, port=settings.phone_port, seconds=seconds)
            )
            for line in phones.chosen(lines, wanted.serials)
            if line.ready
        }
    for line in phones.chosen(lines, wanted.serials):
        found.append(phones.judge_state(line))
        found += looks[line].result() if line in looks else []
    return found


async def _host(settings: Settings, seconds: float) -> list[Finding]:
    async def look() -> Sequence[Finding]:
        at = await finder_of(settings).running()
        if at is None:
            return _no_host(settings)
        facts = await host.ask_host(at)
        about = host.judge_host(facts, version=host.our_version())
        return [*about, *(engines.judge_states(facts.ready["engines"]) if "engines" in facts.ready else [])]

    hint = "see `bridge status`; `bridge serve` starts a host by hand"
    return list(await bounded(host.AREA, "live", look(), seconds=seconds, exit_code=HOST_CODE, hint=hint))


def _no_host(settings: Settings) -> list[Finding]:
    """Nobody answers here: no failure as long as one can be started."""
    text = "none runs; `bridge connect` and `bridge ask` start one when they need it"
    found = [passed(host.AREA, "live", text)]
    if silent := host.silent_record(settings.state_dir):
        url, pid = silent
        hint = f"if process {pid} is a host, end it: `kill {pid}`; another one is started when it is needed"
        found = [warned(host.AREA, "live", f"{url} was the host's address and is silent", hint=hint, url=url, pid=pid)]
    return [*found, *engines.judge_installed(engines.installed(), wanted=settings.engine)]


async def _model(settings: Settings, seconds: float) -> list[Finding]:
    """What a host that is started here would load, where the settings want a model: else nobody waits for torch."""
    models = model.models_of(settings.engine)
    if not models or settings.host_url or not engines.installed()[model.ENGINE]:
        return []

    async def look() -> Sequence[Finding]:
        return model.judge_engine(await model.ask_engine(models))

    hint = "is the machine busy? see `python -c 'import torch'`"
    return list(await bounded(model.AREA, "torch", look(), seconds=seconds, exit_code=HOST_CODE, hint=hint))


async def _bounded_adb(check: str, work: Awaitable[Sequence[Finding]], seconds: float) -> Sequence[Finding]:
    hint = "is the adb server stuck? see `adb devices -l`"
    return await bounded(adb.AREA, check, work, seconds=seconds, exit_code=ADB_CODE, hint=hint)
