"""One answer while it is made: what is the same wherever it is, in the batch or out of it."""

from dataclasses import dataclass, field

import torch

from host_server.engines.transformers_vlm.positions import Positions
from host_server.engines.transformers_vlm.request import Ended, Reason, Request
from host_server.engines.transformers_vlm.sampling import Dice

__all__ = ["Row"]


@dataclass(slots=True, eq=False)
class Row:
    """From the beginning of its prompt to its last token."""

    request: Request
    positions: Positions
    dice: Dice
    limit: int
    """Tokens it may answer."""
    image_tokens: int
    submitted: float
    """When, by the loop's clock."""
    begun: float
    first: float | None = None
    """When its first token came."""
    cached: int = 0
    """Tokens of the prompt that were known."""
    answer: list[int] = field(default_factory=list)
    """All tokens so far, the end mark included. The last one has not gone through the model yet."""

    @property
    def following(self) -> torch.Tensor:
        """Position of the last token of the answer, the next to go through the model."""
        return self.positions.following + (len(self.answer) - 1)

    def ended(self, reason: Reason, now: float) -> Ended:
        """The last that is heard of it."""
        return Ended(
            self.request.number,
            reason,
            input_tokens=len(self.request.ids),
            image_tokens=self.image_tokens,
            cached_tokens=self.cached,
            output_tokens=len(self.answer),
            waited_s=self.begun - self.submitted,
            prefill_s=(now if self.first is None else self.first) - self.begun,
        )
