"""The packets of shell protocol version 2, as bytes.

Pure. One byte says what it is, four say how long, then the bytes. The host may split and join them as it likes.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

__all__ = ["Kind", "ShellReader", "ShellRequest", "encode", "exit_packet", "parse_window_size"]

_HEAD = struct.Struct("<BI")
_PACKET_LIMIT = 1 << 20
_SIZE_LIMIT = 0xFFFF


class Kind(IntEnum):
    """What a packet holds."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    EXIT = 3
    CLOSE_STDIN = 4
    WINDOW_SIZE = 5


@dataclass(frozen=True, slots=True)
class ShellRequest:
    """What `shell,v2,TERM=xterm,pty:ls` asks for. Options nobody knows are ignored, as adbd does."""

    command: str
    v2: bool
    pty: bool
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, options: list[str], command: str) -> "ShellRequest":
        """From the parts between `shell` and the colon, and what follows it."""
        pty = "pty" in options or (not command and "raw" not in options)
        terms = [option.removeprefix("TERM=") for option in options if option.startswith("TERM=")]
        environment = {"TERM": terms[-1]} if terms else {}
        return cls(command, "v2" in options, pty, environment)


class ShellReader:
    """Cuts the host's bytes into packets. Keeps at most one unfinished packet."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Take more bytes; yields kind and content of each packet that is whole. Raises ValueError."""
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            kind, size = _HEAD.unpack_from(self._buffer)
            if size > _PACKET_LIMIT:
                raise ValueError(f"shell packet of {size} bytes")
            end = _HEAD.size + size
            if len(self._buffer) < end:
                return
            content = bytes(self._buffer[_HEAD.size : end])
            del self._buffer[:end]
            yield kind, content


def encode(kind: Kind, content: bytes) -> bytes:
    """One packet."""
    return _HEAD.pack(kind, len(content)) + content


def exit_packet(status: int) -> bytes:
    """The last packet: how the command ended; a signal counts as 128 and its number."""
    return encode(Kind.EXIT, bytes([(128 - status if status < 0 else status) & 0xFF]))


def parse_window_size(content: bytes) -> tuple[int, int] | None:
    """Rows and columns of `24x80,0x0`, None when it is something else."""
    rows, _, rest = content.partition(b"x")
    columns, _, _ = rest.partition(b",")
    if not rows.isdigit() or not columns.isdigit():
        return None
    size = int(rows), int(columns)
    return size if max(size) <= _SIZE_LIMIT else None
