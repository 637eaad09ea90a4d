"""What every engine promises: a question with prepared pictures in, pieces of text out, as they come.

```
registry.create("ocr") ──► Engine ── warm_up() ── answer(question) ─► Piece, Piece, Piece ── close()
```
The promises, which `tests/conformance/engine_suite.py` holds every engine to:

* `answer()` returns at once; the work starts with the first `__anext__` and never blocks the event loop.
* Closing the iterator (`aclose()`, best through `contextlib.aclosing`) cancels: it returns promptly, and the engine
  stops working on that answer as soon as it can.
* Answers may be asked for concurrently; the engine works on `EngineInfo.lanes` of them at a time and queues the rest
  in order. How many may wait is the scheduler's business.
* Any text is a legal question. What goes wrong is an `EngineError`, whose text may be shown to the person who asked.
* `warm_up()` and `close()` may be called again; an answer after `close()` raises `EngineClosedError`.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from host_server.core.question import PreparedPicture, PreparedQuestion, Priority, Turn

__all__ = [
    "Engine",
    "EngineClosedError",
    "EngineError",
    "EngineInfo",
    "EngineNotInstalledError",
    "EngineOutOfMemoryError",
    "EngineRestartedError",
    "PerishableEngine",
    "Piece",
    "PreparedPicture",
    "PreparedQuestion",
    "Priority",
    "PromptTooLongError",
    "Report",
    "RestartableEngine",
    "SteppingEngine",
    "Turn",
    "UnknownEngineError",
    "UpstreamError",
    "UpstreamRefusedError",
    "WeighedEngine",
]


class EngineError(Exception):
    """An engine cannot do what it was asked. The text is ours and safe to show; `hint` is the next step."""

    code: ClassVar[str] = "engine_unavailable"
    """What the client is told: a row of the table in `wire.errors`."""

    def __init__(self, message: str, *, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retry_after_s = retry_after_s
        """When asking again makes sense, where that is known."""


class UnknownEngineError(EngineError):
    """No engine has that name, or the engine cannot take that specification."""


class EngineNotInstalledError(EngineError):
    """The engine exists, but the libraries it stands on are not installed."""


class EngineClosedError(EngineError):
    """The engine was closed: it answers nothing any more."""


class EngineRestartedError(EngineError):
    """What the engine runs in has ended: this answer is lost, and asking again may help."""

    code = "engine_restarted"


class EngineOutOfMemoryError(EngineError):
    """There was no memory for this answer; the others go on."""

    code = "engine_oom"


class PromptTooLongError(EngineError):
    """Question, pictures and earlier turns are more tokens than the model, or the memory given to it, takes."""

    code = "prompt_too_long"


class UpstreamError(EngineError):
    """The server that was to answer did not, or not to the end."""

    code = "upstream_error"


class UpstreamRefusedError(UpstreamError):
    """The server that was to answer will not, however often it is asked: a key, a model or an address is wrong."""

    code = "upstream_refused"


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What `/v1/models` and the scheduler need to know about an engine."""

    name: str
    """The name it is asked by (`--engine NAME`, `model` in a question)."""
    model: str
    """What really answers, for people: a model's name and version."""
    owner: str
    """Who made the model (`owned_by` of `/v1/models`)."""
    takes_images: bool
    reads_only: bool
    """True when it reads the text in a picture and understands nothing else of it."""
    description: str
    """One sentence for a person who chooses."""
    max_side: int = 2000
    """Longest side in pixels it wants pictures prepared to (`imaging.prepare(data, max_side=…)`)."""
    lanes: int = 1
    """Answers it works on at the same time."""
    repeats: bool = True
    """Whether a greedy answer would be the same again, so that it may be kept."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an answer cost, counted by the engine itself in its own tokens."""

    input_tokens: int
    """The whole prompt, pictures included."""
    output_tokens: int
    """Everything that was generated, thinking and end marks included."""
    image_tokens: int = 0
    """Of the prompt, those that stand for pictures."""
    cached_tokens: int = 0
    """Of the prompt, those that were known from an earlier question and not computed again."""
    reasoning_tokens: int = 0
    """Of the output, those that were thinking."""
    waited_s: float = 0.0
    """Inside the engine, before the prompt was begun."""
    prefill_s: float = 0.0
    """From the beginning of the prompt to the first token."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The next bit of an answer."""

    text: str
    """Pieces joined without anything between them are the answer. Empty only in a last piece, which brings a report
    or says `cut`."""
    tokens: int = 1
    """How many tokens of the engine this piece stands for (>= 1, 0 when it has no text)."""
    cut: bool = False
    """True on the last piece when `max_output_tokens` ended the answer before it was complete."""
    thinking: bool = False
    """True when this is the model thinking aloud, which is not part of the answer."""
    report: Report | None = None
    """On the last piece, from engines that count."""


class Engine(Protocol):
    """Something that answers questions about pictures. Its promises stand in the module's docstring."""

    @property
    def info(self) -> EngineInfo:
        """Constant over the engine's life, and known before it is loaded."""
        ...

    async def warm_up(self) -> None:
        """Load everything, so that the first answer is as quick as the later ones. Raises `EngineError`."""
        ...

    def answer(self, question: PreparedQuestion) -> AsyncGenerator[Piece, None]:
        """Stream the answer; close the generator to cancel. Raises `EngineError` while it is read."""
        ...

    async def close(self) -> None:
        """Cancel what runs, end the worker, free the memory. May be called twice."""
        ...


@runtime_checkable
class PerishableEngine(Engine, Protocol):
    """An engine that may be lost while it is used."""

    async def lost(self) -> None:
        """Wait until it answers nothing any more before `warm_up()` is called again."""
        ...


@runtime_checkable
class RestartableEngine(PerishableEngine, Protocol):
    """An engine that may be lost or ended, and warmed up again, as one in a process of its own."""

    @property
    def memory(self) -> Mapping[str, int]:
        """Bytes it holds, by kind (`rss`, `device`), as it told the last time; empty when it does not tell."""
        ...

    async def unload(self) -> None:
        """End it and free everything it holds; `warm_up()` begins anew. What still runs fails, to be asked again."""
        ...


@runtime_checkable
class SteppingEngine(Engine, Protocol):
    """An engine that works in steps, of which most say nothing while a long prompt is read."""

    def steps(self) -> int:
        """How many it has made. Asked every few seconds in the event loop: one that is slow is not taken for hung."""
        ...


@runtime_checkable
class WeighedEngine(Engine, Protocol):
    """An engine that holds memory of a device, and knows how much."""

    def device_bytes(self) -> int:
        """Bytes of the device's memory that are held now. Asked every few seconds in the event loop: must not wait."""
        ...
