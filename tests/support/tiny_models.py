"""Tiny vision-language models, made by `tools.tiny_vlm` once for each state of that tool and kept below .make/.

They are made in a process of their own: a test that only hands a folder to a host need not import torch.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

__all__ = ["colour_model", "tiny_model"]

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "tiny_vlm"
KEPT = ROOT / ".make" / "tiny_models"
DEADLINE_S = 240.0


def tiny_model(family: str) -> Path:
    """A model of that family with random weights: same weights each time, right in shape, nonsense in words."""
    return _made("untrained", "--family", "all") / family


def colour_model() -> Path:
    """A glm4v that names the colour of a picture: in English, or in Chinese where the question is."""
    return _made("colours", "--train")


def _made(name: str, *words: str) -> Path:
    folder = KEPT / f"{name}-{_state()}"
    if folder.is_dir():
        return folder
    KEPT.mkdir(parents=True, exist_ok=True)
    with Path(KEPT, f"{name}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other workers of this run wait here for the one that makes it
        if not folder.is_dir():
            _make(folder, words)
    return folder


def _make(folder: Path, words: tuple[str, ...]) -> None:
    unfinished = KEPT / uuid.uuid4().hex
    done = subprocess.run(
        [sys.executable, "-m", "tools.tiny_vlm", unfinished, *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    unfinished.rename(folder)


def _state() -> str:
    """What the models depend on: the tool and the two packages."""
    try:
        versions = f"{version('torch')} {version('transformers')}"
    except PackageNotFoundError:
        pytest.skip("the extra `gpu` is not installed")
    source = b"".join(path.read_bytes() for path in sorted(TOOL.glob("*.py")))
    return hashlib.sha256(versions.encode() + source).hexdigest()[:16]
