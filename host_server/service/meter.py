"""What one answer took and cost: times, tokens, and which steps of the ladder it was given."""

from collections.abc import Callable
from dataclasses import dataclass

from host_server.core.answer_cache import CachedAnswer
from host_server.core.conversation import Conversation
from host_server.core.degrade import Step
from host_server.engines.base import Piece, Report
from host_server.wire.response import Json, metrics, usage

__all__ = ["Meter"]

_CHARACTERS_A_TOKEN = 4


@dataclass(slots=True)
class Meter:
    """Filled in while the answer runs. Times are of `clock`, in seconds."""

    clock: Callable[[], float]
    arrived: float
    prepare_s: float = 0.0
    seated: float | None = None
    first: float | None = None
    last: float | None = None
    tokens: int = 0
    thinking_tokens: int = 0
    report: Report | None = None
    degraded: tuple[Step, ...] = ()
    known_usage: Json | None = None

    def repeats(self, known: CachedAnswer) -> None:
        """The answer was known: all of it comes at once."""
        self.seated = self.first = self.last = self.clock()
        self.tokens = known.tokens
        self.known_usage = known.usage

    def said(self, piece: Piece) -> float | None:
        """A piece has come; the seconds since the one before, for each of its tokens, if there was one."""
        now, before = self.clock(), self.last
        self.report = piece.report or self.report
        if not piece.text:
            return None
        self.last = now
        self.first = now if self.first is None else self.first
        self.tokens += piece.tokens
        self.thinking_tokens += piece.tokens if piece.thinking else 0
        return None if before is None else (now - before) / max(1, piece.tokens)

    @property
    def waited_s(self) -> float:
        """For a seat, and for the engine to be loaded; what it waits inside the engine comes beside it."""
        seated = self.seated if self.seated is not None else self.clock()
        return max(0.0, seated - self.arrived - self.prepare_s)

    @property
    def first_s(self) -> float | None:
        """From the question's arrival to the first word."""
        return None if self.first is None else self.first - self.arrived

    @property
    def decode_s(self) -> float:
        """From the first word to the last."""
        return 0.0 if self.first is None or self.last is None else self.last - self.first

    @property
    def engine_s(self) -> float | None:
        """How long the engine has worked for it until now."""
        return None if self.seated is None else self.clock() - self.seated

    def usage(self, conversation: Conversation) -> Json:
        """In the engine's own tokens; an engine that does not count them has its pieces and its characters counted."""
        if self.known_usage is not None:
            return self.known_usage
        if self.report is not None:
            report = self.report
            return usage(
                input_tokens=report.input_tokens,
                output_tokens=report.output_tokens,
                cached_tokens=report.cached_tokens,
                image_tokens=report.image_tokens,
                reasoning_tokens=report.reasoning_tokens,
            )
        characters = len(conversation.text) + len(conversation.system)
        characters += sum(len(turn.text) for turn in conversation.history)
        return usage(
            input_tokens=-(-characters // _CHARACTERS_A_TOKEN),
            output_tokens=self.tokens,
            reasoning_tokens=self.thinking_tokens,
        )

    def metrics(self, *, cache: str) -> Json:
        """How long each stage took."""
        report = self.report
        return metrics(
            queue_time_ms=1000 * self.waited_s,
            preprocess_ms=1000 * self.prepare_s,
            time_to_first_token_ms=None if self.first_s is None else 1000 * self.first_s,
            generation_time_ms=1000 * self.decode_s,
            output_tokens=self.tokens,
            cache=cache,
            engine_wait_ms=None if report is None else 1000 * report.waited_s,
            prefill_ms=None if report is None else 1000 * report.prefill_s,
            cached_tokens=None if report is None else report.cached_tokens,
            degraded=self.degraded,
        )
