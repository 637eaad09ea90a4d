"""What can go wrong on the way: each with a next step and the exit status of the command that met it."""

from typing import ClassVar

__all__ = ["CheckpointError", "ChecksumError", "NoRoomError", "TokenError"]


class CheckpointError(Exception):
    """The model cannot be had, or not from there."""

    exit_code: ClassVar[int] = 6

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ChecksumError(CheckpointError):
    """What came is not what the hub says it is."""


class TokenError(CheckpointError):
    """The hub wants a token, or another one."""

    exit_code = 10


class NoRoomError(CheckpointError):
    """The disk has no room for it."""

    exit_code = 7
