"""The floor: who is being answered, between the step loop's tokens and the pieces that people read.

No thread and no event loop in it: `worker` runs it in the thread that owns the model.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from host_server.engines.base import (
    EngineError,
    EngineOutOfMemoryError,
    EngineRestartedError,
    Piece,
    Report,
)
from host_server.engines.transformers_vlm.loops import Loop
from host_server.engines.transformers_vlm.request import Ended, Request, Token
from host_server.engines.transformers_vlm.speech import Speech

__all__ = ["Ask", "Floor", "News"]


@dataclass(frozen=True, slots=True)
class Ask:
    """A question ready for the model."""

    request: Request
    thinking: bool = False
    """Whether the prompt has opened the model's thinking already."""
    stop: tuple[str, ...] = ()
    waited_s: float = 0.0
    """Before it came here."""


_SMALLER: Final = "Ask with a smaller picture or a shorter text, or when less is asked at once."


class News(NamedTuple):
    """What to tell the one who asked; a piece with a report, or an error, is the last of it."""

    number: int
    told: Piece | EngineError


Decode: TypeAlias = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class _Row:
    ask: Ask
    speech: Speech


class Floor:
    """Who is being answered. `decoder` makes what turns one answer's tokens into text."""

    def __init__(self, loop: Loop, decoder: Callable[[], Decode]) -> None:
        self._loop: Final = loop
        self._decoder = decoder
        self._rows: dict[int, _Row] = {}

    @property
    def idle(self) -> bool:
        """Whether `step` would do nothing."""
        return self._loop.idle

    def ask(self, ask: Ask) -> list[News]:
        """Somebody asks; says only what is wrong with it."""
        number = ask.request.number
        try:
            self._loop.submit(ask.request)
        except EngineError as error:
            return [News(number, error)]
        self._rows[number] = _Row(ask, Speech(self._decoder(), thinking=ask.thinking, stop=ask.stop))
        return []

    def cancel(self, number: int) -> None:
        """Nobody waits for this answer any more, if it is one."""
        if self._rows.pop(number, None) is not None:
            self._loop.cancel(number)

    def step(self) -> list[News]:
        """One turn of the loop."""
        news: list[News] = []
        for happened in self._loop.step():
            row = self._rows.get(happened.number)
            if row is None:
                continue  # cancelled
            if isinstance(happened, Token):
                news += self._spoken(row, happened)
            else:
                del self._rows[happened.number]
                news += _last(row, happened)
        return news

    def fail(self) -> list[News]:
        """The model is gone: everybody is told."""
        lost = [*self._rows]
        self._rows.clear()
        return [
            News(number, EngineRestartedError("The model failed and is started again. Ask again.")) for number in lost
        ]

    def close(self) -> None:
        """Answer nobody any more; tells nothing."""
        self._loop.close()

    def _spoken(self, row: _Row, token: Token) -> Iterable[News]:
        over = row.speech.stopped
        pieces = row.speech.add(token.token)
        if row.speech.stopped and not over:
            self._loop.cancel(token.number)
        return [News(token.number, piece) for piece in pieces]


def _last(row: _Row, ended: Ended) -> list[News]:
    if ended.reason == "memory":
        return [
            News(ended.number, EngineOutOfMemoryError("There is not enough memory for this question.", hint=_SMALLER))
        ]
    if ended.reason == "error":
        return [News(ended.number, EngineError("The model could not answer this question."))]
    cut = ended.reason == "limit" and not row.speech.stopped
    last = Piece("", tokens=0, cut=cut, report=_report(row, ended))
    return [News(ended.number, piece) for piece in [*row.speech.rest(), last]]


def _report(row: _Row, ended: Ended) -> Report:
    return Report(
        input_tokens=ended.input_tokens,
        output_tokens=ended.output_tokens,
        image_tokens=ended.image_tokens,
        cached_tokens=ended.cached_tokens,
        reasoning_tokens=row.speech.reasoning_tokens,
        waited_s=row.ask.waited_s + ended.waited_s,
        prefill_s=ended.prefill_s,
    )
