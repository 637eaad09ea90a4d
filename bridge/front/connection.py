"""One connection of somebody on the phone, before it has said anything that could be judged.

Any app of the phone reaches the front, and uvicorn would keep every connection that says nothing, for ever: a thousand
of them and `bridge connect` can open no file any more. So there are so many and no more, and each has a moment to say
what it wants. The parser is h11, which reads no endless head.
"""

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["HEAD_S", "MAX_CONNECTIONS", "Connection"]

MAX_CONNECTIONS: Final = 64
HEAD_S: Final = 10.0


class Connection(H11Protocol):
    """uvicorn's protocol with a limit on connections and, for each request's head, on time."""

    def __init__(self, *args: Any, head_within: float = HEAD_S, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head_within = head_within
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Somebody is there; one too many is sent away."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._wait()

    def data_received(self, data: bytes) -> None:
        """Part of a head, or what comes after one."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        """Be patient from the first moment of a head to its last, however slowly its bytes come."""
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._stop_waiting()
        elif self._patience is None:
            self._patience = self.loop.call_later(self._head_within, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
