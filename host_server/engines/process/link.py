"""Link: the host's end of the pipes to one engine's process, from its first word to its death.

Callbacks instead of tasks: whatever the child sends is handled where it arrives, and nothing has to be awaited to
notice that it is gone.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

from host_server.core.question import PreparedQuestion
from host_server.core.watchdog import Watchdog
from host_server.engines.base import EngineError, EngineRestartedError, Piece
from host_server.engines.process import messages
from host_server.engines.process.frames import FrameError, FrameReader, Json, encode

__all__ = ["Limits", "Link", "Reply"]

_MAX_WORD: Final = 1024 * 1024
_MAX_WAITING: Final = 8 * 1024 * 1024
"""Text of one answer that nobody has taken yet."""
_STDOUT: Final = 1
_LAST_WORDS_S: Final = 0.5
_LEVELS: Final = {"ERROR": logging.ERROR, "WARNING": logging.WARNING, "INFO": logging.INFO}
_LONGEST_LOG: Final = 20_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an engine's process may take for what, in seconds."""

    beat_s: float = 5.0
    silent_s: float = 30.0
    """Without an answer to a ping."""
    stall_s: float = 120.0
    """Without a piece of any answer, or a step towards one, while at least one is worked on."""
    load_s: float = 900.0
    """A large model on a slow disk, made smaller while it is loaded."""
    close_s: float = 2.0


@dataclass(slots=True)
class Reply:
    """What the child says to one request: pieces, and then None or an error."""

    queue: asyncio.Queue[Piece | EngineError | None] = field(default_factory=asyncio.Queue)
    waiting: int = 0

    async def get(self) -> Piece | None:
        """The next piece, None at the end. Raises `EngineError`."""
        told = await self.queue.get()
        if isinstance(told, EngineError):
            raise told
        self.waiting -= len(told.text) if told else 0
        return told


class Link(asyncio.SubprocessProtocol):
    """One child. `gone` is set once it has ended and every reply knows."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float]) -> None:
        self.gone = asyncio.Event()
        self.pid = 0
        self.memory: dict[str, int] = {}
        self._limits = limits
        self._clock = clock
        self._dog = Watchdog(silent_s=limits.silent_s, stall_s=limits.stall_s)
        self._frames = FrameReader(max_json=_MAX_WORD, max_blob=0)
        self._replies: dict[int, Reply] = {}
        self._working: set[int] = set()
        self._last = 0
        self._steps = 0
        self._spoke = False
        self._transport: asyncio.SubprocessTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    # ---- what the host wants
    def warm_up(self) -> Reply:
        """Load the engine; the reply ends when it is ready."""
        number, reply = self._new()
        self._send(encode({"type": "warm", "id": number, "form": messages.FORM}))
        return reply

    def ask(self, question: PreparedQuestion) -> tuple[int, Reply]:
        """Put a question. Raises `EngineError` when it cannot be carried."""
        number, reply = self._new()
        try:
            frame = messages.ask(number, question)
        except FrameError:
            del self._replies[number]
            raise EngineError("The question is too large.") from None
        if not self._working:
            self._dog.moved(self._clock())
        self._working.add(number)
        self._send(frame)
        return number, reply

    def leave(self, number: int) -> None:
        """Nobody waits for this answer any more. The child is watched until it has let go of it."""
        if self._replies.pop(number, None) is not None and number in self._working:
            self._send(encode({"type": "cancel", "id": number}))

    def hang_up(self) -> None:
        """Ask it to end."""
        pipe = self._pipe()
        if pipe is not None:
            pipe.close()

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._transport is not None:
            with contextlib.suppress(ProcessLookupError):
                self._transport.kill()

    def fail_all(self, error: EngineError) -> None:
        """Tell everybody who waits."""
        for reply in self._replies.values():
            reply.queue.put_nowait(error)
        self._replies.clear()
        self._working.clear()

    # ---- what happens
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It has been started."""
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self.pid = self._transport.get_pid()
        self._timer = asyncio.get_running_loop().call_later(self._limits.beat_s, self._look)

    def pipe_data_received(self, _fd: int, data: bytes) -> None:
        """It says something."""
        try:
            for frame in self._frames.feed(data):
                self._spoke = True
                self._dog.heard()
                self._take(frame.message)
        except FrameError as error:
            self._give_up(f"not to be understood ({error})")

    def pipe_connection_lost(self, fd: int, _exc: Exception | None) -> None:
        """It will say nothing any more: it has ended, of which we hear next, or it has no business to go on."""
        if fd == _STDOUT:
            asyncio.get_running_loop().call_later(_LAST_WORDS_S, self.kill)

    def process_exited(self) -> None:
        """It has ended; its last words may still be in the pipe, which somebody else may hold open."""
        asyncio.get_running_loop().call_later(_LAST_WORDS_S, self.connection_lost, None)

    def connection_lost(self, _exc: Exception | None) -> None:
        """It has ended, and everything it said has been heard."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
        self.fail_all(EngineRestartedError("The model's process ended in mid-answer. Ask again."))
        self.gone.set()

    def _take(self, message: Json) -> None:
        kind = message.get("type")
        if kind == "log":
            level = _LEVELS.get(str(message.get("level")), logging.INFO)
            _log.log(level, "%s", str(message.get("text"))[:_LONGEST_LOG])
        elif kind in {"piece", "done", "failed"}:
            number = messages.number_of(message)
            self._answered(number, kind, message)
        elif kind == "pong":
            self._ponged(message)
        else:
            raise FrameError("an unknown message")

    def _ponged(self, message: Json) -> None:
        self.memory = messages.memory_of(message)
        steps, self._steps = self._steps, messages.steps_of(message)
        if steps != self._steps and self._working:
            self._dog.moved(self._clock())

    def _answered(self, number: int, kind: str, message: Json) -> None:
        self._dog.moved(self._clock())
        reply = self._replies.get(number)
        if kind == "piece":
            piece = messages.piece_of(message)
            if reply is not None:
                reply.waiting += len(piece.text)
                if reply.waiting > _MAX_WAITING:
                    raise FrameError("more text than anybody reads")
                reply.queue.put_nowait(piece)
            return
        self._replies.pop(number, None)
        self._working.discard(number)
        if not self._working:
            self._dog.rests()
        if reply is not None:
            reply.queue.put_nowait(messages.error_of(message) if kind == "failed" else None)

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._limits.beat_s, self._look)
        now = self._clock()
        hang = self._dog.look(now)
        if hang is not None:
            self._give_up(hang)
            return
        if self._spoke:  # before its first word it is still being started, and loading has a deadline of its own
            self._dog.pinged(now)
            self._send(encode({"type": "ping"}))

    def _give_up(self, reason: str) -> None:
        _log.error("the engine's process %d is %s; killing it", self.pid, reason)
        self.kill()

    def _new(self) -> tuple[int, Reply]:
        if self._transport is None:
            raise EngineRestartedError("The model's process has just ended. Ask again.")
        self._last += 1
        reply = self._replies[self._last] = Reply()
        return self._last, reply

    def _send(self, frame: bytes) -> None:
        pipe = self._pipe()
        if pipe is not None and not pipe.is_closing():
            pipe.write(frame)

    def _pipe(self) -> Any:
        return None if self._transport is None else self._transport.get_pipe_transport(0)
