"""Where each token of a prompt stands, computed for this prompt alone.

Models with rotary positions in three dimensions (glm4v, qwen2_5_vl) keep on the module how far the last prompt's
positions were shifted, whoever asked it. Continuing another prompt by that gives wrong answers, so nothing here and
nothing behind it ever reads it: positions are an argument of every `forward()`.
"""

from dataclasses import dataclass
from typing import Any

import torch

from host_server.engines.transformers_vlm.request import Request

__all__ = ["Positions", "positions_of"]


@dataclass(frozen=True, slots=True)
class Positions:
    """Of one prompt, on the CPU."""

    prompt: torch.Tensor
    """(tokens,), or (4, tokens) for text, time, height and width."""
    following: torch.Tensor
    """Of the token after the prompt: () or (4,). Every further token stands one further."""


def positions_of(model: Any, request: Request, image_token: int) -> Positions:
    """For a prompt with its pictures' grids, if the model has any."""
    length = len(request.ids)
    text = torch.arange(length)
    core = model.model
    if not hasattr(core, "get_rope_index"):
        return Positions(text, torch.tensor(length))
    ids = torch.tensor([request.ids])
    grid = request.inputs.get("image_grid_thw")
    rope, shift = core.get_rope_index(
        ids,
        mm_token_type_ids=(ids == image_token).int(),
        image_grid_thw=None if grid is None else grid.cpu(),
        attention_mask=torch.ones_like(ids),
    )
    following = length + int(shift)
    return Positions(torch.cat([text[None], rope[:, 0]]), torch.tensor([length, following, following, following]))
