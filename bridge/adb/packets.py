"""The shell v2 protocol, pure: bytes in, pieces of output and an exit code out.

A packet is one byte of kind and four of length. Lengths come from the phone and may claim 4 GiB, so a packet is never
collected: its bytes are passed on as they come, and the caller's limit on the whole output decides.
"""

import struct
from dataclasses import dataclass

from bridge.adb.faults import GarbledError

__all__ = ["CLOSE_STDIN", "Exited", "ShellParser", "StderrPiece", "StdoutPiece", "stdin_packet"]

_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)
_HEAD = struct.Struct("<BI")

CLOSE_STDIN = _HEAD.pack(_CLOSE_STDIN, 0)


@dataclass(frozen=True, slots=True)
class StdoutPiece:
    """Some bytes of the command's standard output."""

    data: bytes


@dataclass(frozen=True, slots=True)
class StderrPiece:
    """Some bytes of the command's standard error."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Exited:
    """The command ended. Nothing follows."""

    code: int


def stdin_packet(data: bytes) -> bytes:
    """`data` for the command's standard input."""
    return _HEAD.pack(_STDIN, len(data)) + data


class ShellParser:
    """Feed it what arrives, in pieces of any size."""

    def __init__(self) -> None:
        self._head = b""
        self._kind = _STDIN
        self._left = 0

    def feed(self, data: bytes) -> list[StdoutPiece | StderrPiece | Exited]:
        """The events in `data`. Kinds we do not know are skipped, as the protocol asks."""
        events: list[StdoutPiece | StderrPiece | Exited] = []
        position = 0
        while position < len(data):
            if not self._left:
                position = self._read_head(data, position)
                continue
            piece = data[position : position + self._left]
            position += len(piece)
            self._left -= len(piece)
            if self._kind == _STDOUT:
                events.append(StdoutPiece(piece))
            elif self._kind == _STDERR:
                events.append(StderrPiece(piece))
            elif self._kind == _EXIT:
                events.append(Exited(piece[0]))
        return events

    def _read_head(self, data: bytes, position: int) -> int:
        """Take what is there of the five bytes of a head; the new position."""
        taken = data[position : position + _HEAD.size - len(self._head)]
        self._head += taken
        if len(self._head) == _HEAD.size:
            self._kind, self._left = _HEAD.unpack(self._head)
            self._head = b""
            if self._kind == _EXIT and self._left != 1:
                raise GarbledError(f"an exit packet of {self._left} bytes")
        return position + len(taken)
