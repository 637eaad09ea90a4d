"""Keys and values of all rows of a batch, written in place.

`DynamicLayer` of transformers concatenates at every step, which copies the whole of it for one more token, and again
for everyone when a row joins or leaves. `Rows` writes in place:

```
            start            end      capacity
 row 0   ░░░░░░░░░▓▓▓▓▓▓▓▓▓▓▓│          │     every row ends at the same column: a step writes one column,
 row 1   ░▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│          │     a row that joins writes its own row only,
 row 2   ░░░░░▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓│          │     and where one leaves the last row moves into its place.
```
"""

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

from host_server.engines.transformers_vlm.kept import Kept

__all__ = ["Rows", "columns_for", "longest_in"]

_BLOCK = 128
"""Columns by which the rows' memory grows: everything is copied once in so many steps."""


def columns_for(length: int) -> int:
    """How many columns are taken for rows of this length: whole blocks, and at least one column to write to."""
    return (length // _BLOCK + 1) * _BLOCK


def longest_in(columns: int) -> int:
    """The longest row for which so many columns are enough; less than one if there is none."""
    return columns // _BLOCK * _BLOCK - 1


class _Layer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer of `Rows`, in the form in which `forward()` wants it."""

    def __init__(self, rows: "Rows", keys: torch.Tensor, values: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows, self.k, self.v = rows, keys, values
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new column. It counts only when `Rows.advance` says so: a step that failed can be done again."""
        rows = self.rows
        window = slice(rows.start, rows.end + key_states.shape[-2])
        here = slice(rows.end, window.stop)
        self.k[: rows.count, :, here] = key_states
        self.v[: rows.count, :, here] = value_states
        return self.k[: rows.count, :, window], self.v[: rows.count, :, window]

    def get_seq_length(self) -> int:
        return self.rows.end - self.rows.start


class Rows:
    """The keys and values of all rows of a batch, with room to write. Rows are numbered from 0, without gaps."""

    def __init__(self) -> None:
        self._lengths: list[int] = []
        self._mask: torch.Tensor | None = None
        self._layers: list[_Layer] = []
        self.start = 0
        self.end = 0

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self._lengths)

    @property
    def cache(self) -> Cache:
        """For `forward()`, which reads all rows and writes one column."""
        return Cache(layers=[*self._layers])

    @property
    def nbytes(self) -> int:
        """Of all the memory held, room to grow included."""
        return sum(layer.k.nbytes + layer.v.nbytes for layer in self._layers)

    def join(self, kept: Kept) -> None:
        """Add a row, the last one. What it was made of is copied."""
        length = len(kept)
        if not self._layers:
            self._allocate(kept)
        elif self.count == self._capacity()[0] or length > self.end:
            self._reallocate(self.count + 1, length)
        row = self.count
        columns = slice(self.end - length, self.end)
        for layer, (keys, values) in zip(self._layers, kept.layers, strict=True):
            layer.k[row, :, columns] = keys[0]
            layer.v[row, :, columns] = values[0]
        self._lengths.append(length)
        self.start = min(self.start, columns.start) if row else columns.start
        self._show(row)

    def leave(self, row: int) -> None:
        """Take a row out. The last one gets its number."""
        last = self.count - 1
        if row != last:
            for layer in self._layers:
                layer.k[row, :, self.start : self.end] = layer.k[last, :, self.start : self.end]
                layer.v[row, :, self.start : self.end] = layer.v[last, :, self.start : self.end]
            self._lengths[row] = self._lengths[last]
            self._show(row)
        self._lengths.pop()
        if not self._lengths:
            self._layers, self._mask, self.start, self.end = [], None, 0, 0
        else:
            self.start = self.end - max(self._lengths)

    def kept(self, row: int) -> Kept:
        """A row's keys and values, as long as nothing is written: copy what shall outlive the next step."""
        here = slice(row, row + 1)
        columns = slice(self.end - self._lengths[row], self.end)
        return Kept(tuple((layer.k[here, :, columns], layer.v[here, :, columns]) for layer in self._layers))

    def make_room(self) -> None:
        """For one more column."""
        if self.end == self._capacity()[1]:
            self._reallocate(self.count, 0)

    def trim(self) -> None:
        """Give back the memory of rows that have left."""
        if self._layers and self._capacity()[0] > self.count:
            self._reallocate(self.count, 0)

    def mask(self) -> torch.Tensor | None:
        """(rows, columns) with the next column: true where there is a token. `None` when there is no padding."""
        if self._mask is None or min(self._lengths) == max(self._lengths):
            return None
        return self._mask[: self.count, self.start : self.end + 1]

    def advance(self) -> None:
        """The column that `forward()` wrote counts from now on."""
        self.end += 1
        self._lengths = [length + 1 for length in self._lengths]

    def _capacity(self) -> tuple[int, int]:
        keys = self._layers[0].k
        return int(keys.shape[0]), int(keys.shape[-2])

    def _allocate(self, like: Kept) -> None:
        """For a first row."""
        length = len(like)
        self._take([_Layer(self, _zeros(k, 1, length), _zeros(v, 1, length)) for k, v in like.layers])
        self.start = self.end = length

    def _reallocate(self, rows: int, length: int) -> None:
        """Move everything to where just `rows` rows of `length` fit. All of that is had before anything is changed."""
        old, count, window = self._layers, self.count, slice(self.start, self.end)
        used = window.stop - window.start
        length = max(used, length)
        layers = [_Layer(self, _zeros(layer.k, rows, length), _zeros(layer.v, rows, length)) for layer in old]
        self._take(layers)
        self.start, self.end = length - used, length
        for new, layer in zip(self._layers, old, strict=True):
            new.k[:count, :, self.start : self.end] = layer.k[:count, :, window]
            new.v[:count, :, self.start : self.end] = layer.v[:count, :, window]
        for row in range(count):
            self._show(row)

    def _take(self, layers: list[_Layer]) -> None:
        rows, _, columns, _ = layers[0].k.shape
        self._mask = torch.zeros((rows, columns), dtype=torch.bool, device=layers[0].k.device)
        self._layers = layers

    def _show(self, row: int) -> None:
        """Columns to come are true already: the mask is not written at every step."""
        if self._mask is not None:
            self._mask[row] = False
            self._mask[row, self.end - self._lengths[row] :] = True


def _zeros(like: torch.Tensor, rows: int, length: int) -> torch.Tensor:
    """Room for `length` columns and one more at least.

    Zeros, not just any memory: what is masked is multiplied by nothing, and nothing times NaN is NaN.
    """
    return like.new_zeros((rows, like.shape[1], columns_for(length), like.shape[3]))
