"""Which token comes next: the likeliest, or one that is drawn, each row by its own rules and its own dice."""

from collections.abc import Sequence

import torch

from host_server.engines.transformers_vlm.request import Sampling

__all__ = ["Dice", "Picker"]


class Dice:
    """How one row draws. Its draws depend on its seed only, never on the rows beside it."""

    def __init__(self, sampling: Sampling, device: torch.device) -> None:
        self.temperature = sampling.temperature
        self.top_p = sampling.top_p
        self.generator: torch.Generator | None = None
        if not sampling.greedy:
            self.generator = torch.Generator(device)
            if sampling.seed is None:
                self.generator.seed()
            else:
                self.generator.manual_seed(sampling.seed % 2**63)


class Picker:
    """Picks a token for each row of logits, without waiting for the device."""

    def __init__(self, suppressed: Sequence[int], device: torch.device) -> None:
        self._suppressed = torch.tensor(suppressed, dtype=torch.long, device=device) if suppressed else None

    def pick(self, logits: torch.Tensor, dice: Sequence[Dice]) -> torch.Tensor:
        """One token for each row: (rows, vocabulary) and as many dice to (rows,)."""
        scores = logits.float()
        if self._suppressed is not None:
            scores = scores.index_fill(1, self._suppressed, -torch.inf)
        picked = scores.argmax(-1)
        drawn = [row for row, die in enumerate(dice) if die.generator is not None]
        if drawn:
            rows = torch.tensor(drawn, device=scores.device)
            picked[rows] = _draw(scores[rows], [dice[row] for row in drawn])
        return picked


def _draw(scores: torch.Tensor, dice: Sequence[Dice]) -> torch.Tensor:
    """Draw from softmax(scores / temperature), cut to the likeliest tokens that together have top_p.

    The first of exponential waiting times with the tokens' rates is a token drawn with their probabilities
    (https://en.wikipedia.org/wiki/Exponential_distribution, "distribution of the index of the minimum"): all rows
    are drawn at once though each has its own generator.
    """
    temperature = scores.new_tensor([[die.temperature] for die in dice])
    probabilities = torch.softmax(scores / temperature, dim=-1)
    if any(die.top_p < 1 for die in dice):
        top_p = scores.new_tensor([[die.top_p] for die in dice])
        ordered, order = probabilities.sort(dim=-1, descending=True)
        # A token stays when those before it do not reach top_p yet; the likeliest one always does, top_p 0 or not.
        beyond = (ordered.cumsum(-1) - ordered) >= top_p
        beyond[:, 0] = False
        probabilities = probabilities.scatter(-1, order, ordered.masked_fill(beyond, 0.0))
    waiting = torch.empty_like(probabilities)
    for row, die in zip(waiting, dice, strict=True):
        row.exponential_(generator=die.generator)
    return (probabilities / waiting).argmax(-1)
