"""Which service a name means, for one connection."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from virtual_phone.commands.screen import pixels
from virtual_phone.device import Device
from virtual_phone.files import PhoneFiles
from virtual_phone.link import Link, OpenRequest, Service
from virtual_phone.manners import Manners
from virtual_phone.releases import Daemon
from virtual_phone.services.connect import connect_abstract, connect_tcp
from virtual_phone.services.process import Invocation
from virtual_phone.services.reverse import Reverse
from virtual_phone.services.shell import shell
from virtual_phone.services.shell_wire import ShellRequest
from virtual_phone.services.sync import SyncSession, sync

__all__ = ["Parts", "Router"]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the services of a phone are made of."""

    device: Device
    files: PhoneFiles
    loopback: str
    invoke: Callable[[ShellRequest], Invocation]
    manners: Manners
    daemon: Daemon


class Router:
    """The services of one connection."""

    def __init__(self, parts: Parts, link: Link, number: int) -> None:
        self._parts = parts
        self.reverse = Reverse(link, parts.loopback, number, usb_only=parts.daemon.reverse == "usb_only")

    def find(self, name: str) -> Service | None:
        """The service of this name, None where there is none."""
        service = self._ordinary(name)
        for twist in self._parts.manners.services:
            service = twist(name, service)
        return service

    def _ordinary(self, name: str) -> Service | None:
        head, _, rest = name.partition(":")
        kind, *options = head.split(",")
        parts = self._parts
        match kind:
            case "shell":
                return self._shell(ShellRequest.parse(options, rest))
            case "exec" if parts.daemon.execs:
                return partial(shell, parts.invoke, ShellRequest(rest, v2=False, pty=False))
            case "sync":
                return partial(sync, ([SyncSession, *parts.manners.syncing])[-1], parts.files)
            case "tcp":
                return partial(connect_tcp, parts.loopback, rest)
            case "localabstract":
                return partial(connect_abstract, parts.loopback, rest)
            case "reverse" if parts.daemon.reverse != "closed":
                return partial(self.reverse.serve, rest)
            case "framebuffer":
                return partial(_framebuffer, parts.device)
            case "reboot":
                return partial(_reboot, parts.device.reboot)
        return None

    def _shell(self, wanted: ShellRequest) -> Service | None:
        daemon = self._parts.daemon
        if wanted.v2 and "shell_v2" not in daemon.features:
            return None
        if daemon.cooked and not wanted.v2:
            wanted = replace(wanted, pty=True)
        return partial(shell, self._parts.invoke, wanted)

    def close(self) -> None:
        """The connection is over: nothing listens for it any more."""
        self.reverse.close()


async def _framebuffer(device: Device, request: OpenRequest) -> None:
    """The screen, once: a header of fourteen numbers and the pixels."""
    channel = request.accept()
    data = pixels(device)
    layout = (0, 8, 16, 8, 8, 8, 24, 8)  # offset and length of red, blue, green, alpha
    await channel.write(struct.pack("<14I", 2, 32, 1, len(data), device.width, device.height, *layout) + data)


async def _reboot(reboot: Callable[[], object], request: OpenRequest) -> None:
    channel = request.accept()
    reboot()
    await channel.ended.wait()  # the cut of the cable is the answer
