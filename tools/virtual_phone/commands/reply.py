"""What a command of the phone leaves behind."""

from collections.abc import Callable
from dataclasses import dataclass

from virtual_phone.device import Device

__all__ = ["Command", "Reply"]


@dataclass(frozen=True, slots=True)
class Reply:
    """Output, errors, exit status."""

    stdout: bytes = b""
    stderr: bytes = b""
    status: int = 0

    @classmethod
    def text(cls, text: str) -> "Reply":
        """Success, with a line or several."""
        return cls(stdout=f"{text}\n".encode())

    @classmethod
    def error(cls, text: str, status: int = 1) -> "Reply":
        """Failure, with a line on stderr."""
        return cls(stderr=f"{text}\n".encode(), status=status)


Command = Callable[[Device, list[str]], Reply]
