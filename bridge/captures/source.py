"""Where captures come from, as everything above sees it."""

from collections.abc import AsyncGenerator
from typing import Protocol

from bridge.spool import Capture

__all__ = ["CaptureSource"]


class CaptureSource(Protocol):
    """Something that gives captures, each safe in the spool before it is given."""

    def captures(self) -> AsyncGenerator[Capture, None]:
        """Give captures as they happen. Closing the iterator ends the source."""
