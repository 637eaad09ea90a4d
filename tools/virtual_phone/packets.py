"""The packets of the ADB protocol, as bytes and as values.

Pure: bytes in, packets out. A packet is a 24-byte header of six little-endian numbers and a payload. The reader accepts
any split of the byte stream and stops at the first byte that cannot be a packet: whoever sent it cannot be followed.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["HEADER_SIZE", "MAX_PAYLOAD", "Packet", "PacketReader", "Verb", "WireError", "encode"]

MAX_PAYLOAD = 1 << 20
HEADER_SIZE = 24
_HEADER = struct.Struct("<6I")
_MASK = 0xFFFFFFFF


class Verb(IntEnum):
    """The commands of a packet, named as on the wire."""

    CNXN = int.from_bytes(b"CNXN", "little")
    AUTH = int.from_bytes(b"AUTH", "little")
    OPEN = int.from_bytes(b"OPEN", "little")
    OKAY = int.from_bytes(b"OKAY", "little")
    WRTE = int.from_bytes(b"WRTE", "little")
    CLSE = int.from_bytes(b"CLSE", "little")


class WireError(Exception):
    """The peer sent what no adb server sends; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet. `verb` may be a number we do not know: such packets are ignored by the core."""

    verb: int
    arg0: int
    arg1: int
    payload: bytes = b""


def encode(packet: Packet, *, checksum: bool) -> bytes:
    """The header of a packet, and its payload; peers since 2017 want no checksum."""
    total = sum(packet.payload) & _MASK if checksum else 0
    verb = packet.verb
    header = _HEADER.pack(verb, packet.arg0, packet.arg1, len(packet.payload), total, verb ^ _MASK)
    return header + packet.payload


class PacketReader:
    """Cuts a byte stream into packets. Keeps at most one unfinished packet."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Packet]:
        """Take more bytes; yields each packet that is whole now. Raises `WireError`."""
        self._buffer += data
        while len(self._buffer) >= HEADER_SIZE:
            verb, arg0, arg1, size, _, magic = _HEADER.unpack_from(self._buffer)
            if magic != verb ^ _MASK:
                raise WireError(f"bad magic {magic:#010x} for command {verb:#010x}")
            if size > MAX_PAYLOAD:
                raise WireError(f"payload of {size} bytes")
            end = HEADER_SIZE + size
            if len(self._buffer) < end:
                return
            with memoryview(self._buffer) as view:
                payload = bytes(view[HEADER_SIZE:end])
            del self._buffer[:end]
            yield Packet(verb, arg0, arg1, payload)
