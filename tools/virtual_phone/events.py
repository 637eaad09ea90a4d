"""What the core tells its shell to do, and the two ways in which it refuses. Pure values."""

from dataclasses import dataclass

from virtual_phone.packets import Packet

__all__ = [
    "Closed",
    "Command",
    "Credit",
    "Data",
    "HangUp",
    "KeyOffered",
    "NotAllowedError",
    "Offline",
    "Online",
    "OpenAsked",
    "Opened",
    "Send",
    "StreamClosedError",
]


class StreamClosedError(Exception):
    """The stream is not open (any more)."""


class NotAllowedError(Exception):
    """The host configured no `reverse:forward` to this address; opening it would end the adb server."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send this packet."""

    packet: Packet


@dataclass(frozen=True, slots=True)
class Online:
    """The host is connected and authorized."""


@dataclass(frozen=True, slots=True)
class Offline:
    """The host starts over on the same socket: what belonged to the connection is void."""


@dataclass(frozen=True, slots=True)
class KeyOffered:
    """The host shows its public key: on a real phone the dialog appears."""

    key: bytes


@dataclass(frozen=True, slots=True)
class OpenAsked:
    """The host wants this service; answer with `accept` or `refuse`."""

    stream: int
    service: str


@dataclass(frozen=True, slots=True)
class Opened:
    """The host took the stream we asked for."""

    stream: int


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes for a service; say `consumed` when they were used."""

    stream: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Credit:
    """The stream may send again."""

    stream: int


@dataclass(frozen=True, slots=True)
class Closed:
    """The host ended or refused the stream."""

    stream: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """The host broke the protocol: cut the connection."""

    reason: str


Command = Send | Online | Offline | KeyOffered | OpenAsked | Opened | Data | Credit | Closed | HangUp
