"""Hubs: what they are called, how they list a model, where its files are."""

import hashlib
import os
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote, urlencode

from host_server.checkpoints.errors import CheckpointError
from host_server.checkpoints.files import Listing, remote_file, rows
from host_server.checkpoints.web import Web

__all__ = ["HUGGING_FACE", "HuggingFace", "ModelScope", "Source", "SourceName", "endpoint_of", "source_of"]

SourceName = Literal["huggingface", "modelscope"]

HUGGING_FACE: Final = "https://huggingface.co"

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_ENDPOINTS: Final[Mapping[SourceName, tuple[str, str]]] = {
    "huggingface": ("HF_ENDPOINT", HUGGING_FACE),
    "modelscope": ("MODELSCOPE_ENDPOINT", "https://modelscope.cn"),
}


class Source(Protocol):
    """A hub that is asked for one model after the other."""

    default_revision: str

    def listing(self, model: str, revision: str) -> Listing:
        """The model's files. Raises `CheckpointError`."""
        ...


class HuggingFace:
    """The Hugging Face hub, or a mirror that answers as it does."""

    default_revision = "main"

    def __init__(self, web: Web) -> None:
        self._web = web

    def listing(self, model: str, revision: str) -> Listing:
        """`GET /api/models/ID/revision/REVISION?blobs=true` tells commit, sizes and checksums."""
        at = f"{self._web.endpoint}/api/models/{model}/revision/{quote(revision, safe='')}?blobs=true"
        told = self._web.json(at, what=f"{model} at {revision}")
        commit = told.get("sha") if isinstance(told, dict) else None
        if not isinstance(commit, str) or _COMMIT.fullmatch(commit) is None:
            raise CheckpointError("The hub does not say which commit that is.", hint=_HINT)
        files = f"{self._web.endpoint}/{model}/resolve/{commit}"
        return Listing.of(commit, (_row(row, files) for row in rows(told.get("siblings"))))


class ModelScope:
    """ModelScope, whose listing names a checksum but no commit: one is made of the checksums."""

    default_revision = "master"

    def __init__(self, web: Web) -> None:
        self._web = web

    def listing(self, model: str, revision: str) -> Listing:
        """`GET /api/v1/models/ID/repo/files?Revision=…&Recursive=true` tells names, sizes and checksums."""
        base = f"{self._web.endpoint}/api/v1/models/{model}/repo"
        asked = f"{base}/files?{urlencode({'Revision': revision, 'Recursive': 'true'})}"
        told = self._web.json(asked, what=f"{model} at {revision}")
        data = told.get("Data") if isinstance(told, dict) else None
        found = rows(data.get("Files") if isinstance(data, dict) else None)
        if not found:
            raise CheckpointError(f"ModelScope does not know {model} at {revision}.", hint="check OWNER/NAME")
        files = [
            remote_file(
                row.get("Path"),
                row.get("Size"),
                f"{base}?{urlencode({'Revision': revision, 'FilePath': str(row.get('Path'))}, errors='replace')}",
                row.get("Sha256"),
            )
            for row in found
            if row.get("Type") != "tree"
        ]
        contents = sorted(f"{file.name} {file.size} {file.sha256}" for file in files if file is not None)
        commit = hashlib.sha256("\n".join(contents).encode()).hexdigest()[:40]
        return Listing.of(commit, files)


def endpoint_of(name: SourceName, given: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """Where that hub is: as given, else as its own variable says, else its home."""
    variable, home = _ENDPOINTS[name]
    return given or environ.get(variable) or home


def source_of(name: SourceName, web: Web) -> Source:
    """The hub of that name."""
    return HuggingFace(web) if name == "huggingface" else ModelScope(web)


def _row(row: Mapping[str, Any], files: str) -> Any:
    large = row.get("lfs")
    name = row.get("rfilename")
    sha256 = large.get("sha256") if isinstance(large, dict) else None
    git_sha1 = None if isinstance(large, dict) else row.get("blobId")
    return remote_file(name, row.get("size"), f"{files}/{quote(str(name), errors='replace')}", sha256, git_sha1)


_HINT: Final = "is --endpoint a Hugging Face hub? for ModelScope there is --source modelscope"
