"""The phones adb lists, and choosing among them as adb's own options do.

Parsing and choosing are pure. A phone that cannot be used is never hidden: the error shows it, with the next step.
"""

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from bridge.adb.deadlines import within
from bridge.adb.faults import READY, from_server, state_hint
from bridge.adb.smartsocket import AdbAddress, Connection
from bridge.errors import BridgeError, DeviceUnusable, NoSuchDevice

__all__ = ["DeviceLine", "list_devices", "parse_devices_l", "select"]

_STATES = (
    "device|offline|unauthorized|authorizing|connecting|recovery|rescue|sideload|bootloader|host|detached|unknown"
    "|no permissions.*?"
)
# Serials may hold spaces (mDNS names do), so the state is looked for by name before the line is split at its first gap.
_LINE = re.compile(rf"(?P<serial>\S.*?)\s+(?P<state>{_STATES})(?P<info>(?:\s+\w+:\S+)*)\s*")
_OTHER = re.compile(r"(?P<serial>\S+)\s+(?P<state>\S+)(?P<info>(?:\s+\w+:\S+)*)\s*")


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """One line of `adb devices -l`. `usb` is the bus path, empty for a phone reached over the network."""

    serial: str
    state: str
    transport_id: int = 0
    product: str = ""
    model: str = ""
    device: str = ""
    usb: str = ""

    @property
    def ready(self) -> bool:
        """True when commands can be sent to it."""
        return self.state == READY

    @property
    def over_network(self) -> bool:
        """True for `host:port`, emulators and mDNS names: what adb's `-e` means."""
        return not self.usb and (":" in self.serial or "._adb" in self.serial or self.serial.startswith("emulator-"))

    @property
    def hint(self) -> str:
        """The next step that makes it usable; empty when it is."""
        return state_hint(self.state)


def parse_devices_l(text: str) -> tuple[DeviceLine, ...]:
    """The answer to `host:devices-l` or one list of `host:track-devices-l`. Lines that are none are left out."""
    found = (_parse_line(line) for line in text.splitlines())
    return tuple(line for line in found if line is not None)


@lru_cache(maxsize=256)
def _parse_line(text: str) -> DeviceLine | None:
    """Kept, because each change to one of many phones brings the lines of all of them, to each one's follower."""
    match = _LINE.fullmatch(text) or _OTHER.fullmatch(text)
    if match is None:
        return None
    info = dict(pair.split(":", 1) for pair in match["info"].split())
    number = info.get("transport_id", "")
    return DeviceLine(
        serial=match["serial"],
        state=match["state"],
        transport_id=int(number) if number.isascii() and number.isdigit() else 0,
        product=info.get("product", ""),
        model=info.get("model", ""),
        device=info.get("device", ""),
        usb=info.get("usb", ""),
    )


async def list_devices(address: AdbAddress, *, deadline: float = 5.0) -> list[DeviceLine]:
    """Everything the server lists now, usable or not."""
    async with within(deadline, f"listing the devices of the adb server at {address}"):
        with from_server(str(address)):
            connection = await Connection.open(address)
            try:
                await connection.request("host:devices-l")
                text = (await connection.block()).decode(errors="replace")
            finally:
                connection.close()
    return list(parse_devices_l(text))


def select(
    devices: Sequence[DeviceLine],
    *,
    serials: Iterable[str] = (),
    usb: bool = False,
    tcp: bool = False,
    everything: bool | None = None,
) -> list[DeviceLine]:
    """The devices meant, all of them usable.

    `serials` may be exact, a glob or a unique prefix, so also a network address without its port. One named device
    that cannot be used is an error; a glob or `everything` passes over such devices as long as one is left. With no
    choice made, the one usable device is taken. `everything` is None where a command has no `--all` to name.
    """
    wanted = [pattern for pattern in serials if pattern]
    pool = [
        line for line in devices if not (usb or tcp) or (usb and not line.over_network) or (tcp and line.over_network)
    ]
    if not pool:
        hint = "leave out -d and -e to use one of those that are there" if devices else _NOTHING_HINT
        raise NoSuchDevice(_nothing_text(usb=usb, tcp=tcp), hint=hint, devices=_table(devices))
    if wanted:
        chosen = {line: None for pattern in wanted for line in _matching(pattern, pool)}  # a dict keeps the order
        return list(chosen)
    usable = [line for line in pool if line.ready]
    if not usable:
        raise _unusable(pool, devices)
    if len(usable) > 1 and not everything:
        hint = "choose with -s SERIAL" + ("" if usb or tcp else ", -d (USB) or -e (network)")
        hint += "" if everything is None else "; --all takes each"
        raise NoSuchDevice(f"{len(usable)} devices can be used", hint=hint, devices=_table(devices))
    return usable


_NAMED = 3
_NOTHING_HINT = (
    "connect a phone with USB debugging on; over the network: `adb connect HOST:PORT`; no phone: `bridge demo`"
)


def _nothing_text(*, usb: bool, tcp: bool) -> str:
    kind = " over USB" if usb and not tcp else " over the network" if tcp and not usb else ""
    return f"adb lists no device{kind}"


def _matching(pattern: str, pool: Sequence[DeviceLine]) -> list[DeviceLine]:
    """The usable devices one pattern means."""
    exact = [line for line in pool if line.serial == pattern]
    if not exact and re.search(r"[*?\[]", pattern):
        several = [line for line in pool if fnmatch.fnmatchcase(line.serial, pattern)]
        if several and not any(line.ready for line in several):
            raise _unusable(several, pool)
        found = [line for line in several if line.ready]
        if found:
            return found
    near = exact or [line for line in pool if line.serial.startswith(pattern)]
    if len(near) > 1:
        raise NoSuchDevice(
            f"{len(near)} devices start with {pattern!r}", hint="give more of the serial", devices=_table(pool)
        )
    if not near:
        there = ", ".join(line.serial for line in pool[:_NAMED])
        one = "is" if len(pool) == 1 else "are"
        hint = f"there {one} {there}: give a serial after -s, a unique beginning of one, or a pattern such as '*'"
        raise NoSuchDevice(f"no device matches {pattern!r}", hint=hint, devices=_table(pool))
    if not near[0].ready:
        raise _unusable(near, pool)
    return near


def _unusable(lines: Sequence[DeviceLine], shown: Sequence[DeviceLine]) -> BridgeError:
    first = lines[0]
    if len(lines) == 1:
        return DeviceUnusable(
            f"{first.serial} is {first.state}", hint=first.hint, serial=first.serial, devices=_table(shown)
        )
    return DeviceUnusable(
        f"none of {len(lines)} devices can be used", hint=f"{first.serial}: {first.hint}", devices=_table(shown)
    )


def _table(devices: Sequence[DeviceLine]) -> list[dict[str, str | int]]:
    """What `--json` and the table at the terminal show beside the error."""
    return [
        {**asdict(line), "connection": "network" if line.over_network else "usb", "hint": line.hint} for line in devices
    ]
