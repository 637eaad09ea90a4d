"""What loading a checkpoint yields: everything that prompt and step loop need to know of a model."""

from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Loaded"]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model on its device, ready to answer, with what its configuration says about answering."""

    model: Any
    """A `PreTrainedModel` for image and text in, text out, in evaluation mode. Typed loosely: what differs between
    families (`get_rope_index`, `get_image_features`) is no part of their common class."""
    processor: Any
    """Its `ProcessorMixin`; the tokenizer pads on the left."""
    device: torch.device
    dtype: torch.dtype
    """Of what is computed; quantised weights are stored smaller."""
    eos: frozenset[int]
    """Tokens that end an answer."""
    suppressed: tuple[int, ...]
    """Tokens that are never answered."""
    max_positions: int
    """Tokens of prompt and answer together, at most."""
    image_token: int
    """The token that stands in the prompt for a patch of a picture."""
    name: str
    """For people: the model's name without its folder or owner, and how it was loaded where that is unusual."""
