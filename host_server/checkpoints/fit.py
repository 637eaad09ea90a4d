"""What a model takes once it answers, from its configuration and the headers of its weights; and what to do about it.

```
weights   numbers x bytes of the type; int8 1, nf4 9/16 bytes for the matrices of the language model (`held_bytes`)
KV        2 x layers x KV heads x head size x bytes of the type, for each token of each answer
pictures  patches x (4 x hidden + 2 x MLP of the vision tower) x bytes: one picture in the tower at a time
working   prompt x (4 x hidden + 3 x MLP) x bytes + answers x vocabulary x 8 + what torch and its libraries take
```
A picture is taken as a square of the longest side, the most it can be; an answer as that picture and 1,536 tokens of
question, earlier turns and answer. Of the memory 5 % stay free: an allocator never uses all. GLM-4.6V-Flash in
bfloat16: 20.59 GB of weights, 40 KiB of KV a token, 1,369 tokens for a picture of 1024 px.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from host_server.checkpoints.errors import CheckpointError
from host_server.engines.options import Quantize
from host_server.engines.transformers_vlm.weights import Tensor, held_bytes

__all__ = ["QUANTIZE", "TEXT_TOKENS", "Need", "Shape", "Use", "advice", "fits", "need", "shape_of"]

QUANTIZE: Final[tuple[Quantize, ...]] = ("none", "int8", "nf4")
TEXT_TOKENS: Final = 1536
"""Of question, earlier turns and answer together."""

_RUNTIME: Final = 768 * 1024 * 1024
"""A CUDA context, the kernels of torch and its libraries' workspaces; on a CPU about what Python and torch take."""
_USABLE: Final = 0.95
_LEAST_SIDE: Final = 448


@dataclass(frozen=True, slots=True)
class Shape:
    """What the configuration says about a model's size."""

    layers: int
    kv_heads: int
    head: int
    hidden: int
    mlp: int
    vocabulary: int
    patch: int
    """Side of a patch in pixels."""
    merge: int
    """So many patches, squared, are one token."""
    vision_hidden: int
    vision_mlp: int
    image: int | None
    """Side in pixels that pictures, or their tiles, are brought to; None where they keep their size."""
    tiled: bool

    def picture_patches(self, max_side: int) -> int:
        """Patches of the largest picture with that longest side."""
        if self.image is None:
            return math.ceil(max_side / (self.patch * self.merge)) ** 2 * self.merge**2
        tiles = math.ceil(max_side / self.image) ** 2 + 1 if self.tiled else 1
        return (self.image // self.patch) ** 2 * tiles

    def picture_tokens(self, max_side: int) -> int:
        """Tokens of that picture in a prompt."""
        return self.picture_patches(max_side) // self.merge**2

    def kv_per_token(self, width: int) -> int:
        """Bytes of keys and values, `width` bytes a number."""
        return 2 * self.layers * self.kv_heads * self.head * width


@dataclass(frozen=True, slots=True)
class Use:
    """How the model shall be used."""

    width: int
    """Bytes of the type it computes in: 2 or 4."""
    max_side: int
    max_batch: int


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes of memory."""

    weights: int
    kv: int
    pictures: int
    working: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.kv + self.pictures + self.working


def shape_of(config: Mapping[str, Any]) -> Shape:
    """Read config.json. Raises `CheckpointError` where it does not say what a model for image and text says."""
    vision = config.get("vision_config")
    if not isinstance(vision, Mapping):
        raise CheckpointError("config.json tells of no vision tower.", hint="give a model for image and text")
    told = config.get("text_config")
    text: Mapping[str, Any] = told if isinstance(told, Mapping) else config
    hidden, heads = _number(text, "hidden_size"), _number(text, "num_attention_heads")
    keeps_size = "spatial_merge_size" in vision
    tiled = "scale_factor" in config
    merge = _number(vision, "spatial_merge_size") if keeps_size else _number(config, "scale_factor") if tiled else 1
    vision_hidden = _number(vision, "hidden_size", "embed_dim")
    return Shape(
        layers=_number(text, "num_hidden_layers"),
        kv_heads=_number(text, "num_key_value_heads", or_else=heads),
        head=_number(text, "head_dim", or_else=max(1, hidden // heads)),
        hidden=hidden,
        mlp=_number(text, "intermediate_size", or_else=4 * hidden),
        vocabulary=_number(text, "vocab_size", or_else=_number(config, "vocab_size", or_else=1)),
        patch=_number(vision, "patch_size"),
        merge=merge,
        vision_hidden=vision_hidden,
        vision_mlp=_number(vision, "intermediate_size", or_else=4 * vision_hidden),
        image=None if keeps_size else _number(vision, "image_size"),
        tiled=tiled,
    )


def need(shape: Shape, tensors: Sequence[Tensor], use: Use, quantize: Quantize) -> Need:
    """What it takes, by the formula above."""
    patches = shape.picture_patches(use.max_side)
    prompt = shape.picture_tokens(use.max_side) + TEXT_TOKENS
    return Need(
        weights=held_bytes(tensors, width=use.width, quantize=quantize),
        kv=use.max_batch * prompt * shape.kv_per_token(use.width),
        pictures=patches * (4 * shape.vision_hidden + 2 * shape.vision_mlp) * use.width,
        working=prompt * (4 * shape.hidden + 3 * shape.mlp) * use.width
        + 8 * use.max_batch * shape.vocabulary
        + _RUNTIME,
    )


def fits(needed: Need, memory: int) -> bool:
    """Whether it goes into so many bytes."""
    return needed.total <= memory * _USABLE


def advice(
    shape: Shape, tensors: Sequence[Tensor], use: Use, memory: int, *, quantize: Quantize = "none"
) -> tuple[str, ...] | None:
    """The flags with which it fits: none where it does already, `None` where nothing helps.

    First the weights are stored smaller, then fewer answers are written at once, at last pictures are made smaller.
    """
    for stored in QUANTIZE[QUANTIZE.index(quantize) :]:
        if fits(need(shape, tensors, use, stored), memory):
            return () if stored == quantize else ("--quantize", stored)
    for side in (use.max_side, use.max_side * 3 // 4, use.max_side // 2):
        for batch in (use.max_batch // 2, use.max_batch // 4, 1):
            smaller = Use(use.width, side, max(1, batch))
            if side >= min(_LEAST_SIDE, use.max_side) and fits(need(shape, tensors, smaller, "nf4"), memory):
                flags = ("--quantize", "nf4", "--max-batch", str(smaller.max_batch))
                return flags if side == use.max_side else (*flags, "--max-side", str(side))
    return None


def _number(config: Mapping[str, Any], *names: str, or_else: int | None = None) -> int:
    """A size: whole, positive, and not absurd."""
    for name in names:
        told = config.get(name)
        if isinstance(told, int) and 0 < told < 2**31:
            return told
    if or_else is not None:
        return or_else
    raise CheckpointError(f"config.json does not say {names[0]}.", hint="`bridge-host serve` may still load it")
