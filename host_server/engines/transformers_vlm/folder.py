"""Where a model is on this machine, and whether all of it is there; nothing is ever fetched from here.

Fetching is `bridge-host pull`'s: it shows progress and verifies. A model's process that waited for a hub, for minutes
or for ever, would only look hung.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from host_server.engines.base import EngineError
from host_server.engines.options import EngineOptions

__all__ = ["config_of", "find", "is_hub_id", "name_of"]

_ID: Final = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,95}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}")
_MOST_CONFIG: Final = 16 * 1024 * 1024


def is_hub_id(model: str) -> bool:
    """Whether this names a model on a hub (`OWNER/NAME`), as opposed to a folder."""
    return _ID.fullmatch(model) is not None and ".." not in model and "--" not in model


def name_of(model: str, options: EngineOptions) -> str:
    """For people: a model's name without its folder or owner, and how it is loaded where that is unusual."""
    path = Path(model).expanduser()
    name = (path.resolve() if path.is_dir() else path).name
    at = f"@{options.revision}" if options.revision else ""
    return name + at + ("" if options.quantize == "none" else f" ({options.quantize})")


def is_revision(text: str) -> bool:
    """Whether this can be a branch, a tag or a commit: it becomes part of a path and of a URL."""
    return _REVISION.fullmatch(text) is not None and all(text.split("/")) and ".." not in text


def find(model: str, revision: str | None = None) -> Path:
    """The folder of a model: itself, or what was pulled of a hub id. Raises `EngineError`."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if not is_hub_id(model):
        raise EngineError(f"There is no folder {model}.", hint="give a folder with config.json, or OWNER/NAME of a hub")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        at = f" --revision {revision}" if revision else ""
        raise EngineError(
            f"{model} is not on this machine.", hint=f"`bridge-host pull {model}{at}` fetches it"
        ) from None


def config_of(folder: Path) -> dict[str, Any]:
    """What config.json says. Raises `EngineError`."""
    path = folder / "config.json"
    if not path.is_file():
        raise EngineError(
            f"There is no config.json in {folder.resolve()}.", hint="give the folder that holds config.json"
        )
    with path.open("rb") as file:
        text = file.read(_MOST_CONFIG)
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise EngineError(f"config.json of {folder.name} is broken.", hint="fetch the model again")
    return config
