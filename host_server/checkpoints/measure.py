"""Where the numbers for `fit` come from: a folder, or a hub that is asked for nothing but headers."""

import json
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from host_server.checkpoints.errors import CheckpointError
from host_server.checkpoints.files import MOST_SMALL, RemoteFile, needed
from host_server.checkpoints.pull import index_of
from host_server.checkpoints.sources import Source
from host_server.checkpoints.web import Interrupted, Web
from host_server.engines.transformers_vlm import weights
from host_server.engines.transformers_vlm.folder import config_of
from host_server.engines.transformers_vlm.weights import Tensor

__all__ = ["Measured", "Memory", "here", "in_folder", "on_hub"]

_HEADER_START: Final = 8
_NVIDIA: Final = ("nvidia-smi", "--query-gpu=memory.total,name", "--format=csv,noheader,nounits")
_NVIDIA_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A model's configuration and tensors."""

    config: Mapping[str, Any]
    tensors: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """Where a model would live."""

    size: int
    name: str
    is_card: bool


def in_folder(folder: Path) -> Measured:
    """A checkpoint that is here. Raises `EngineError`."""
    return Measured(config_of(folder), tuple(weights.read_weights(folder)))


def on_hub(web: Web, source: Source, model: str, revision: str | None) -> Measured:
    """A checkpoint on a hub: its configuration, and the first bytes of its weights' files. Raises `CheckpointError`."""
    listing = source.listing(model, revision or source.default_revision)
    files = needed(listing, index_of(web, listing))
    config = _object(web.read(listing.files["config.json"].url, most=MOST_SMALL, what="config.json"))
    tensors = [tensor for file in files if file.name.endswith(".safetensors") for tensor in _header(web, file)]
    return Measured(config, tuple(tensors))


def here() -> Memory:
    """This machine's first GPU, else what is free of its memory. Raises `CheckpointError` where neither can be told."""
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        told = subprocess.run(_NVIDIA, capture_output=True, text=True, timeout=_NVIDIA_S, check=True).stdout
        mebibytes, name = told.splitlines()[0].split(",", 1)
        return Memory(int(mebibytes) * 1024**2, name.strip(), is_card=True)
    with suppress(OSError, ValueError, KeyError):
        rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        return Memory(int(rows["MemAvailable"].split()[0]) * 1024, "this machine's free memory", is_card=False)
    raise CheckpointError("This machine does not say how much memory it has.", hint="say it: --memory 24GiB")


def _header(web: Web, file: RemoteFile) -> list[Tensor]:
    """Read on until the header is whole, then hang up."""
    content, length = bytearray(), _HEADER_START
    try:
        with web.open(file.url, what=file.name) as body:
            for chunk in body.chunks:
                content += chunk
                if len(content) >= _HEADER_START:
                    length = _HEADER_START + weights.header_length(bytes(content[:_HEADER_START]), file.size)
                if len(content) >= length > _HEADER_START:
                    break
        return weights.parse_header(bytes(content[_HEADER_START:length]), file.size - length)
    except Interrupted as error:
        raise CheckpointError(f"{file.name} does not come: {error}.", hint="try again") from None
    except ValueError as error:
        raise CheckpointError(f"{file.name} is broken on the hub: {error}.", hint="try another source") from None


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise CheckpointError("config.json on the hub is broken.", hint="try another revision or source")
    return told
