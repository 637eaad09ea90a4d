"""The rows that are answered together: one `forward()` gives every one of them its next token."""

from collections.abc import Iterator
from typing import Any

import torch

from host_server.engines.transformers_vlm.kept import Kept
from host_server.engines.transformers_vlm.loaded import Loaded
from host_server.engines.transformers_vlm.row import Row
from host_server.engines.transformers_vlm.rows import Rows
from host_server.engines.transformers_vlm.sampling import Picker

__all__ = ["Batch"]


class Batch:
    """Rows join and leave between steps; nobody's tokens depend on who is beside them."""

    def __init__(self, loaded: Loaded, picker: Picker) -> None:
        self._model = loaded.model
        self._device = loaded.device
        self._picker = picker
        self._kv = Rows()
        self._rows: list[Row] = []
        self._last: torch.Tensor | None = None
        self._positions: torch.Tensor | None = None
        self._boolean_mask = loaded.model.config._attn_implementation == "sdpa"  # ruff: ignore[private-member-access]  # no public name says it

    def __iter__(self) -> Iterator[Row]:
        return iter(list(self._rows))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def nbytes(self) -> int:
        """Bytes held for keys and values."""
        return self._kv.nbytes

    def row(self, number: int) -> Row | None:
        """The row of a request."""
        return next((row for row in self._rows if row.request.number == number), None)

    def join(self, row: Row, kept: Kept) -> bool:
        """Add a row with all of its tokens but the last in `kept`, which is copied. True, or it raises."""
        self._kv.join(kept)
        self._rows.append(row)
        self._last = None
        return True

    def leave(self, row: Row) -> None:
        """Take a row out."""
        place = self._rows.index(row)
        self._kv.leave(place)
        self._rows[place] = self._rows[-1]
        self._rows.pop()
        self._last = None

    def trim(self) -> None:
        """Give back the memory of rows that have left."""
        self._kv.trim()

    def kept(self, row: Row) -> Kept:
        """What is computed of a row, all of its tokens but the last; valid until the next step, join or leave."""
        return self._kv.kept(self._rows.index(row))

    def step(self) -> list[tuple[Row, int]]:
        """The next token of every row. Changes nothing when it raises, so that it can be tried again."""
        self._kv.make_room()
        last, positions = self._inputs()
        told: Any = self._model(
            input_ids=last,
            position_ids=positions,
            attention_mask=self._mask(),
            past_key_values=self._kv.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        picked = self._picker.pick(told.logits[:, -1], [row.dice for row in self._rows])
        self._kv.advance()
        self._last, self._positions = picked[:, None], positions + 1
        return list(zip(self._rows, picked.tolist(), strict=True))

    def _inputs(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Every row's last token and its position. After a step they are there already, on the device."""
        if self._last is None or self._positions is None:
            self._last = torch.tensor([[row.tokens[-1]] for row in self._rows], device=self._device)
            following = torch.stack([row.following for row in self._rows], dim=-1)[..., None]
            self._positions = following.to(self._device)
        return self._last, self._positions

    def _mask(self) -> torch.Tensor | None:
        """Which columns are tokens, in the form that the attention in use takes.

        A mask of two dimensions would do for all, but for sdpa transformers looks into it to see whether it could do
        without, and waits for the device to know.
        """
        mask = self._kv.mask()
        return mask[:, None, None] if mask is not None and self._boolean_mask else mask
