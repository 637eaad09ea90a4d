"""Keys and values of attention that are kept and shared: of a prompt, of its beginning, of a conversation's turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from transformers import DynamicCache
from transformers.cache_utils import Cache, DynamicLayer

__all__ = ["Kept", "cache_of", "is_plain", "kept_of"]


@dataclass(frozen=True, slots=True)
class Kept:
    """Keys and values of consecutive tokens of one prompt; nobody writes to them. Each is (1, heads, tokens, width)."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]

    def __len__(self) -> int:
        return int(self.layers[0][0].shape[-2])

    @property
    def nbytes(self) -> int:
        """Bytes of these tokens."""
        return sum(keys.nbytes + values.nbytes for keys, values in self.layers)

    def part(self, start: int, end: int) -> Self:
        """Some of the tokens, sharing the memory."""
        return type(self)(tuple((keys[..., start:end, :], values[..., start:end, :]) for keys, values in self.layers))

    def copy(self) -> Self:
        """The same in memory of its own."""
        return type(self)(tuple((keys.clone(), values.clone()) for keys, values in self.layers))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Parts that follow each other as one; a single part is shared, not copied."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            tuple(
                (torch.cat([keys for keys, _ in layer], dim=-2), torch.cat([values for _, values in layer], dim=-2))
                for layer in zip(*(part.layers for part in parts), strict=True)
            )
        )


def is_plain(config: Any) -> bool:
    """Whether a model of this configuration keeps all keys and values of all layers, and nothing else.

    Sliding windows, linear attention and the like cannot be cut, shared or padded the way it is done here.
    """
    layers = DynamicCache(config=config).layers
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def cache_of(config: Any, past: Kept | None) -> DynamicCache:
    """A cache for `forward()` that begins with what is known. It only reads that: `update` makes new tensors."""
    cache = DynamicCache(config=config)
    if past is not None:
        layers: list[Any] = cache.layers
        for layer, (keys, values) in zip(layers, past.layers, strict=True):
            layer.lazy_initialization(keys, values)
            layer.keys, layer.values = keys, values
    return cache


def kept_of(cache: Cache) -> Kept:
    """What is in a cache of one row."""
    layers: list[Any] = cache.layers
    return Kept(tuple((layer.keys, layer.values) for layer in layers if layer.is_initialized))
