"""Which adb programs there are, whether a server answers, and whether one of the programs would end that server."""

import asyncio
from collections.abc import Mapping, Sequence

from bridge.adb.server import AdbAddress, AdbBinary, ServerInfo, adb_binaries, ensure_server
from bridge.doctor.finding import ADB_CODE, OTHER_CODE, Finding, failed, passed, warned

__all__ = ["AREA", "find_programs", "judge_programs", "judge_protocols", "reach_server", "told_server"]

AREA = "adb"
SERVER_S = 5.0


async def find_programs(environ: Mapping[str, str]) -> list[AdbBinary]:
    """Every adb that somebody on this machine may start, the bridge's own choice first."""
    return await asyncio.to_thread(adb_binaries, environ)


async def reach_server(address: AdbAddress, environ: Mapping[str, str]) -> ServerInfo:
    """The server there, started when nobody answers, as any adb command would. Raises `AdbUnreachable`."""
    return await ensure_server(address, environ=environ, deadline=SERVER_S)


def told_server(address: AdbAddress, info: ServerInfo) -> Finding:
    """A server that answers is a good one."""
    how = "started just now" if info.started else "running"
    text = f"{how} at {address}, protocol {info.version}"
    return passed(AREA, "server", text, address=str(address), protocol=info.version, started=info.started)


def judge_programs(binaries: Sequence[AdbBinary], *, asked: str = "", server: bool = False) -> list[Finding]:
    """The program the bridge takes, and the others. Without any, only a server that runs already can be used."""
    if asked and not any(binary.origin == "ADB" for binary in binaries):
        # With a server that runs the bridge needs no program; without one there is nothing that could start it.
        code, hint = (OTHER_CODE if server else ADB_CODE), "unset ADB, or let it name an adb binary"
        return [failed(AREA, "program", f"ADB={asked} does not run", hint=hint, exit_code=code)]
    if not binaries:
        hint = "install Android's platform-tools, or let ADB name the binary"
        if server:
            return [warned(AREA, "program", "no adb program here: a server that ends cannot be started", hint=hint)]
        return [failed(AREA, "program", "no adb program runs here", hint=hint, exit_code=ADB_CODE)]
    ours, *others = binaries
    facts = {"path": str(ours.path), "version": ours.version, "origin": ours.origin, "protocol": ours.protocol}
    text = f"{ours.version}, {_told_origin(ours)}"
    if ours.warning:
        # Only what somebody asked for, or a machine without a bundled one, ends here.
        hint = "unset ADB to use the bundled one" if ours.origin == "ADB" else "install newer platform-tools"
        found = [warned(AREA, "program", f"{text}: too old for pairing and mDNS", hint=hint, **facts)]
    else:
        found = [passed(AREA, "program", text, **facts)]
    known = [{"path": str(other.path), "version": other.version, "protocol": other.protocol} for other in others]
    if others:
        names = ", ".join(f"{other.version} ({other.path})" for other in others)
        found.append(passed(AREA, "programs", f"also here: {names}", others=known))
    return found


def judge_protocols(binaries: Sequence[AdbBinary], server: ServerInfo) -> list[Finding]:
    """An adb that demands another protocol number ends the server, with every phone's tunnels, when it is run once."""
    strangers = [binary for binary in binaries if binary.protocol not in {0, server.version}]
    if not strangers:
        return [passed(AREA, "protocol", f"every adb here speaks the server's protocol, {server.version}")]
    names = ", ".join(f"{binary.path} speaks {binary.protocol}" for binary in strangers)
    return [
        warned(
            AREA,
            "protocol",
            f"the server speaks {server.version}, {names}: running it ends the server and all tunnels",
            hint=f"use one adb for all: remove it from PATH, or let ADB and the other tools name {binaries[0].path}",
            strangers=[str(binary.path) for binary in strangers],
        )
    ]


def _told_origin(binary: AdbBinary) -> str:
    return f"bundled ({binary.path})" if binary.origin == "bundled" else f"{binary.path} (from {binary.origin})"
