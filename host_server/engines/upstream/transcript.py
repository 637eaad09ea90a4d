"""What an upstream says, chunk by chunk, as pieces of an answer. Pure; everything in a chunk is doubted.

Servers agree on `choices[0].delta.content` and on little else. Thinking comes as `reasoning` (vLLM), as
`reasoning_content` (SGLang, llama.cpp, `transformers serve`, DeepSeek) or between marks in the content; usage comes in
the last chunk, with `choices` empty, or in the one that brings `finish_reason`, or never; the end is `[DONE]`, or
nothing at all.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from host_server.engines.base import Piece, Report, UpstreamError, UpstreamRefusedError
from host_server.engines.transformers_vlm.marks import Said, Thoughts
from host_server.engines.transformers_vlm.stops import Stops
from host_server.engines.upstream.faults import ADDRESS_HINT, said_in_stream

__all__ = ["Transcript"]

_DONE: Final = b"[DONE]"
_NO_COMPLETION: Final = "The upstream's answer is no chat completion."
_MOST_TOKENS: Final = 1 << 40


class Transcript:
    """One answer: `read` each event's data, `end` it when nothing more comes, then ask for `last`."""

    def __init__(self, *, limit: int | None = None, stop: Iterable[str] = ()) -> None:
        self.done = False
        """Whether nothing more is to come, or what comes is not part of the answer any more."""
        self.finished = False
        """Whether the answer is complete; usage may still come."""
        self.begun = False
        """Whether the model has said anything yet."""
        self._limit = limit
        self._thoughts = Thoughts()
        self._stops = Stops(stop)
        self._half = ""
        self._heard = False
        self._tokens = 0
        self._cut = False
        self._report: Report | None = None

    @property
    def counted(self) -> bool:
        """Whether usage has come."""
        return self._report is not None

    def read(self, data: bytes) -> list[Piece]:
        """One event's data. Raises `UpstreamError`, also for what the upstream itself calls an error."""
        if self.done:
            return []
        if data.strip() == _DONE:
            self.done = True
            return []
        chunk = _parsed(data)
        self._heard = True
        if error := chunk.get("error"):
            raise said_in_stream(error)
        self._count(chunk.get("usage"))
        choice = _first(chunk.get("choices"))
        pieces = self._say(_mapping(choice.get("delta")) or _mapping(choice.get("message")))
        self._finish(choice.get("finish_reason"))
        return pieces

    def end(self) -> list[Piece]:
        """The connection has ended, or enough was waited. Raises `UpstreamError` when the answer had not."""
        if not self._heard:
            raise UpstreamError(_NO_COMPLETION, hint=ADDRESS_HINT)
        if not self.finished and not self.done:
            raise UpstreamError("The upstream broke off its answer.")
        self.done = True
        held = self._thoughts.add(_whole(self._half)) + self._thoughts.rest()
        bits = [self._until_stopped(bit) for bit in held]
        return self._pieces([*bits, Said(self._stops.rest(), thinking=False)])

    def last(self) -> Piece | None:
        """What ends the answer, where there is something to say about it."""
        return Piece("", 0, cut=self._cut, report=self._report) if self._cut or self._report else None

    def _say(self, delta: dict[str, Any]) -> list[Piece]:
        thought = _text(delta.get("reasoning")) or _text(delta.get("reasoning_content"))
        text = self._half + (_text(delta.get("content")) or _text(delta.get("refusal")))
        # A proxy may cut between the halves of a character that JSON writes as two.
        cut = len(text) - (bool(text) and "\ud800" <= text[-1] <= "\udbff")
        text, self._half = text[:cut], text[cut:]
        said = [Said(_whole(thought), thinking=True)] if thought else []
        said += [self._until_stopped(bit) for bit in self._thoughts.add(_whole(text))]
        return self._pieces(said)

    def _until_stopped(self, bit: Said) -> Said:
        return bit if bit.thinking else Said(self._stops.add(bit.text), thinking=False)

    def _pieces(self, said: list[Said]) -> list[Piece]:
        """A token each: how many it really were is told at the end, if at all."""
        pieces = [Piece(text, thinking=thinking) for text, thinking in said if text]
        if self._stops.hit:
            self.finished = self.done = True
        if self._limit is not None and self._tokens + len(pieces) > self._limit:
            # It was told the limit, and does not keep it.
            del pieces[max(0, self._limit - self._tokens) :]
            self._cut = self.finished = self.done = True
        self._tokens += len(pieces)
        self.begun = self.begun or bool(pieces)
        return pieces

    def _finish(self, reason: object) -> None:
        if not isinstance(reason, str):
            return
        if reason == "content_filter":
            raise UpstreamRefusedError("A filter of the upstream stopped the answer.", hint="ask in other words")
        if reason == "error":
            raise UpstreamError("The upstream failed in mid-answer.")
        self.finished = True
        self._cut = self._cut or reason == "length"

    def _count(self, usage: object) -> None:
        if not isinstance(usage, dict):
            return
        prompt, of_prompt = _number(usage.get("prompt_tokens")), _mapping(usage.get("prompt_tokens_details"))
        output, of_output = _number(usage.get("completion_tokens")), _mapping(usage.get("completion_tokens_details"))
        cached = _number(of_prompt.get("cached_tokens")) or _number(usage.get("prompt_cache_hit_tokens"))
        self._report = Report(
            prompt,
            output,
            image_tokens=min(prompt, _number(of_prompt.get("image_tokens"))),
            cached_tokens=min(prompt, cached),
            reasoning_tokens=min(output, _number(of_output.get("reasoning_tokens"))),
        )


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError):
        chunk = None
    if not isinstance(chunk, dict):
        raise UpstreamError(_NO_COMPLETION, hint=ADDRESS_HINT)
    return chunk


def _first(choices: object) -> dict[str, Any]:
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return min(max(0, value), _MOST_TOKENS) if isinstance(value, int) else 0


def _whole(text: str) -> str:
    """Halves of characters joined; one without the other is no character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
