"""What the step loop is asked and what it tells: token ids and tensors, no text.

`Request` in by `StepLoop.submit`, `Token` and `Ended` out of `StepLoop.step`, each with the request's number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import torch

from host_server.engines.base import Priority, PromptTooLongError

__all__ = ["Ended", "Happened", "Reason", "Request", "Sampling", "Token", "room_for"]

Reason: TypeAlias = Literal["end", "limit", "cancelled", "memory", "error"]
"""Why an answer ended: an end mark, all the tokens it might have, given up, no memory for it, a prompt the model does
not take."""

_COLDEST: Final = 1e-5
"""Colder, nothing but the likeliest token is ever drawn, and float32 ends at infinities, of which NaN is made."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is taken: without temperature, or where it would divide logits to infinity."""
        return self.temperature < _COLDEST


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt, tokenised and with its pictures' pixels, for one answer."""

    number: int
    ids: tuple[int, ...]
    """The whole prompt; never empty."""
    inputs: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """What else the processor made for `forward()`, batch size 1: `pixel_values`, `image_grid_thw`, …"""
    pictures: tuple[str, ...] = ()
    """For each picture, in the order of the prompt, a digest of its pixels as prepared: two pictures are the same to
    the caches only if these are. Ids alone do not tell pictures of one size apart."""
    max_new_tokens: int = 512
    sampling: Sampling = field(default_factory=Sampling)
    priority: Priority = "interactive"
    asker: str = ""
    """Nothing of a prompt is known to anybody else: see `prefixes`."""


@dataclass(frozen=True, slots=True)
class Token:
    """The next token of an answer; end marks are not told."""

    number: int
    token: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The last that is heard of a request. Tokens count what was computed, end mark included."""

    number: int
    reason: Reason
    input_tokens: int = 0
    image_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    waited_s: float = 0.0
    prefill_s: float = 0.0


Happened: TypeAlias = Token | Ended


def room_for(request: Request, most: int) -> int:
    """How many tokens its answer may have where prompt and answer together may have `most`; at least one.

    Raises `PromptTooLongError` when there is no room for any.
    """
    length = len(request.ids)
    if length >= most:
        raise PromptTooLongError(
            f"The question is {length} tokens long with its pictures; fewer than {max(most, 1)} are possible.",
            hint="Ask with fewer or smaller pictures, or begin a new conversation.",
        )
    return max(1, min(request.max_new_tokens, most - length))
