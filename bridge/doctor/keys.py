"""The key that phones know this laptop by: `~/.android/adbkey`, made by adb, remembered by each phone that said yes."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.doctor.finding import Finding, failed, passed, warned

__all__ = ["AREA", "KeyFacts", "judge_key", "look_at_key"]

AREA = "adb"
KEY_LIMIT = 8192
BEGINNING = b"-----BEGIN"
OTHERS = 0o077
AGAIN = "phones will then ask again whether they allow this laptop"


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What lies at the key's path. `mode` is None when nothing does, `head` when it cannot be read."""

    path: Path
    folder_ours: bool
    mode: int | None = None
    ours: bool = True
    head: bytes | None = None


def look_at_key(environ: Mapping[str, str]) -> KeyFacts:
    """Look, and change nothing."""
    folder = Path(environ.get("HOME") or Path.home()) / ".android"
    path = folder / "adbkey"
    folder_ours = not folder.exists() or (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK))
    try:
        info = path.stat()
    except OSError:
        return KeyFacts(path, folder_ours)
    head = None
    if stat.S_ISREG(info.st_mode):
        try:
            with path.open("rb") as file:
                head = file.read(KEY_LIMIT)
        except OSError:
            head = None
    return KeyFacts(path, folder_ours, info.st_mode, info.st_uid == os.getuid(), head)


def judge_key(facts: KeyFacts) -> Finding:
    """Whether adb can use the key, and whether others could."""
    path = facts.path
    if facts.mode is None:
        if facts.folder_ours:
            return passed(AREA, "key", f"none yet; adb makes {path} when it starts a server")
        hint = f"sudo chown -R $USER {path.parent}"
        return failed(AREA, "key", f"{path.parent} cannot be written: no key can be made", hint=hint)
    if facts.head is None:
        hint = f"sudo chown -R $USER {path.parent}, or move it away: {AGAIN}"
        return failed(AREA, "key", f"{path} cannot be read: no phone will know this laptop", hint=hint)
    if not facts.head.startswith(BEGINNING):
        hint = f"move it away and restart the adb server: {AGAIN}"
        return failed(AREA, "key", f"{path} holds no key", hint=hint)
    if facts.mode & OTHERS or not facts.ours:
        text = f"{path} can be read by others: whoever has it may use every phone that trusts this laptop"
        return warned(AREA, "key", text, hint=f"chmod 600 {path}", mode=oct(stat.S_IMODE(facts.mode)))
    return passed(AREA, "key", f"{path}, yours alone")
