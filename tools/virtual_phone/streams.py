"""One stream's place in its life, and its two windows.

Pure. There are two ways of flow control. Classic: one WRTE may be on its way until the other side says OKAY. Delayed:
each side may have `WINDOW` bytes on their way, and every OKAY says how many were consumed.
"""

import struct
from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["WINDOW", "Phase", "StreamState"]

WINDOW = 32 << 20
_COUNT = struct.Struct("<i")


class Phase(Enum):
    """Where a stream is between OPEN and CLSE."""

    ASKED = auto()  # the host asked us; nothing was answered yet
    OPENING = auto()  # we asked the host
    OPEN = auto()
    ABANDONED = auto()  # we asked the host and gave up before it answered


@dataclass(slots=True)
class StreamState:
    """What one side must remember of a stream."""

    local: int
    remote: int
    phase: Phase
    delayed: bool
    credit: int = 0  # classic: packets we may send (0 or 1); delayed: bytes
    unread: int = 0  # bytes the host sent and the service has not consumed

    def open(self, credit: int) -> None:
        """Both sides agreed; `credit` is what the host lets us send at once in delayed mode."""
        self.phase = Phase.OPEN
        self.credit = credit if self.delayed else 1

    @property
    def may_send(self) -> bool:
        """Whether a packet may go out now. In delayed mode the last one may overdraw, as adb's own do."""
        return self.phase is Phase.OPEN and self.credit > 0

    def sent(self, size: int) -> None:
        """A packet went out."""
        self.credit -= size if self.delayed else 1

    def granted(self, payload: bytes) -> bool:
        """The host said OKAY; whether it counts."""
        if not self.delayed:
            self.credit = 1
            return True
        if len(payload) != _COUNT.size:
            return False
        self.credit += _COUNT.unpack(payload)[0]
        return True

    def received(self, size: int) -> bool:
        """The host sent data; False when it sent more than the window allows."""
        room = self.unread < WINDOW if self.delayed else self.unread == 0
        self.unread += size
        return room and self.phase is Phase.OPEN

    def consumed(self, size: int) -> bytes | None:
        """The service took bytes: the payload of the OKAY that is due, None when none is."""
        self.unread -= size
        if self.delayed:
            return _COUNT.pack(size)
        return b"" if self.unread == 0 else None

    def window(self) -> bytes:
        """The payload of the first OKAY: what the host may send at once."""
        return _COUNT.pack(WINDOW) if self.delayed else b""

    def first_credit(self, payload: bytes) -> int:
        """What the host's first OKAY lets us send."""
        return _COUNT.unpack(payload)[0] if self.delayed and len(payload) == _COUNT.size else 0
