"""The shell services: `shell:` in both versions, and `exec:`.

When the host closes the stream the command gets a SIGHUP, as from adbd. In version 1 and exec there is no exit code,
and stderr goes where stdout goes.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from virtual_phone.channel import Channel
from virtual_phone.events import StreamClosedError
from virtual_phone.link import OpenRequest
from virtual_phone.services.process import Invocation, PipeProcess, Process, PtyProcess
from virtual_phone.services.shell_wire import Kind, ShellReader, ShellRequest, encode, exit_packet, parse_window_size
from virtual_phone.tasks import first_of

__all__ = ["shell"]

_log = logging.getLogger(__name__)

Invoke = Callable[[ShellRequest], Invocation]


async def shell(invoke: Invoke, wanted: ShellRequest, request: OpenRequest) -> None:
    """Run one command, or an interactive shell, until it or the host ends."""
    what = invoke(wanted)
    process: Process
    process = await PtyProcess.start(what) if wanted.pty else await PipeProcess.start(what, merge=not wanted.v2)
    try:
        channel = request.accept()
        await _converse(channel, process, v2=wanted.v2)
    finally:
        await process.end()


async def _converse(channel: Channel, process: Process, *, v2: bool) -> None:
    """Carry bytes both ways until the command is over or the host has left."""

    async def until_over() -> None:
        with contextlib.suppress(StreamClosedError):
            await asyncio.gather(*(_copy_output(channel, process, kind, v2=v2) for kind in process.outputs))
            status = await process.wait()
            if v2:
                await channel.write(exit_packet(status))

    await first_of(until_over(), _copy_input(channel, process, v2=v2))


async def _copy_output(channel: Channel, process: Process, kind: Kind, *, v2: bool) -> None:
    while data := await process.read(kind):
        await channel.write(encode(kind, data) if v2 else data)


async def _copy_input(channel: Channel, process: Process, *, v2: bool) -> None:
    """Until the host closes the stream; that it closed stdin is no reason to stop."""
    packets = ShellReader()
    while data := await channel.read():
        if not v2:
            await process.write(data)
            continue
        try:
            for kind, content in packets.feed(data):
                await _obey(process, kind, content)
        except ValueError as error:
            _log.warning("%s", error)
            return


async def _obey(process: Process, kind: int, content: bytes) -> None:
    if kind == Kind.STDIN:
        await process.write(content)
    elif kind == Kind.CLOSE_STDIN:
        process.close_stdin()
    elif kind == Kind.WINDOW_SIZE and (size := parse_window_size(content)) is not None:
        process.resize(*size)
