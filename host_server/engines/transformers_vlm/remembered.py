"""What is kept beyond an answer's end, so that the next one need not compute it again; all of it can be forgotten."""

from collections.abc import Sequence

from host_server.engines.transformers_vlm import memory
from host_server.engines.transformers_vlm.kept import Kept
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.prefill import can_be_divided
from host_server.engines.transformers_vlm.prefixes import PrefixTree, key_of
from host_server.engines.transformers_vlm.request import Request
from host_server.engines.transformers_vlm.vision import Features

__all__ = ["Remembered"]

_FEATURES_SHARE = 8
"""One part in so many of the memory is for features of pictures."""


class Remembered:
    """Keys and values of prompts and answers, and features of pictures.

    `limit` is what keys and values may have in bytes when something is kept or looked up: what runs needs the rest.
    """

    def __init__(self, loaded: Loaded, budget: int) -> None:
        self.features = Features(loaded, budget // _FEATURES_SHARE)
        self.kv_bytes = budget - budget // _FEATURES_SHARE
        """What is left for keys and values, of those that run and those that are remembered."""
        self._prefixes: PrefixTree[Kept] = PrefixTree()
        self._device = loaded.device
        self._image_token = loaded.image_token
        self._divides = can_be_divided(loaded.model)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._prefixes.nbytes + self.features.nbytes

    def known(self, request: Request, limit: int) -> tuple[int, Kept | None]:
        """How many tokens of a prompt are known, and what of them. At least one is left, to predict from."""
        if not self._divides:
            return 0, None
        length, parts = self._prefixes.find(key_of(request, self._image_token)[:-1])
        self._prefixes.shrink(limit)
        return length, Kept.joined(parts) if parts else None

    def keep(self, request: Request, answer: Sequence[int], kept: Kept, limit: int) -> None:
        """Keep what is computed of a prompt, or of a prompt and its answer."""
        if self._divides:
            self._prefixes.keep(key_of(request, self._image_token, answer), kept, limit)

    def forget(self) -> bool:
        """Free all of it. Whether there was anything."""
        there_was = self.nbytes > 0
        self._prefixes.shrink(0)
        self.features.clear()
        memory.release(self._device)
        return there_was
