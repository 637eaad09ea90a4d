"""What the core of a connection is told: the whole vocabulary of its input."""

from dataclasses import dataclass

from bridge.adb.devices import DeviceLine

__all__ = [
    "AdbGone",
    "Devices",
    "Event",
    "Failed",
    "NoTunnel",
    "PageLinked",
    "PageWanted",
    "TransportOpen",
    "TunnelGone",
    "TunnelMade",
    "Wake",
    "WatchEnded",
]


@dataclass(frozen=True, slots=True)
class Devices:
    """The adb server's list, each time it changes."""

    lines: tuple[DeviceLine, ...]


@dataclass(frozen=True, slots=True)
class AdbGone:
    """The adb server ended; every transport and tunnel went with it."""


@dataclass(frozen=True, slots=True)
class TransportOpen:
    """The transport of this id answers and the phone has booted."""

    transport_id: int


@dataclass(frozen=True, slots=True)
class TunnelMade:
    """The phone listens and leads to our front."""

    transport_id: int


@dataclass(frozen=True, slots=True)
class TunnelGone:
    """The reverse list no longer has our entry."""

    transport_id: int


@dataclass(frozen=True, slots=True)
class NoTunnel:
    """This phone's daemon cannot lead a port to our front, however often it is asked."""

    transport_id: int
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A command for this transport failed; `reason` and `hint` are for people."""

    transport_id: int
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class WatchEnded:
    """The camera folder is no longer watched although the transport is open."""

    transport_id: int
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PageLinked:
    """A page on the phone holds an open socket to the front."""


@dataclass(frozen=True, slots=True)
class PageWanted:
    """Somebody at the laptop asks for the page to be opened on the phone."""


@dataclass(frozen=True, slots=True)
class Wake:
    """The time asked for by `wake_at` has come."""


Event = (
    Devices
    | AdbGone
    | TransportOpen
    | TunnelMade
    | TunnelGone
    | NoTunnel
    | Failed
    | WatchEnded
    | PageLinked
    | PageWanted
    | Wake
)
