"""One prompt on its way through the model, a bounded piece at a time, so that running answers wait no longer than that.

```
 step 1 … n     layers of the vision tower, where a picture's features are not known
 step n+1 … m   a chunk of tokens: embeddings, features in the places of the pictures, through the language model
```
"""

from typing import Any

import torch

from host_server.engines.transformers_vlm.kept import Kept, cache_of, kept_of
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.paused import InPieces
from host_server.engines.transformers_vlm.positions import Positions
from host_server.engines.transformers_vlm.row import Row
from host_server.engines.transformers_vlm.vision import Features, moved, pictures_of

__all__ = ["Prefill", "can_be_divided"]

_DIVIDED = frozenset({"glm4v", "glm46v", "glm4v_moe", "qwen2_vl", "qwen2_5_vl", "idefics3", "smolvlm", "llava"})
"""Families that put a picture's features in place of its tokens and do nothing else with them. Others may let tokens of
a picture see each other, or bring features into deeper layers: their prompts go through the model in one piece, and
nothing of them is reused."""


def can_be_divided(model: Any) -> bool:
    """Whether a prompt may go through this model in pieces, so that a piece may also be reused."""
    return model.config.model_type in _DIVIDED


class Prefill:
    """The prompt of one row. `step` until it gives logits; then `kept` is the prompt's. In any case `close` it."""

    def __init__(
        self, loaded: Loaded, row: Row, positions: Positions, features: Features, past: Kept | None, chunk: int
    ) -> None:
        self.row = row
        self._loaded = loaded
        self._features = features
        self._chunk = chunk
        self._ids = torch.tensor([row.request.ids], device=loaded.device)
        prompt = positions.prompt.to(loaded.device)
        self._positions = prompt[None] if prompt.dim() == 1 else prompt[:, None]
        self._cache = cache_of(loaded.model.config, past)
        self._done = row.cached
        self._pictured = torch.tensor(row.request.ids) == loaded.image_token
        self._seen: list[torch.Tensor] = []
        self._unseen = pictures_of(row.request)
        self._seeing: InPieces[torch.Tensor] | None = None

    @property
    def kept(self) -> Kept:
        """Of all tokens that are done."""
        return kept_of(self._cache)

    def step(self) -> torch.Tensor | None:
        """Do a piece. Logits after the whole prompt, (1, vocabulary), or `None` while there is more to do.

        Raises `ValueError` when the prompt has not as many tokens for pictures as its pictures have features.
        """
        if not can_be_divided(self._loaded.model):
            return self._whole()
        missing = self._places() - sum(len(features) for features in self._seen)
        if missing > 0:
            self._see()
            return None
        return self._next_chunk()

    def close(self) -> None:
        """Give up what is under way, wherever it is."""
        if self._seeing is not None:
            self._seeing.close()
            self._seeing = None

    def _places(self) -> int:
        """Tokens of pictures that are not done."""
        return int(self._pictured[self._done :].sum())

    def _see(self) -> None:
        """Look a little longer at the last picture that was not looked at: those in front may be done already."""
        if not self._unseen:
            raise ValueError("the prompt has more places for pictures than its pictures fill")
        picture = self._unseen[-1]
        # Somebody else may have come in between and looked at the same one.
        features = self._features.known(picture)
        if features is None:
            self._seeing = self._seeing or self._features.seeing(picture, self._chunk)
            features = self._seeing.go_on()
            if features is None:
                return
            self._features.keep(picture, features)
        self.close()
        self._unseen.pop()
        self._seen.insert(0, features)
        if not self._unseen and sum(map(len, self._seen)) != int(self._pictured.sum()):
            raise ValueError("the prompt has fewer places for pictures than its pictures fill")

    def _next_chunk(self) -> torch.Tensor | None:
        model, start = self._loaded.model, self._done
        end = min(start + self._chunk, self._ids.shape[1])
        embeddings = model.get_input_embeddings()(self._ids[:, start:end])
        places = self._pictured[start:end].nonzero()[:, 0]
        if len(places):
            features = torch.cat(self._seen)
            first = len(features) - self._places()
            embeddings[0, places.to(embeddings.device)] = features[first : first + len(places)].to(embeddings.dtype)
        logits = self._forward(inputs_embeds=embeddings, position_ids=self._positions[..., start:end])
        self._done = end
        return logits if end == self._ids.shape[1] else None

    def _whole(self) -> torch.Tensor:
        inputs = moved(self.row.request.inputs, self._loaded)
        return self._forward(input_ids=self._ids, position_ids=self._positions, **inputs)

    def _forward(self, **inputs: Any) -> torch.Tensor:
        told: Any = self._loaded.model(past_key_values=self._cache, use_cache=True, logits_to_keep=1, **inputs)
        logits: torch.Tensor = told.logits[:, -1]
        return logits
