"""What the core of a connection wants done, and the states it tells: the whole vocabulary of its output."""

from dataclasses import dataclass
from enum import StrEnum

from bridge.adb.devices import DeviceLine

__all__ = [
    "CheckTunnel",
    "CloseTransport",
    "Command",
    "MakeTunnel",
    "OpenPage",
    "OpenTransport",
    "Redial",
    "StartWatching",
    "State",
    "Tell",
]


class State(StrEnum):
    """Where the phone is on its way to answering."""

    ABSENT = "absent"
    UNUSABLE = "unusable"
    OPENING = "opening"
    TUNNELLING = "tunnelling"
    UP = "up"


@dataclass(frozen=True, slots=True)
class OpenTransport:
    """Open a transport to this line and wait until the phone has booted."""

    line: DeviceLine


@dataclass(frozen=True, slots=True)
class CloseTransport:
    """Forget the transport, stop its watcher and its checks."""


@dataclass(frozen=True, slots=True)
class MakeTunnel:
    """Let the phone's port lead to the front."""

    transport_id: int


@dataclass(frozen=True, slots=True)
class CheckTunnel:
    """Read the phone's reverse list."""

    transport_id: int


@dataclass(frozen=True, slots=True)
class StartWatching:
    """Watch the camera folder over this transport."""

    transport_id: int


@dataclass(frozen=True, slots=True)
class OpenPage:
    """Open the page on the phone with a fresh link code."""

    transport_id: int


@dataclass(frozen=True, slots=True)
class Redial:
    """Ask the adb server to connect to a phone on TCP again."""

    serial: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Say to terminal and page how the phone is."""

    state: State
    detail: str
    hint: str = ""


Command = OpenTransport | CloseTransport | MakeTunnel | CheckTunnel | StartWatching | OpenPage | Redial | Tell
