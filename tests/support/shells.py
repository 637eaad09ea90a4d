"""The shells of this machine that can stand for a phone's, and commands that stand for Android's."""

import shutil
from pathlib import Path

PATIENCE = 10.0
SHELLS = [shell for shell in ("mksh", "dash", "busybox") if shutil.which(shell)]


def shell_command(shell: str) -> list[str]:
    return [shell, "ash"] if shell == "busybox" else [shell]


def stubs(folder: Path, **tools: str) -> Path:
    """A folder of commands."""
    place = folder / "tools"
    place.mkdir()
    for name, text in tools.items():
        (place / name).write_text(f"#!/bin/sh\n{text}\n")
        (place / name).chmod(0o755)
    return place
