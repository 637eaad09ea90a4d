"""Who a phone is to this laptop: serials collide between laptops, and are nobody else's business."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

__all__ = ["device_id"]

_INSTALL_BYTES: Final = 16


def device_id(state_dir: Path, serial: str) -> str:
    """Give the stable id of the phone with this adb serial for the bridge that keeps its state in `state_dir`."""
    digest = hashlib.sha256(_install_id(state_dir) + b"\0" + serial.encode("utf-8", "surrogateescape"))
    return "dev_" + digest.hexdigest()[:16]


def _install_id(state_dir: Path) -> bytes:
    """Read the bridge's own random id, made at the first use; of two processes that make it at once, one wins."""
    path = state_dir / "install.id"
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = _read(path)
    if kept is not None:
        return kept
    fresh = state_dir / f".install.id.{secrets.token_hex(8)}"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(_INSTALL_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(fresh)  # unlike a rename it never replaces another process's id
    except FileExistsError:
        if _read(path) is None:  # not ours, or torn: the old id is lost either way
            fresh.replace(path)
    fresh.unlink(missing_ok=True)
    return _read(path) or b""


def _read(path: Path) -> bytes | None:
    try:
        kept = path.read_bytes()
    except FileNotFoundError:
        return None
    return kept if len(kept) == _INSTALL_BYTES else None
