"""The files of a model: what a hub lists, and which of them a model needs to answer."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from host_server.checkpoints.errors import CheckpointError
from host_server.engines.base import EngineError
from host_server.engines.transformers_vlm import weights

__all__ = ["MOST_SMALL", "Listing", "RemoteFile", "needed", "remote_file"]

MOST_SMALL: Final = 64 * 1024 * 1024
"""Bytes that any file but weights may have."""

_MOST_FILES: Final = 20_000
_MOST_WEIGHTS: Final = 1 << 40
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SMALL: Final = re.compile(
    r"config\.json|generation_config\.json|(video_)?preprocessor_config\.json|processor_config\.json"
    r"|chat_template\.(jinja|json)|tokenizer[A-Za-z0-9_.]*\.(json|model)|special_tokens_map\.json|added_tokens\.json"
    r"|vocab\.(json|txt)|merges\.txt|spiece\.model|sentencepiece[A-Za-z0-9_.]*\.model|tekken\.json"
)
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,100}\.py")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a model on a hub."""

    name: str
    """A plain name: what lies in folders below is needed by other programs."""
    size: int
    url: str
    sha256: str | None = None
    git_sha1: str | None = None
    """Of a file that git itself keeps: sha1 of `blob SIZE\\0` and the content."""

    @property
    def checksum(self) -> str | None:
        """The one that is known."""
        return self.sha256 or self.git_sha1


@dataclass(frozen=True, slots=True)
class Listing:
    """A model at one revision."""

    commit: str
    """40 hexadecimal digits that stand for exactly these contents."""
    files: Mapping[str, RemoteFile]

    @classmethod
    def of(cls, commit: str, files: Iterable[RemoteFile | None]) -> "Listing":
        """Of what could be read; each name counts once."""
        known: dict[str, RemoteFile] = {}
        for file in files:
            if file is not None:
                known.setdefault(file.name, file)
        return cls(commit, known)


def remote_file(name: Any, size: Any, url: str, sha256: Any = None, git_sha1: Any = None) -> RemoteFile | None:
    """One row of a listing, or None when it is none of ours: in a folder, oddly named, or not told completely."""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        return None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MOST_WEIGHTS:
        return None
    return RemoteFile(name, size, url, _digest(sha256, 64), _digest(git_sha1, 40))


def rows(told: Any) -> list[Mapping[str, Any]]:
    """The rows of a listing, as far as they are objects, and not without end."""
    return [row for row in told[:_MOST_FILES] if isinstance(row, dict)] if isinstance(told, list) else []


def needed(listing: Listing, index: Any = None, *, code: bool = False) -> list[RemoteFile]:
    """The files without which the model does not answer, small ones first; `code` adds the Python that comes with it.

    `index` is what the listing's index of the weights says, where it has one. Raises `CheckpointError`.
    """
    files = listing.files
    if "config.json" not in files:
        raise CheckpointError("There is no config.json: that is no model.", hint="is the name right, and the revision?")
    small = [
        file
        for name, file in files.items()
        if name == weights.INDEX or _SMALL.fullmatch(name) or (code and _CODE.fullmatch(name))
    ]
    large = [_weights(listing, name) for name in _shards(listing, index)]
    for file in small:
        if file.size > MOST_SMALL:
            raise CheckpointError(
                f"{file.name} has {file.size} bytes, which makes no sense.", hint="try another source"
            )
    return sorted(small, key=lambda file: file.name) + large


def _shards(listing: Listing, index: Any) -> tuple[str, ...]:
    if weights.SINGLE in listing.files:
        return (weights.SINGLE,)
    if weights.INDEX not in listing.files:
        raise CheckpointError(
            "It has no weights in safetensors files.", hint="look for a revision or a copy of it with *.safetensors"
        )
    try:
        return weights.indexed(index, "the model")
    except EngineError as error:
        raise CheckpointError(error.message, hint="try another source") from None


def _weights(listing: Listing, name: str) -> RemoteFile:
    file = listing.files.get(name)
    if file is None:
        raise CheckpointError(f"The hub does not have {name}, which belongs to it.", hint="try another revision")
    if file.sha256 is None:
        raise CheckpointError(f"The hub tells no checksum of {name}.", hint="try another source")
    return file


def _digest(text: Any, length: int) -> str | None:
    if isinstance(text, str) and len(text) == length and re.fullmatch(r"[0-9a-f]+", text):
        return text
    return None
