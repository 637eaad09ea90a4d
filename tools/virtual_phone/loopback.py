"""Every phone's own «localhost».

Linux answers all of 127.0.0.0/8, so phone number i gets 127.1.x.y and its port 8017 is not the laptop's, nor another
phone's. Phones of several processes (test workers, two terminals) agree through a name in the kernel's abstract socket
namespace, which is held as long as the phone runs and cannot be left behind by a crash.
"""

import errno
import socket
import sys

__all__ = ["Loopback", "LoopbackTakenError", "claim"]

_PER_NET = 250
_LIMIT = _PER_NET * 250


class LoopbackTakenError(Exception):
    """The address that was asked for belongs to another phone, or all are taken."""


class Loopback:
    """An address held by this phone."""

    def __init__(self, address: str, held: socket.socket | None) -> None:
        self.address = address
        self._held = held

    def release(self) -> None:
        """Give it back."""
        if self._held is not None:
            self._held.close()


def claim(index: int | None) -> Loopback:
    """The address of this index, or the first free one. Raises `LoopbackTakenError`."""
    if not sys.platform.startswith("linux"):
        return Loopback("127.0.0.1", None)  # macOS has no other loopback address without root
    for candidate in range(_LIMIT) if index is None else (index,):
        address = f"127.1.{candidate // _PER_NET}.{candidate % _PER_NET + 1}"
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0virtual_phone/{address}")
        except OSError as error:
            held.close()
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return Loopback(address, held)
    raise LoopbackTakenError(
        "no loopback address is free" if index is None else f"another phone has the loopback address {index}"
    )
