"""What the weights of a checkpoint are, read from their headers alone: names, shapes, whether the files are whole.

A safetensors file is a length (8 bytes, little endian), so many bytes of JSON `{name: {dtype, shape, data_offsets}}`,
and the data. The standard library is enough, so that what a model needs is known before anything heavy is loaded.
"""

import json
import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from host_server.engines.base import EngineError
from host_server.engines.options import Quantize

__all__ = [
    "INDEX",
    "NOT_QUANTISED",
    "SINGLE",
    "Tensor",
    "header_length",
    "held_bytes",
    "indexed",
    "parse_header",
    "read_header",
    "read_weights",
    "shards",
]

SINGLE: Final = "model.safetensors"
INDEX: Final = "model.safetensors.index.json"

NOT_QUANTISED: Final = (
    "lm_head",
    "connector",
    "mm_projector",
    "multi_modal_projector",
    "vision_model",
    "vision_tower",
    "visual",
)
"""Modules that keep their precision: small print is read with the vision tower, and words are chosen with the head."""

_AGAIN: Final = "fetch it again: `bridge-host pull` verifies each file; or copy the folder once more"
_MOST_HEADER: Final = 100 * 1024 * 1024  # what safetensors itself takes
_MOST_INDEX: Final = 64 * 1024 * 1024
_LENGTH: Final = struct.Struct("<Q")
_WIDTHS: Final = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
_FLOATING: Final = frozenset({"F64", "F32", "F16", "BF16"})
_MATRIX: Final = 2
_MOST_SIDES: Final = 16
_LONGEST_SIDE: Final = 1 << 48

# Bytes a weight of a quantised matrix takes. nf4: half a byte, and a float32 for each block of 64.
_QUANTISED: Final[Mapping[Quantize, float]] = {"int8": 1.0, "nf4": 0.5 + 4 / 64}


@dataclass(frozen=True, slots=True)
class Tensor:
    """One of a checkpoint's tensors, as it is stored."""

    name: str
    dtype: str
    """As safetensors writes it: `BF16`, `F32`, …"""
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Numbers in it."""
        return math.prod(self.shape)

    @property
    def stored_bytes(self) -> int:
        """Bytes in the file."""
        return self.count * _WIDTHS.get(self.dtype, 1)


def shards(folder: Path) -> tuple[str, ...]:
    """The files that hold the weights, by name. Raises `EngineError` where there are none."""
    if (folder / SINGLE).is_file():
        return (SINGLE,)
    index = folder / INDEX
    if not index.is_file():
        pickled = any(folder.glob("*.bin"))
        raise EngineError(
            f"{folder.name} has no weights in safetensors files"
            + (", only pickled ones, which could run any code." if pickled else "."),
            hint="give a revision or a model that has *.safetensors files",
        )
    return indexed(_read_json(index), folder.name)


def indexed(index: Any, model: str) -> tuple[str, ...]:
    """The files that an index names, each a plain name beside it. Raises `EngineError`."""
    files = index.get("weight_map") if isinstance(index, dict) else None
    names = sorted(set(files.values())) if isinstance(files, dict) and _all_text(files.values()) else []
    if not names or any(not _is_plain(name) for name in names):
        raise EngineError(f"{INDEX} of {model} does not name its files.", hint=_AGAIN)
    return tuple(names)


def read_weights(folder: Path) -> list[Tensor]:
    """Every tensor of the checkpoint in this folder. Raises `EngineError` where a file is missing, cut or broken."""
    tensors: list[Tensor] = []
    for name in shards(folder):
        path = folder / name
        try:
            with path.open("rb") as file:
                tensors += read_header(file, path.stat().st_size)
        except FileNotFoundError:
            raise EngineError(f"{name} of {folder.name} is missing.", hint=_AGAIN) from None
        except ValueError as error:
            raise EngineError(f"{name} of {folder.name} is broken: {error}.", hint=_AGAIN) from None
        except OSError as error:
            raise EngineError(f"{name} of {folder.name} cannot be read: {error.strerror}.", hint=_AGAIN) from None
    return tensors


def read_header(file: IO[bytes], size: int) -> list[Tensor]:
    """The tensors of one safetensors file of `size` bytes. Raises `ValueError` in words for people."""
    start = file.read(_LENGTH.size)
    if len(start) < _LENGTH.size:
        raise ValueError("it is empty" if not start else "it ends in its first bytes")
    length = header_length(start, size)
    return parse_header(file.read(length), size - _LENGTH.size - length)


def header_length(start: bytes, size: int) -> int:
    """How long the header is, from the first 8 bytes of a file of `size` bytes. Raises `ValueError`."""
    (length,) = _LENGTH.unpack(start)
    if not 0 < length <= min(_MOST_HEADER, size - _LENGTH.size):
        raise ValueError("it is no safetensors file, or cut")
    return int(length)


def parse_header(header: bytes, data: int) -> list[Tensor]:
    """The tensors that a header of a file with `data` bytes behind it tells. Raises `ValueError`."""
    try:
        told = json.loads(header)
        rows = {name: row for name, row in told.items() if name != "__metadata__"}
        tensors = [Tensor(name, str(row["dtype"]), _sides(row["shape"])) for name, row in rows.items()]
        end = max((int(row["data_offsets"][1]) for row in rows.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
        raise ValueError("its header makes no sense") from None
    if end != data:
        raise ValueError(f"it has {data} bytes of {end}" if data < end else "it has more bytes than its header says")
    return tensors


def held_bytes(tensors: Iterable[Tensor], *, width: int, quantize: Quantize) -> int:
    """Bytes of memory the weights take once loaded: `width` bytes a number, quantised matrices as `_QUANTISED` says."""
    return sum(math.ceil(tensor.count * _held_width(tensor, width, quantize)) for tensor in tensors)


def _held_width(tensor: Tensor, width: int, quantize: Quantize) -> float:
    if tensor.dtype not in _FLOATING:
        return _WIDTHS.get(tensor.dtype, 1)  # already quantised, or indices: taken as they are
    if quantize == "none" or not _is_quantised(tensor):
        return width
    return _QUANTISED[quantize]


def _is_quantised(tensor: Tensor) -> bool:
    parts = tensor.name.split(".")
    embeds = any("embed" in part for part in parts)
    return len(tensor.shape) == _MATRIX and not embeds and not any(part in NOT_QUANTISED for part in parts)


def _is_plain(name: str) -> bool:
    return name.endswith(".safetensors") and name.isprintable() and not {"/", "\\"} & set(name)


def _sides(shape: Iterable[Any]) -> tuple[int, ...]:
    """A shape with which can be counted: whoever multiplies numbers of thousands of digits comes to no end."""
    sides = tuple(int(side) for side in shape)
    if len(sides) > _MOST_SIDES or not all(0 <= side < _LONGEST_SIDE for side in sides):
        raise ValueError("no shape")
    return sides


def _all_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _read_json(path: Path) -> Any:
    with path.open("rb") as file:
        text = file.read(_MOST_INDEX)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise EngineError(f"{path.name} of {path.parent.name} is broken.", hint=_AGAIN) from None
