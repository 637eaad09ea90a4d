"""One answer while it is made: what is the same wherever it is, in the batch or out of it."""

from dataclasses import dataclass, field

import torch

from host_server.engines.transformers_vlm.request import Ended, Happened, Reason, Request, Token
from host_server.engines.transformers_vlm.sampling import Dice

__all__ = ["Answer", "Row"]


@dataclass(slots=True, eq=False, kw_only=True)
class Answer:
    """From the beginning of its prompt to its last token."""

    request: Request
    limit: int
    """Tokens it may have."""
    image_tokens: int
    submitted: float
    """When, by the loop's clock."""
    begun: float | None = None
    first: float | None = None
    """When its first token came."""
    cached: int = 0
    """Tokens of the prompt that were known."""
    tokens: list[int] = field(default_factory=list)
    """All so far, the end mark included. The last one has not gone through the model yet."""

    def add(self, token: int, eos: frozenset[int], now: float) -> tuple[list[Happened], Reason | None]:
        """The next token: what is told of it, and whether it is the last one."""
        self.tokens.append(token)
        if self.first is None:
            self.first = now
        if token in eos:
            return [], "end"
        return [Token(self.request.number, token)], "limit" if len(self.tokens) >= self.limit else None

    def ended(self, reason: Reason, now: float) -> Ended:
        """The last that is heard of it."""
        begun = now if self.begun is None else self.begun
        return Ended(
            self.request.number,
            reason,
            input_tokens=len(self.request.ids),
            image_tokens=self.image_tokens,
            cached_tokens=self.cached,
            output_tokens=len(self.tokens),
            waited_s=begun - self.submitted,
            prefill_s=(now if self.first is None else self.first) - begun,
        )


@dataclass(slots=True, eq=False, kw_only=True)
class Row(Answer):
    """An answer that the step loop makes."""

    dice: Dice
    after_prompt: torch.Tensor = field(default_factory=lambda: torch.tensor(0))
    """Position of the token after the prompt, from `positions`; told when the prompt is begun."""

    @property
    def following(self) -> torch.Tensor:
        """Position of the last token, the next to go through the model."""
        return self.after_prompt + (len(self.tokens) - 1)
