"""`bridge serve`: the host service in this terminal, as `bridge-host serve`; a phone's port may be its upstream."""

import re
from typing import TYPE_CHECKING

import typer

from bridge.errors import HostUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.cli.output import Output
    from bridge.config import Settings
    from bridge.supervise.forward import PhonePortAt

__all__ = ["serve"]

_UPSTREAM = "--upstream"
_ON_A_PHONE = re.compile(r"adb:(?P<serial>.*):(?P<port>[0-9]{1,5})", re.ASCII)
_LAST_PORT = 65535


def serve(context: typer.Context) -> int:
    """Run the host service in this terminal. Its options are those of `bridge-host serve`."""
    import asyncio
    import os
    from importlib.util import find_spec

    if find_spec("fastapi") is None or find_spec("PIL") is None:
        raise HostUnavailable("the host's packages are not installed", hint="pip install 'lensbridge[host,ocr]'")
    if not any(_names_a_phone(word) for word in context.args):
        # The same process from here on: signals, exit code and terminal are the host's own.
        words = _host(context.args)
        os.execv(words[0], words)  # ruff: ignore[start-process-with-no-shell]
    return asyncio.run(_serve_with_phones(context.args))


async def _serve_with_phones(words: "Sequence[str]") -> int:
    """Lead a port of this laptop to each phone's, serve with those ports as upstreams, and put everything back."""
    import os
    from contextlib import AsyncExitStack

    from bridge.adb.choose import started_server
    from bridge.cli.output import Output
    from bridge.config import load, own_folder
    from bridge.supervise.forward import clean_forwards, forwarded

    settings = load()
    _only_here(settings)
    address = await started_server()
    if not address.loopback:
        raise UsageError(
            f"the phones of {address} are at another machine, and so would their forwarded port be",
            hint="run `bridge serve` on that machine and use it from here with --host-url",
        )
    output = Output()
    own_folder(settings.state_dir)
    await clean_forwards(address, settings.state_dir)
    async with AsyncExitStack() as stack:
        handed_on: list[str] = []
        for word in words:
            if not _names_a_phone(word):
                handed_on.append(word)
                continue
            phone = await _phone_of(word.removeprefix(f"{_UPSTREAM}="), output)
            url = await stack.enter_async_context(
                forwarded(
                    phone,
                    state_dir=settings.state_dir,
                    environ=os.environ,
                    tell=lambda text: output.entry("phone", text),
                )
            )
            output.entry("forward", f"{url} leads to port {phone.port} of {phone.serial}")
            handed_on.append(f"{_UPSTREAM}={url}" if word.startswith(f"{_UPSTREAM}=") else url)
        return await _run(_host(handed_on))


def _names_a_phone(word: str) -> bool:
    return word.removeprefix(f"{_UPSTREAM}=").startswith("adb:")


def _only_here(settings: "Settings") -> None:
    from bridge.client.state import is_loopback

    if settings.host_url is not None and not is_loopback(settings.host_url):
        raise UsageError(
            f"{settings.host_url} is asked on this laptop, and that host cannot reach a phone connected here",
            hint="unset BRIDGE_HOST_URL, or host_url in config.toml: a host on this laptop serves a phone's model",
        )


async def _phone_of(spec: str, output: "Output") -> "PhonePortAt":
    """The phone and port of `adb:SERIAL:PORT`; without a serial the only phone."""
    from bridge.adb.choose import one_device, started_server
    from bridge.adb.forwards import listens
    from bridge.adb.smartsocket import PhoneAddress
    from bridge.supervise.forward import PhonePortAt

    match = _ON_A_PHONE.fullmatch(spec)
    if match is None or not 0 < int(match["port"]) <= _LAST_PORT:
        raise UsageError(f"{spec} names no port of a phone", hint="write adb:SERIAL:PORT, for example adb:R5CT:8080")
    line = await one_device([match["serial"]] if match["serial"] else ())
    phone = PhonePortAt(await started_server(), line.serial, int(match["port"]))
    if not await listens(PhoneAddress(phone.address, line.transport_id, line.serial), phone.remote):
        output.entry("problem", f"nothing listens at port {phone.port} of {phone.serial} yet: start its server")
    return phone


def _host(words: "Sequence[str]") -> list[str]:
    import sys

    return [sys.executable, "-P", "-m", "host_server", *words]


async def _run(words: "Sequence[str]") -> int:
    """The host as a child, told every signal that this command gets; its exit code."""
    import asyncio
    import signal

    # A session of its own: Ctrl-C at the terminal reaches it once, from here.
    host = await asyncio.create_subprocess_exec(*words, start_new_session=True)
    loop = asyncio.get_running_loop()
    told = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in told:
        loop.add_signal_handler(number, host.send_signal, number)
    try:
        code = await host.wait()
    finally:
        for number in told:
            loop.remove_signal_handler(number)
        if host.returncode is None:
            host.kill()
            await host.wait()
    return code if code >= 0 else 128 - code
