"""A disk so small that a test can fill it: a tmpfs of its own, which takes root to mount."""

import contextlib
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["SmallDisk", "small_disk"]

_BLOCK = 4096
_MOUNT, _UMOUNT = "/bin/mount", "/bin/umount"


@dataclass(frozen=True)
class SmallDisk:
    """`path` is where it is mounted."""

    path: Path

    def fill(self, *, leave: int = 0) -> None:
        """Let nothing fit any more, or only so many blocks of 4 KiB."""
        with contextlib.suppress(OSError), (self.path / "ballast").open("ab", buffering=0) as file:
            while True:
                file.write(bytes(_BLOCK))
        if leave:
            with (self.path / "ballast").open("r+b") as file:
                file.truncate((self.path / "ballast").stat().st_size - leave * _BLOCK)

    def empty(self) -> None:
        """There is room again."""
        (self.path / "ballast").unlink()


@contextlib.contextmanager
def small_disk(path: Path, *, megabytes: int) -> Generator[SmallDisk]:
    """Mount it for the block; the test is skipped where that is not allowed."""
    path.mkdir()
    options = f"size={megabytes}m,mode=700"
    done = subprocess.run([_MOUNT, "-t", "tmpfs", "-o", options, "none", path], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"needs root to mount a small disk: {done.stderr.decode().strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run([_UMOUNT, "--lazy", path], check=True)
