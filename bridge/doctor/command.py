"""Which `bridge` the shell finds: iproute2 ships one too, for network bridges, and PATH decides between them."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.doctor.finding import Finding, passed, warned

__all__ = ["AREA", "CommandFacts", "judge_command", "look_for_command"]

AREA = "command"
HEAD_BYTES = 2048
OURS = b"bridge.cli.app"


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """What PATH gives for our two names, whether each is ours, and where this command's own files are."""

    bridge: Path | None
    bridge_ours: bool
    alias: Path | None
    alias_ours: bool
    folder: Path


def look_for_command(environ: Mapping[str, str]) -> CommandFacts:
    """Look where the shell would."""
    folder = Path(sys.executable).parent
    bridge, alias = (_which(name, environ) for name in ("bridge", "lensbridge"))
    return CommandFacts(bridge, _is_ours(bridge, folder), alias, _is_ours(alias, folder), folder)


def judge_command(facts: CommandFacts) -> Finding:
    """Whether typing `bridge` starts this one."""
    if facts.bridge is not None and facts.bridge_ours:
        return passed(AREA, "name", f"`bridge` is {facts.bridge}", path=str(facts.bridge))
    if facts.alias_ours:
        hint = "type `lensbridge`, the same command by its other name"
    else:
        hint = f'put this one first: export PATH="{facts.folder}:$PATH"; `python -m bridge` works too'
    if facts.bridge is None:
        return warned(AREA, "name", "your shell finds no `bridge`", hint=hint)
    text = f"your shell finds {facts.bridge}, another program (iproute2 has one of that name)"
    return warned(AREA, "name", text, hint=hint, path=str(facts.bridge))


def _which(name: str, environ: Mapping[str, str]) -> Path | None:
    found = shutil.which(name, path=environ.get("PATH", os.defpath))
    return Path(found) if found else None


def _is_ours(path: Path | None, folder: Path) -> bool:
    """Installed beside our Python, or a script of another installation that starts the same command."""
    if path is None:
        return False
    if path.parent.resolve() == folder.resolve():
        return True
    try:
        with path.open("rb") as file:
            return OURS in file.read(HEAD_BYTES)
    except OSError:
        return False
