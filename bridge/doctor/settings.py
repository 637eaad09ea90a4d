"""Where each setting came from, and whether the state folder is ours alone."""

import os
import stat
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bridge.config import Settings
from bridge.doctor.finding import Finding, failed, passed, warned
from bridge.errors import UsageError

__all__ = ["AREA", "judge_origins", "judge_problem", "judge_state_folder", "judge_unknown", "look_at_folder"]

AREA = "settings"
SECRETS = frozenset({"token"})
OTHERS_WRITE = 0o022
PREFIX = "BRIDGE_"
_MOST_UNKNOWN = 10
KNOWN = ("DEBUG", *(name.upper() for name in Settings.model_fields))


def judge_origins(settings: Settings, origins: Mapping[str, str]) -> list[Finding]:
    """A line for each setting that somebody set, with the place; one for all the rest."""
    found = [
        _line(name, getattr(settings, name), origins[name]) for name in type(settings).model_fields if name in origins
    ]
    rest = {name: _shown(name, getattr(settings, name)) for name in type(settings).model_fields if name not in origins}
    return [*found, passed(AREA, "defaults", f"as they come: {', '.join(rest)}", values=rest)]


def judge_unknown(environ: Mapping[str, str]) -> list[Finding]:
    """A variable that nobody reads: a slip of the pen sets nothing, and nobody else says so."""
    ours = sorted(name.removeprefix(PREFIX) for name in environ if name.startswith(PREFIX))
    unknown = [name for name in ours if name not in KNOWN][:_MOST_UNKNOWN]
    return [warned(AREA, "unknown", f"{PREFIX}{name} sets nothing", hint=_meant(name)) for name in unknown]


def judge_problem(problem: UsageError) -> Finding:
    """A file or variable that cannot be read: every other command would end with it."""
    return failed(
        AREA, "read", problem.message, hint=f"{problem.hint}; until then no command that needs a setting runs"
    )


def look_at_folder(state_dir: Path) -> tuple[int, bool] | None:
    """Kind and permission bits of the state folder, and whether it is ours; None while there is none."""
    try:
        info = state_dir.stat()
    except OSError:
        return None
    return info.st_mode, info.st_uid == os.getuid()


def judge_state_folder(state_dir: Path, seen: tuple[int, bool] | None) -> Finding:
    """Tokens and pictures lie there, so nobody else may write in it."""
    if seen is None:
        return passed(AREA, "folder", f"{state_dir}, made at the first use")
    mode, ours = seen
    if not stat.S_ISDIR(mode):
        return failed(AREA, "folder", f"{state_dir} is no folder", hint="name another with --state-dir")
    if ours and not mode & OTHERS_WRITE:
        return passed(AREA, "folder", f"{state_dir}, yours alone")
    text = f"{state_dir} belongs to somebody else or may be written by others"
    return failed(AREA, "folder", text, hint=f"chmod go-w {state_dir}, or name another with --state-dir")


def _meant(name: str) -> str:
    nearest = get_close_matches(name, KNOWN, n=1)
    return f"is {PREFIX}{nearest[0]} meant?" if nearest else "docs/reference/settings.md lists those that are read"


def _line(name: str, value: Any, place: str) -> Finding:
    where = {"environment": f"BRIDGE_{name.upper()}", "flag": f"--{name.replace('_', '-')}"}.get(place, place)
    return passed(AREA, name, f"{name} = {_shown(name, value)}, from {where}", value=_shown(name, value), origin=place)


def _shown(name: str, value: Any) -> str:
    """A value for people; a secret is only said to be there."""
    if name in SECRETS and value is not None:
        return "(secret)"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "(none)"
    return "(none)" if value is None else str(value)
