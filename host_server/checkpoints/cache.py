"""The cache that huggingface_hub, transformers and we share: where a model lies, and how it becomes visible.

```
models--OWNER--NAME/blobs/CHECKSUM              the bytes
models--OWNER--NAME/snapshots/COMMIT/NAME ─►    a link to them; made when all are there, so what is seen is whole
models--OWNER--NAME/refs/REVISION               COMMIT, written last
```
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from host_server.checkpoints.errors import CheckpointError, NoRoomError
from host_server.checkpoints.files import Listing, RemoteFile
from host_server.engines.base import EngineNotInstalledError

__all__ = ["ModelFolder", "hub_cache", "own_token"]

_SPARE: Final = 256 * 1024 * 1024
"""Bytes that stay free: a disk that is full to the last byte breaks more than one download."""


class ModelFolder:
    """One model in the cache."""

    def __init__(self, cache: Path, model: str) -> None:
        self._folder = cache / f"models--{model.replace('/', '--')}"
        self._blobs = self._folder / "blobs"

    @contextmanager
    def locked(self) -> Generator[None]:
        """Inside the block no other pull touches this model. Raises `CheckpointError` where one does."""
        self._blobs.mkdir(parents=True, exist_ok=True)
        with (self._folder / "pull.lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CheckpointError(
                    "This model is being pulled by another process.", hint="wait for it; it can be started again"
                ) from None
            yield

    def blob(self, commit: str, file: RemoteFile) -> Path:
        """Where a file's bytes are kept: under its checksum, or what stands for it where none is known."""
        name = file.checksum or hashlib.sha256(f"{commit}/{file.name}".encode()).hexdigest()
        return self._blobs / name

    def make_room(self, listing: Listing, files: Iterable[RemoteFile]) -> int:
        """Bytes that are to come. Raises `NoRoomError` where the disk has not so many."""
        missing = {self.blob(listing.commit, file): file.size for file in files}
        count = sum(max(0, size - _size_of(path)) for path, size in missing.items())
        free = shutil.disk_usage(self._blobs).free
        if count and count + _SPARE > free:
            raise NoRoomError(
                f"{count / 1e9:.1f} GB are to come, and {free / 1e9:.1f} GB are free in {self._folder.parent}.",
                hint="free some space, or set HF_HUB_CACHE to a folder on a larger disk",
            )
        return count

    def show(self, listing: Listing, files: Iterable[RemoteFile], revisions: Iterable[str]) -> Path:
        """Let these files be seen as the model at these revisions; returns their folder."""
        snapshot = self._folder / "snapshots" / listing.commit
        unfinished = self._folder / "snapshots" / f".{listing.commit}.{os.getpid()}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for file in files:
            _link(self.blob(listing.commit, file), unfinished / file.name)
        if snapshot.is_dir():  # what others put there stays
            for link in unfinished.iterdir():
                link.replace(snapshot / link.name)
            unfinished.rmdir()
        else:
            unfinished.replace(snapshot)
        for revision in revisions:
            if revision != listing.commit:
                _write(self._folder / "refs" / revision, listing.commit)
        return snapshot


def hub_cache() -> Path:
    """Where huggingface_hub keeps models, as its environment variables say. Raises `EngineNotInstalledError`."""
    try:
        from huggingface_hub import constants
    except ImportError:
        raise EngineNotInstalledError("huggingface_hub is not installed.", hint="pip install huggingface_hub") from None
    return Path(constants.HF_HUB_CACHE)


def own_token() -> str | None:
    """The token that was left here for the Hugging Face hub (`hf auth login`, `HF_TOKEN`)."""
    from huggingface_hub import get_token

    return get_token()


def _size_of(path: Path) -> int:
    """Of what is there of a blob, whole or not."""
    for candidate in (path, path.with_name(path.name + ".incomplete")):
        if candidate.is_file():
            return candidate.stat().st_size
    return 0


def _link(blob: Path, link: Path) -> None:
    try:
        link.symlink_to(Path("..", "..", "blobs", blob.name))
    except OSError:  # a disk that knows no symbolic links
        os.link(blob, link)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="ascii")
    unfinished.replace(path)
