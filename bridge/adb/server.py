"""Which adb server and which adb binary; starting the server when nobody answers. It is never killed.

The address follows adb's own precedence (`ADB_SERVER_SOCKET`, then `ANDROID_ADB_SERVER_ADDRESS` and `_PORT`, then
127.0.0.1:5037), which adbutils does not, so it is worked out here and passed on. A server is started only on this
machine.
"""

import asyncio
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bridge.adb.deadlines import within
from bridge.adb.faults import NobodyListensError, from_server
from bridge.adb.smartsocket import AdbAddress, Connection
from bridge.errors import AdbUnreachable, UsageError

__all__ = [
    "OLDEST_GOOD",
    "AdbAddress",
    "AdbBinary",
    "ServerInfo",
    "adb_binaries",
    "ensure_server",
    "find_adb",
    "server_address",
    "server_version",
]

OLDEST_GOOD = (33, 0, 3)  # older ones lack pairing, mDNS or the second sync protocol, or crash with them
_DEFAULT_HOST, _DEFAULT_PORT = "127.0.0.1", 5037


@dataclass(frozen=True, slots=True)
class AdbBinary:
    """An adb program that runs: where, which version, and why this one (`ADB`, `bundled` or `PATH`).

    `protocol` is the number it demands of a server (0: it did not say): it ends a running server that has another.
    """

    path: Path
    version: str
    origin: str
    protocol: int = 0

    @property
    def warning(self) -> str:
        """Why a newer one would be better; empty when this one is good."""
        numbers = tuple(int(number) for number in re.findall(r"\d+", self.version)[:3])
        if numbers >= OLDEST_GOOD:
            return ""
        wanted = ".".join(map(str, OLDEST_GOOD))
        return f"adb {self.version} ({self.path}) is older than {wanted}: unset ADB to use the bundled one"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server that answers: its protocol number (41 for adb 29 to 36) and whether it was started just now."""

    version: int
    started: bool


def server_address(environ: Mapping[str, str]) -> AdbAddress:
    """Where the adb server is, as the adb command itself would decide."""
    spec = environ.get("ADB_SERVER_SOCKET", "")
    if spec:
        return _parse_socket(spec)
    host = environ.get("ANDROID_ADB_SERVER_ADDRESS") or _DEFAULT_HOST
    port = environ.get("ANDROID_ADB_SERVER_PORT") or str(_DEFAULT_PORT)
    return AdbAddress(host, _parse_port(port, "ANDROID_ADB_SERVER_PORT"))


def _parse_socket(spec: str) -> AdbAddress:
    """`tcp:PORT`, `tcp:HOST:PORT` or `tcp:[V6]:PORT`."""
    kind, _, rest = spec.partition(":")
    if kind != "tcp":
        raise UsageError(
            f"ADB_SERVER_SOCKET={spec} is a kind of socket the bridge does not speak",
            hint="use tcp:HOST:PORT, for example ADB_SERVER_SOCKET=tcp:127.0.0.1:5037",
        )
    host, _, port = rest.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    return AdbAddress(host or _DEFAULT_HOST, _parse_port(port, "ADB_SERVER_SOCKET"))


def _parse_port(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16):
        raise UsageError(
            f"{name} has no port between 1 and 65535: {text!r}", hint=f"unset {name} or give it a port such as 5037"
        )
    return int(text)


def find_adb(environ: Mapping[str, str]) -> AdbBinary:
    """The adb binary to use: `$ADB`, else the one bundled with adbutils, else the first on PATH. Blocks some ms."""
    asked = environ.get("ADB", "")
    if asked:
        found = _try_binary(Path(shutil.which(asked, path=environ.get("PATH")) or asked), "ADB")
        if found is None:
            raise AdbUnreachable(f"ADB={asked} does not run", hint="unset ADB, or let it name an adb binary")
        return found
    on_path = shutil.which("adb", path=environ.get("PATH"))
    candidates = [(_bundled(), "bundled"), (Path(on_path) if on_path else None, "PATH")]
    for path, origin in candidates:
        found = _try_binary(path, origin) if path else None
        if found is not None:
            return found
    raise AdbUnreachable(
        "no adb binary runs here",
        hint="install Android's platform-tools, or let ADB name the binary (the bundled one is for x86-64 Linux)",
    )


def adb_binaries(environ: Mapping[str, str]) -> list[AdbBinary]:
    """All adb programs that somebody here may start, the one the bridge takes first. Blocks some ms for each."""
    asked = environ.get("ADB", "")
    named = Path(shutil.which(asked, path=environ.get("PATH")) or asked) if asked else None
    on_path = (shutil.which("adb", path=folder) for folder in environ.get("PATH", "").split(os.pathsep) if folder)
    candidates = [(named, "ADB"), (_bundled(), "bundled"), *((Path(found), "PATH") for found in on_path if found)]
    places: dict[Path, tuple[Path, str]] = {}
    for path, origin in candidates:
        if path is not None:
            places.setdefault(path.resolve(), (path, origin))
    with ThreadPoolExecutor() as pool:  # one that hangs must not add its time to the next one's
        found = list(pool.map(_try_binary, *zip(*places.values(), strict=True))) if places else []
    return [binary for binary in found if binary is not None]


def _bundled() -> Path | None:
    """The binary inside the adbutils wheel, found without importing adbutils (which takes a tenth of a second)."""
    spec = importlib.util.find_spec("adbutils")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "binaries" / ("adb.exe" if os.name == "nt" else "adb")
        if path.is_file():
            return path
    return None


def _try_binary(path: Path, origin: str) -> AdbBinary | None:
    """The binary with its version, None when it does not run."""
    try:
        done = subprocess.run([path, "version"], capture_output=True, timeout=5, check=True, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(rb"^Version (\S+)", done.stdout, re.MULTILINE)
    protocol = re.search(rb"^Android Debug Bridge version \d+\.\d+\.(\d{1,6})", done.stdout, re.MULTILINE)
    return AdbBinary(
        path,
        version[1].decode(errors="replace") if version else "unknown",
        origin,
        int(protocol[1]) if protocol else 0,
    )


async def server_version(address: AdbAddress) -> int:
    """The protocol number of the server at `address`. Raises AdbUnreachable."""
    with from_server(str(address)):
        connection = await Connection.open(address)
        try:
            await connection.request("host:version")
            return int(await connection.block(), 16)
        except ValueError:
            raise AdbUnreachable(
                f"{address} is no adb server", hint="which program listens there? `ss -ltnp` tells"
            ) from None
        finally:
            connection.close()


async def ensure_server(address: AdbAddress, *, environ: Mapping[str, str], deadline: float = 10.0) -> ServerInfo:
    """Return when an adb server answers at `address`, started if need be, and only on this machine."""
    async with within(deadline, f"reaching the adb server at {address}"):
        try:
            return ServerInfo(await server_version(address), started=False)
        except AdbUnreachable as error:
            if not isinstance(error.__cause__, NobodyListensError):
                raise  # something listens there; a second server would not help
            if not address.loopback:
                raise AdbUnreachable(
                    f"no adb server answers at {address}",
                    hint="start it over there, with `adb -a nodaemon server`, or unset ADB_SERVER_SOCKET",
                ) from error
        await _start(address, environ)
        return ServerInfo(await server_version(address), started=True)


async def _start(address: AdbAddress, environ: Mapping[str, str]) -> None:
    """Let adb start its server. adb itself forks the daemon and returns when it listens."""
    binary = await asyncio.to_thread(find_adb, environ)
    inherited = {name: value for name, value in environ.items() if name != "ADB_SERVER_SOCKET"}
    process = await asyncio.create_subprocess_exec(
        binary.path,
        # By this name alone: adb takes 127.0.0.1 for another machine and would start nothing.
        *("-L", f"tcp:localhost:{address.port}", "start-server"),
        env=inherited,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C at our terminal is not for a server others use too
    )
    try:
        _, words = await process.communicate()
    except BaseException:
        process.kill()  # the starter, which is ours; the daemon it may have forked lives on
        await process.wait()
        raise
    if process.returncode:
        last = words.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise AdbUnreachable(
            f"`{binary.path} start-server` failed: {last[0]}", hint="run it by hand to see what is wrong"
        )
