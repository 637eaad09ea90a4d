"""What the vision tower sees in a picture: computed once for each picture, and kept while there is room."""

import inspect
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.paused import InPieces, pausing
from host_server.engines.transformers_vlm.request import Request

__all__ = ["Features", "PictureInputs", "moved", "pictures_of"]


@dataclass(frozen=True, slots=True)
class PictureInputs:
    """One picture of a prompt, or several where they cannot be told apart."""

    digest: tuple[str, ...]
    inputs: Mapping[str, torch.Tensor]


def pictures_of(request: Request) -> list[PictureInputs]:
    """A prompt's pictures one by one, as far as its tensors can be divided."""
    inputs = {name: value for name, value in request.inputs.items() if name != "mm_token_type_ids"}
    pixels = inputs.get("pixel_values")
    if pixels is None:
        return []
    count, grid = len(request.pictures), inputs.get("image_grid_thw")
    if count > 1 and grid is not None and len(grid) == count:
        parts = torch.split(pixels, grid.prod(-1).tolist())
        made = [{"pixel_values": part, "image_grid_thw": grid[i : i + 1]} for i, part in enumerate(parts)]
    elif count > 1 and len(inputs) == 1 and len(pixels) == count:
        made = [{"pixel_values": part} for part in torch.split(pixels, 1)]
    else:
        return [PictureInputs(request.pictures, inputs)]
    return [PictureInputs((digest,), part) for digest, part in zip(request.pictures, made, strict=True)]


class Features:
    """Features of pictures by digest, least recently used out first."""

    def __init__(self, loaded: Loaded, limit: int) -> None:
        self._loaded = loaded
        self._limit = limit
        self._wanted = frozenset(inspect.signature(loaded.model.get_image_features).parameters)
        self._kept: OrderedDict[tuple[str, ...], torch.Tensor] = OrderedDict()
        self.nbytes = 0

    def known(self, picture: PictureInputs) -> torch.Tensor | None:
        """(tokens, width of the language model) of a picture, if they are kept."""
        kept = self._kept.get(picture.digest)
        if kept is not None:
            self._kept.move_to_end(picture.digest)
        return kept

    def seeing(self, picture: PictureInputs, tokens: int) -> InPieces[torch.Tensor]:
        """The same computed, in pieces that cost about as much as so many tokens of a prompt."""

        def see(pause: Callable[[], None]) -> torch.Tensor:
            with torch.inference_mode(), pausing(self._loaded.model, tokens, pause):
                return self._encode(picture)

        return InPieces(see)

    def keep(self, picture: PictureInputs, features: torch.Tensor) -> None:
        """Keep what was computed, if it is not `known`."""
        if features.nbytes <= self._limit:
            self._kept[picture.digest] = features
            self.nbytes += features.nbytes
            while self.nbytes > self._limit:
                self.nbytes -= self._kept.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self.nbytes = 0

    def _encode(self, picture: PictureInputs) -> torch.Tensor:
        wanted = {name: value for name, value in picture.inputs.items() if name in self._wanted}
        seen = self._loaded.model.get_image_features(**moved(wanted, self._loaded), return_dict=True).pooler_output
        parts = [seen] if isinstance(seen, torch.Tensor) else list(seen)
        return torch.cat([part.reshape(-1, part.shape[-1]) for part in parts])


def moved(inputs: Mapping[str, torch.Tensor], loaded: Loaded) -> dict[str, torch.Tensor]:
    """Tensors where the model is; pixels as exact as it computes."""
    return {
        name: value.to(loaded.device, loaded.dtype if value.is_floating_point() else value.dtype)
        for name, value in inputs.items()
    }
