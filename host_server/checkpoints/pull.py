"""Have a model on this machine, each of its files verified, so that it loads without a network."""

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from host_server.checkpoints.cache import ModelFolder
from host_server.checkpoints.errors import ChecksumError
from host_server.checkpoints.fetch import PAUSE_S, Stopped, fetch, is_right
from host_server.checkpoints.files import MOST_SMALL, Listing, RemoteFile, needed
from host_server.checkpoints.sources import Source
from host_server.checkpoints.web import Web
from host_server.engines.base import EngineError
from host_server.engines.transformers_vlm import weights

__all__ = ["Pulled", "Watcher", "index_of", "pull"]

_AT_ONCE: Final = 4
"""Connections: a hub gives each its share."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model that is here."""

    folder: Path
    commit: str
    files: tuple[RemoteFile, ...]
    fetched: int
    """Bytes that had to come."""

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Watcher:
    """Whom progress is told; called from several threads."""

    begins: Callable[[Sequence[RemoteFile], int], None] = lambda _files, _to_come: None
    """All files, and the bytes that are to come."""
    advanced: Callable[[RemoteFile, int], None] = lambda _file, _count: None
    """So many bytes more of this one are here; fewer when a part was thrown away."""


def pull(
    web: Web,
    source: Source,
    cache: Path,
    model: str,
    *,
    revision: str | None = None,
    code: bool = False,
    watcher: Watcher | None = None,
    pause_s: float = PAUSE_S,
) -> Pulled:
    """Fetch what is not here of `model`, verify all of it, and only then let it be seen.

    Raises `CheckpointError`, and `OSError` where the disk does not do its part. Whatever it ends with, the bytes that
    came stay and are not fetched again.
    """
    watcher = watcher or Watcher()
    at = revision or source.default_revision
    listing = source.listing(model, at)
    folder = ModelFolder(cache, model)
    with folder.locked():
        files = needed(listing, index_of(web, listing), code=code)
        to_come = folder.make_room(listing, files)
        watcher.begins(files, to_come)
        _fetch_all(web, listing, folder, files, watcher, pause_s)
        # What is loaded without naming a revision is what was pulled without naming one, wherever it came from.
        revisions = {at} if revision else {at, "main"}
        shown = folder.show(listing, files, revisions)
    try:
        weights.read_weights(shown)
    except EngineError as error:
        raise ChecksumError(
            error.message, hint="the hub's own copy is broken; try another revision or source"
        ) from None
    return Pulled(shown, listing.commit, tuple(files), to_come)


def index_of(web: Web, listing: Listing) -> Any:
    """What the index of the weights says, where they are in several files: which other files belong to them."""
    file = listing.files.get(weights.INDEX)
    if file is None or weights.SINGLE in listing.files:
        return None
    try:
        return json.loads(web.read(file.url, most=MOST_SMALL, what=file.name))
    except (ValueError, RecursionError):
        return None


def _fetch_all(
    web: Web, listing: Listing, folder: ModelFolder, files: Sequence[RemoteFile], watcher: Watcher, pause_s: float
) -> None:
    stop = threading.Event()

    def one(target: Path, file: RemoteFile) -> None:
        if target.is_file():
            if is_right(file, target, stop):
                watcher.advanced(file, file.size)
                return
            target.unlink()
        fetch(web, file, target, advanced=partial(watcher.advanced, file), stop=stop, pause_s=pause_s)

    # Files with the same content are one blob.
    targets = {folder.blob(listing.commit, file): file for file in files}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="pull") as pool:
        running = [pool.submit(one, target, file) for target, file in targets.items()]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)
    failures = [error for task in running if not task.cancelled() and (error := task.exception()) is not None]
    for error in sorted(failures, key=lambda error: isinstance(error, Stopped)):
        raise error
