"""The command: phones in a terminal, for people and scripts.

stdout has one `adb connect` line a phone, as soon as it can be used; everything else is said on stderr.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from urllib.parse import urlsplit

from virtual_phone.loopback import LoopbackTakenError
from virtual_phone.phone import VirtualPhone
from virtual_phone.releases import DAEMONS, RELEASES
from virtual_phone.rogues import ROGUES
from virtual_phone.sandbox import RUNGS, SandboxError

__all__ = ["main", "map_url"]

_ADB_DEADLINE = 20.0
_USAGE, _FAILED = 2, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run phones until Ctrl-C or SIGTERM; the exit code."""
    options = _parser().parse_args(arguments)
    if options.list_rogues:
        sys.stdout.write("".join(f"{name:<20} {told}\n" for name, told in ROGUES.items()))
        return 0
    if options.photos is None:
        return _complain("--photos is missing", "--photos DIR, a folder with a .jpg or .png")
    logging.basicConfig(format="%(message)s", level=logging.INFO if options.verbose else logging.WARNING)
    if not options.photos.is_dir():
        return _complain(f"no such folder of photos: {options.photos}", "make it and put a .jpg or .png in it")
    if options.count < 1:
        return _complain("--count must be 1 or more", "leave it out for one phone")
    try:
        return asyncio.run(_run(options))
    except (SandboxError, LoopbackTakenError) as error:
        return _complain(str(error), "leave out --sandbox and the best one that works is taken")
    except OSError as error:
        return _complain(f"the phone cannot listen: {error}", "another --port, or --port 0 for a free one")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="virtual_phone", description="A virtual Android phone for adb.")
    add = parser.add_argument
    add("--photos", type=Path, metavar="DIR", help="folder whose .jpg and .png the camera takes in turn")
    add("--port", type=int, default=0, help="where adb finds the first phone; 0: a free port (default)")
    add("--serial", default="VP", help="serial number, or its beginning with --count (default VP)")
    add("--count", type=int, default=1, metavar="N", help="how many phones")
    add("--connect", action="store_true", help="run `adb connect`, and `adb disconnect` at the end")
    add("--unauthorized", action="store_true", help="nobody taps «Allow USB debugging»")
    add("--sandbox", default="auto", choices=["auto", *RUNGS], help="how commands are kept inside (default auto)")
    add("--browser", metavar="CMD", help="run CMD with the URL when the phone opens one")
    add("--profile", default="14", choices=list(RELEASES), help="which Android it is (default 14)")
    add("--daemon", choices=list(DAEMONS), metavar="NAME", help=f"an older adb daemon: {', '.join(DAEMONS)}")
    add(
        "--rogue",
        action="append",
        default=[],
        choices=list(ROGUES),
        metavar="NAME",
        help="how it misbehaves; repeatable",
    )
    add("--list-rogues", action="store_true", help="tell all rogues and end")
    add("--verbose", action="store_true", help="say more")
    return parser


async def _run(options: argparse.Namespace) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with contextlib.AsyncExitStack() as stack:
        phones = [await _start(stack, options, number) for number in range(1, options.count + 1)]
        _say(f"shell: {phones[0].shell_rung}")
        if not phones[0].photos_queue.found():
            _say(f"{options.photos} holds no .jpg or .png yet; the camera looks again at each press")
        if options.connect and not await _connect(stack, [phone.address for phone in phones]):
            return _FAILED
        await stopped.wait()
    return 0


async def _start(stack: contextlib.AsyncExitStack, options: argparse.Namespace, number: int) -> VirtualPhone:
    phone = VirtualPhone(
        options.photos,
        serial=f"{options.serial}{number:04}" if options.count > 1 or options.serial == "VP" else options.serial,
        authorized=not options.unauthorized,
        sandbox=options.sandbox,
        profile=options.profile,
        daemon=options.daemon,
    )
    if options.browser:
        phone.on_open_url = lambda url: _browse(shlex.split(options.browser), map_url(url, phone.loopback))
    stack.push_async_callback(phone.stop)
    await phone.start(options.port + number - 1 if options.port else 0)
    stack.enter_context(phone.behaving(*options.rogue))
    sys.stdout.write(f"adb connect {phone.address}\n")
    sys.stdout.flush()
    return phone


def map_url(url: str, loopback: str) -> str:
    """A URL of the phone's localhost as the laptop reaches it; any other URL as it is."""
    parts = urlsplit(url)
    if parts.hostname not in {"localhost", "127.0.0.1"}:
        return url
    port = f":{parts.port}" if parts.port is not None else ""
    return parts._replace(netloc=f"{loopback}{port}").geturl()


async def _browse(command: list[str], url: str) -> None:
    """Start the browser; it lives on by itself."""
    _say(f"the phone opens {url}")
    try:
        process = await asyncio.create_subprocess_exec(*command, url, start_new_session=True)
    except OSError as error:
        _say(f"the browser does not start: {error}")
        return
    await process.wait()


async def _connect(stack: contextlib.AsyncExitStack, addresses: list[str]) -> bool:
    """Make the adb server connect to all; False when there is no adb."""
    adb = _find_adb()
    if adb is None:
        _complain("no adb found", "set $ADB, install adb, or connect by hand with the line above")
        return False
    for address in addresses:
        stack.push_async_callback(_adb, adb, "disconnect", address)
        _say((await _adb(adb, "connect", address)).strip())
    return True


def _find_adb() -> str | None:
    """$ADB, else the one on PATH, else the one inside adbutils, if that is installed."""
    found = os.environ.get("ADB") or shutil.which("adb")
    if found:
        return found
    spec = util.find_spec("adbutils")
    bundled = Path(spec.origin).parent / "binaries" / "adb" if spec is not None and spec.origin else None
    return str(bundled) if bundled is not None and bundled.exists() else None


async def _adb(adb: str, *arguments: str) -> str:
    """Run adb; what it said, or what went wrong."""
    try:
        process = await asyncio.create_subprocess_exec(
            adb, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        return f"{adb}: {error.strerror}"
    try:
        async with asyncio.timeout(_ADB_DEADLINE):
            output, _ = await process.communicate()
            return output.decode(errors="replace")
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"adb {' '.join(arguments)}: no answer in {_ADB_DEADLINE:.0f} s"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _complain(text: str, hint: str) -> int:
    _say(f"virtual_phone: {text}\nhint: {hint}")
    return _USAGE
